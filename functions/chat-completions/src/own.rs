//! A chat for a model whose provider does not speak OpenAI's protocol: its texts, in the provider's own. What cannot be said in that
//! is refused, and named.

use async_stream::stream;
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use lambent_llm::{Chunk, CompletionStream, Finish, Models, Prompt, Role, Turn};
use lambent_schema::{Problem, Usage, Violation};
use lambent_service::{Call, Failure, Piece, Stage, stream::relay};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{Asking, body::Body};

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

/// Asks it.
pub(crate) async fn ask(
    asking: &Asking<'_>,
    models: &Models,
    output_tokens: u32,
) -> Result<Response, Failure> {
    let (call, body) = (asking.call, asking.body);
    let prompt = prompt(body).map_err(|broken| Failure::new(Problem::invalid(broken)))?;
    let models = models.metered(asking.tally.share(), Some(output_tokens));
    let answer = Answer {
        id: format!("chatcmpl-{}", call.id.as_str()),
        created: OffsetDateTime::now_utc().unix_timestamp(),
        model: models.model().to_owned(),
        wants_usage: body.wants_usage,
    };
    if body.stream {
        let chunks = models.stream(&prompt, None, call.deadline).await?;
        call.record.first_token();
        return Ok(relay(
            call.clone(),
            answer.pieces(call.clone(), asking.began, chunks),
        ));
    }
    let completion = models.complete(&prompt, call.deadline).await?;
    call.record.first_token_at(completion.first_token_at);
    call.record.stage(Stage::Model, asking.began.elapsed());
    Ok(Json(answer.whole(&completion.text, completion.finish, completion.usage)).into_response())
}

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
fn prompt(body: &Body) -> Result<Prompt, Vec<Violation>> {
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
    match prompt.turns.pop() {
        Some(Turn {
            role: Role::User,
            content,
        }) => prompt.user = content,
        _ if broken.is_empty() => {
            broken.push(Violation::of(
                "messages",
                "The last one must be the user's, for this model here",
                "unsupported_value",
            ));
        }
        _ => {}
    }
    if broken.is_empty() {
        Ok(prompt)
    } else {
        Err(broken)
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

/// What all objects of an answer have in common.
struct Answer {
    id: String,
    created: i64,
    model: String,
    wants_usage: bool,
}

impl Answer {
    fn whole(&self, text: &str, finish: Finish, usage: Usage) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "logprobs": null,
                "finish_reason": reason(finish),
            }],
            "usage": in_openais_words(usage),
        })
    }

    fn chunk(&self, choices: &Value) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        });
        if self.wants_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> String {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        event(&self.chunk(&choices))
    }

    fn end(&self, finish: Finish, usage: Usage) -> String {
        let mut end = self.delta(&json!({}), Some(reason(finish)));
        if self.wants_usage {
            let mut chunk = self.chunk(&json!([]));
            chunk["usage"] = in_openais_words(usage);
            end += &event(&chunk);
        }
        end + "data: [DONE]\n\n"
    }

    fn pieces(
        self,
        call: Call,
        began: Instant,
        mut chunks: CompletionStream,
    ) -> impl Stream<Item = Result<Piece, Failure>> + Send {
        stream! {
            yield Ok(next(self.delta(&json!({"role": "assistant", "content": ""}), None)));
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(Chunk::Delta(text)) => yield Ok(next(self.delta(&json!({"content": text}), None))),
                    Ok(Chunk::End { usage, finish }) => {
                        call.record.stage(Stage::Model, began.elapsed());
                        yield Ok(Piece::Last(Bytes::from(self.end(finish, usage))));
                    }
                    Err(error) => {
                        call.record.stage(Stage::Model, began.elapsed());
                        yield Err(error.into());
                    }
                }
            }
        }
    }
}

fn next(event: String) -> Piece {
    Piece::Next(Bytes::from(event))
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn in_openais_words(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Other => "stop",
        Finish::Length => "length",
    }
}
