//! A chat as a prompt: its texts, and whatever cannot be said in one.

use lambent_llm::{Prompt, Role, Turn};
use lambent_schema::Violation;
use serde::Deserialize;
use serde_json::Value;

use crate::body::Body;

/// What such a model cannot be asked for here.
const UNKNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "prediction",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "web_search_options",
];

#[derive(Deserialize)]
struct MessageIn {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

/// The messages as a prompt, or all that cannot be said in one.
pub(super) fn prompt(body: &Body) -> Result<Prompt, Vec<Violation>> {
    let refused = |name: &&&str| body.fields.get(name).is_some_and(|value| value != b"[]");
    let mut broken: Vec<Violation> = UNKNOWN
        .iter()
        .filter(refused)
        .map(|name| Violation::of(name, "Not supported by this model here", "unsupported_parameter"))
        .collect();
    if body.answers > 1 {
        broken.push(Violation::of(
            "n",
            "This model gives one answer here",
            "unsupported_value",
        ));
    }
    let messages: Vec<MessageIn> = serde_json::from_str(body.messages()).unwrap_or_else(|_| {
        broken.push(Violation::of(
            "messages",
            "Must be messages, each with a role and a content",
            "wrong_type",
        ));
        Vec::new()
    });
    let mut prompt = Prompt::default();
    for (place, message) in messages.into_iter().enumerate() {
        let mut wrong = |name: &str, detail: &str| {
            broken.push(Violation::of(
                &format!("messages/{place}/{name}"),
                detail,
                "unsupported_value",
            ));
        };
        if message.tool_calls.is_some() {
            wrong("tool_calls", "This model calls no tools here");
        }
        let text = match message.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                if parts.iter().any(|part| part.kind != "text") {
                    wrong("content", "This model takes text alone here");
                }
                parts.into_iter().map(|part| part.text).collect()
            }
        };
        match message.role.as_str() {
            "system" | "developer" => add(&mut prompt.system, &text),
            "user" => said(&mut prompt.turns, Role::User, &text),
            "assistant" => said(&mut prompt.turns, Role::Assistant, &text),
            _ => wrong(
                "role",
                "Must be system, developer, user or assistant for this model here",
            ),
        }
    }
    if broken.is_empty() {
        broken.extend(
            wrong_turns(&prompt.turns).map(|detail| Violation::of("messages", detail, "unsupported_value")),
        );
    }
    if !broken.is_empty() {
        return Err(broken);
    }
    prompt.user = prompt.turns.pop().map(|turn| turn.content).unwrap_or_default();
    Ok(prompt)
}

/// What providers refuse of the order of turns, and of what is in them.
fn wrong_turns(turns: &[Turn]) -> Option<&'static str> {
    let is_users = |turn: Option<&Turn>| turn.is_some_and(|turn| turn.role == Role::User);
    let is_blank = |turn: &Turn| turn.role == Role::User && turn.content.trim().is_empty();
    if !is_users(turns.last()) {
        Some("The last one must be the user's, for this model here")
    } else if !is_users(turns.first()) {
        Some("The first one, but for system's, must be the user's, for this model here")
    } else if turns.iter().any(is_blank) {
        Some("The user's must not be blank, for this model here")
    } else {
        None
    }
}

/// Providers want turns to alternate: what one side says twice is one turn.
fn said(turns: &mut Vec<Turn>, role: Role, text: &str) {
    match turns.last_mut() {
        Some(last) if last.role == role => add(&mut last.content, text),
        _ => turns.push(Turn {
            role,
            content: text.to_owned(),
        }),
    }
}

fn add(to: &mut String, text: &str) {
    if !to.is_empty() {
        to.push_str("\n\n");
    }
    to.push_str(text);
}

#[cfg(test)]
mod tests {
    use lambent_service::FromBody as _;

    use super::*;

    fn of(messages: &Value) -> Result<Prompt, Vec<Violation>> {
        let body = serde_json::json!({"model": "m", "messages": messages});
        prompt(&Body::from_body(body.to_string().into()).unwrap())
    }

    fn message(role: &str, content: &str) -> Value {
        serde_json::json!({"role": role, "content": content})
    }

    #[test]
    fn what_one_side_says_twice_is_one_turn() {
        let messages = [
            message("system", "Be brief."),
            message("user", "Hello."),
            message("assistant", "Yes?"),
            message("user", " "),
            message("user", "When?"),
        ];
        let prompt = of(&messages.to_vec().into()).unwrap();
        assert_eq!((prompt.system.as_str(), prompt.turns.len()), ("Be brief.", 2));
        assert_eq!(prompt.user.trim(), "When?");
    }

    #[test]
    fn what_a_provider_would_refuse_is_told_before_it_is_asked() {
        let (user, assistant) = (message("user", "When?"), message("assistant", "Yes?"));
        for (messages, expected) in [
            (vec![user.clone(), assistant.clone()], "The last one"),
            (vec![message("system", "Be brief.")], "The last one"),
            (vec![assistant.clone(), user.clone()], "The first one"),
            (vec![message("user", " \n")], "blank"),
            (vec![message("user", ""), assistant, user], "blank"),
        ] {
            let broken = of(&messages.into()).unwrap_err();
            assert_eq!(broken[0].pointer, "/messages");
            assert!(broken[0].detail.contains(expected), "{broken:?}");
        }
    }
}
