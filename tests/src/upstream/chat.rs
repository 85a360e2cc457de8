//! `POST /v1/chat/completions`, streaming and not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::behaviour::{Answer, Behaviour, Content, Fault, SECRET};
use super::counts::Open;
use super::frames::{Envelope, prompt_tokens, tokens};
use super::{State, sample};

pub(super) async fn completions(Shared(state): Shared<Arc<State>>, Json(request): Json<Value>) -> Response {
    let open = Open::new(&state.counters);
    match state.take(&request) {
        Behaviour::Answer(answer) => {
            let reply = Reply::new(&request, &answer);
            if request["stream"] == true {
                let frames = streamed(reply, answer, open).take_until(state.stop.clone().cancelled_owned());
                ([("content-type", "text/event-stream")], Body::from_stream(frames)).into_response()
            } else {
                whole(reply, answer, open).await
            }
        }
        Behaviour::Events(events) => {
            let mut open = open;
            open.over();
            ([("content-type", "text/event-stream")], events).into_response()
        }
        failure => fail(failure, &state, open).await,
    }
}

/// What a call gets that gets no answer.
pub(super) async fn fail(behaviour: Behaviour, state: &State, mut open: Open) -> Response {
    let Behaviour::Status {
        status,
        headers,
        body,
    } = behaviour
    else {
        state.stop.cancelled().await;
        open.over();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    open.over();
    let status = StatusCode::from_u16(status).expect("a status that a test wrote");
    let mut response = (status, Json(body)).into_response();
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, value.parse().expect("a header that a test wrote"));
    }
    response
}

/// An answer with everything about it decided.
struct Reply {
    envelope: Envelope,
    text: String,
    /// `tool_calls` of the message.
    tools: Vec<Value>,
    finish_reason: &'static str,
    prompt_tokens: usize,
}

impl Reply {
    fn new(request: &Value, answer: &Answer) -> Self {
        let limit = request["max_completion_tokens"]
            .as_u64()
            .or_else(|| request["max_tokens"].as_u64());
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).expect("a limit that fits")
        });
        let text = text(request, &answer.content);
        let words = tokens(&text);
        let cut = words.len() > limit;
        Self {
            envelope: Envelope {
                model: request["model"].clone(),
                include_usage: request["stream_options"]["include_usage"] == true,
            },
            finish_reason: match &answer.content {
                Content::Tools(_) => "tool_calls",
                _ if cut => "length",
                _ => "stop",
            },
            tools: tools(&answer.content),
            prompt_tokens: prompt_tokens(request),
            text: if cut { words[..limit].concat() } else { text },
        }
    }
}

fn tools(content: &Content) -> Vec<Value> {
    let Content::Tools(calls) = content else {
        return Vec::new();
    };
    let call = |(place, (name, arguments)): (usize, &(String, Value))| {
        json!({
            "index": place, "id": format!("call_{place}"), "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()},
        })
    };
    calls.iter().enumerate().map(call).collect()
}

fn text(request: &Value, content: &Content) -> String {
    let schema = &request["response_format"]["json_schema"]["schema"];
    let json = |value: Value| serde_json::to_string_pretty(&value).expect("JSON to text");
    match content {
        Content::Text(text) => text.clone(),
        Content::AsAsked if schema.is_null() => {
            "The loopback model has nothing to say about this.".to_owned()
        }
        Content::AsAsked => json(sample::fitting(schema)),
        Content::NotAsAsked => json(sample::unfitting(schema)),
        Content::Tools(_) => String::new(),
        Content::Number => {
            let prompt = request["messages"].to_string();
            json(json!({"summary": prompt.split('#').nth(1).unwrap_or_default()}))
        }
    }
}

/// Long enough for what was written to reach the client, and for the client to leave.
const FLUSH: Duration = Duration::from_millis(50);

/// The events of a stream; an `Err` makes the server drop the connection.
fn streamed(reply: Reply, answer: Answer, mut open: Open) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream! {
        let Reply { envelope, text, tools, finish_reason, prompt_tokens } = reply;
        let words = tokens(&text);
        yield Ok(event(&envelope.chunk(&json!({"role": "assistant", "content": "", "refusal": null}), None)));
        // Due times, not sleeps one after the other: the pace stays what it is when many streams share the processor.
        let mut due = Instant::now() + answer.first_token;
        for sent in 0..=words.len() {
            match &answer.fault {
                Some((after, fault)) if *after == sent => match fault {
                    Fault::Cut => {
                        // What was written before has to leave before the connection drops.
                        sleep(FLUSH).await;
                        open.over();
                        yield Err(io::Error::other("cut"));
                        return;
                    }
                    Fault::EndWithoutEnd => {
                        open.over();
                        return;
                    }
                    Fault::Garbage => {
                        yield Ok(Bytes::from_static(b"data: {\"id\": \"upstream-internal-detail\n\n"));
                        // A client that gives up here is gone before the rest, which is then not reported to it.
                        sleep(FLUSH).await;
                    }
                    Fault::ErrorEvent => {
                        open.over();
                        let error = json!({"error": {"message": SECRET, "type": "server_error", "code": null}});
                        yield Ok(event(&error));
                        return;
                    }
                    Fault::Silence(length) => {
                        sleep(*length).await;
                        due = Instant::now();
                    }
                },
                _ => {}
            }
            let Some(word) = words.get(sent) else { break };
            if due > Instant::now() {
                sleep_until(due).await;
            }
            due += answer.between_tokens;
            open.wrote();
            yield Ok(event(&envelope.chunk(&json!({"content": word}), None)));
        }
        for call in tools {
            yield Ok(event(&envelope.chunk(&json!({"tool_calls": [call]}), None)));
        }
        yield Ok(event(&envelope.chunk(&json!({}), Some(finish_reason))));
        if envelope.include_usage {
            open.reported(prompt_tokens, words.len());
            yield Ok(event(&envelope.usage_chunk(prompt_tokens, words.len())));
        }
        // The client has all of it with the next piece, and may be gone before this is polled again.
        open.over();
        yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
    }
}

fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

async fn whole(reply: Reply, answer: Answer, mut open: Open) -> Response {
    let words = tokens(&reply.text).len();
    // When the last token of a stream would be there.
    let gaps = u32::try_from(words.saturating_sub(1)).expect("a short text");
    sleep(answer.first_token + answer.between_tokens * gaps).await;
    if let Some((_, Fault::Silence(length))) = answer.fault {
        sleep(length).await;
    }
    open.over();
    match answer.fault {
        Some((_, fault @ (Fault::Cut | Fault::EndWithoutEnd | Fault::Garbage | Fault::ErrorEvent))) => {
            broken(&fault)
        }
        Some((_, Fault::Silence(_))) | None => {
            open.reported(reply.prompt_tokens, words);
            let mut whole =
                reply
                    .envelope
                    .whole(&reply.text, reply.finish_reason, reply.prompt_tokens, words);
            if !reply.tools.is_empty() {
                whole["choices"][0]["message"]["content"] = Value::Null;
                whole["choices"][0]["message"]["tool_calls"] = json!(reply.tools);
            }
            Json(whole).into_response()
        }
    }
}

/// What comes instead of a whole answer.
pub(super) fn broken(fault: &Fault) -> Response {
    match fault {
        Fault::Garbage => ([("content-type", "application/json")], SECRET).into_response(),
        Fault::ErrorEvent => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!({"error": {"message": SECRET}})),
        )
            .into_response(),
        Fault::Cut | Fault::EndWithoutEnd | Fault::Silence(_) => {
            let half = stream! {
                yield Ok(Bytes::from_static(b"{\"id\":"));
                // It has to leave before the connection drops.
                sleep(FLUSH).await;
                yield Err(io::Error::other("cut"));
            };
            ([("content-type", "application/json")], Body::from_stream(half)).into_response()
        }
    }
}
