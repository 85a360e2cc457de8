use genai::chat::ChatRole;
use serde_json::json;

use super::*;

fn prompt() -> Prompt {
    Prompt {
        system: "Instructions.".to_owned(),
        user: "Document.".to_owned(),
        ..Prompt::default()
    }
}

fn turn(role: Role, content: &str) -> Turn {
    let content = content.to_owned();
    Turn { role, content }
}

/// Who says what, in the order in which it is sent.
fn messages(prompt: &Prompt, rejected: Option<&Rejected>) -> Vec<(ChatRole, String)> {
    let request = request(prompt, None, AdapterKind::OpenAI, rejected);
    let messages = request.messages.into_iter();
    messages
        .map(|message| (message.role, message.content.joined_texts().unwrap()))
        .collect()
}

fn schema() -> ReplySchema {
    ReplySchema::new("reply", json!({"type": "object", "title": "a-schema"})).unwrap()
}

#[test]
fn the_schema_goes_where_the_provider_takes_it() {
    let schema = schema();
    let config = ModelConfig::new("m");
    for (provider, in_options, in_system) in [
        (AdapterKind::OpenAI, true, false),
        (AdapterKind::Anthropic, true, false),
        (AdapterKind::Gemini, true, false),
        (AdapterKind::BedrockApi, false, true),
        (AdapterKind::Ollama, false, true),
        (AdapterKind::DeepSeek, false, true),
    ] {
        let format = options(&config, 10, Some(&schema), provider).response_format;
        assert_eq!(
            matches!(format, Some(ChatResponseFormat::JsonSpec(_))),
            in_options,
            "{provider}"
        );
        let system = request(&prompt(), Some(&schema), provider, None).system.unwrap();
        assert_eq!(system.contains("a-schema"), in_system, "{provider}");
        assert!(system.starts_with("Instructions."));
    }
}

#[test]
fn text_is_asked_for_without_a_schema_and_without_a_temperature() {
    let options = options(&ModelConfig::new("m"), 10, None, AdapterKind::OpenAI);
    assert!(options.response_format.is_none());
    assert_eq!(
        (options.temperature, options.max_tokens, options.capture_usage),
        (None, Some(10), Some(true))
    );
    assert_eq!(
        request(&prompt(), None, AdapterKind::Ollama, None)
            .system
            .as_deref(),
        Some("Instructions.")
    );
}

#[test]
fn a_rejected_answer_goes_back_with_the_complaint() {
    let rejected = Rejected {
        reply: String::new(),
        complaint: "Too short.".to_owned(),
    };
    let texts: Vec<_> = messages(&prompt(), Some(&rejected))
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts, ["Document.", "(no answer)", "Too short."]);
}

#[test]
fn turns_stand_before_the_question_and_its_rejected_answer_after_it() {
    let prompt = Prompt {
        turns: vec![
            turn(Role::User, "First question."),
            turn(Role::Assistant, "First answer."),
            turn(Role::User, "Second question."),
            turn(Role::Assistant, " "),
        ],
        ..prompt()
    };
    let rejected = Rejected {
        reply: "Rejected.".to_owned(),
        complaint: "Too short.".to_owned(),
    };
    let sent = messages(&prompt, Some(&rejected));
    let sent: Vec<_> = sent
        .iter()
        .map(|(role, text)| (role.clone(), text.as_str()))
        .collect();
    assert_eq!(
        sent,
        [
            (ChatRole::User, "First question."),
            (ChatRole::Assistant, "First answer."),
            (ChatRole::User, "Second question."),
            (ChatRole::Assistant, "(no answer)"),
            (ChatRole::User, "Document."),
            (ChatRole::Assistant, "Rejected."),
            (ChatRole::User, "Too short."),
        ]
    );
}

#[test]
fn without_turns_the_question_is_all_there_is() {
    assert_eq!(
        messages(&prompt(), None),
        [(ChatRole::User, "Document.".to_owned())]
    );
}

#[test]
fn turns_count_among_the_tokens() {
    let before = tokens(&prompt(), None, None);
    let turns = vec![turn(Role::User, "four"), turn(Role::Assistant, "日本語")];
    let prompt = Prompt { turns, ..prompt() };
    assert_eq!(tokens(&prompt, None, None), before + 1 + 3);
}
