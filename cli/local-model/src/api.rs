//! The endpoints: OpenAI's protocols of chat completions and embeddings, so that any client of them can be pointed here.

mod embeddings;
#[cfg(test)]
mod embeddings_tests;
mod error;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::embedder::{EMBEDDING_MODEL, LocalEmbedder};
use crate::engine::generation::{Event, Job};
use crate::model::LocalModel;
use error::ApiError;
use reply::Reply;
use request::{Chat, ChatRequest};

/// The models behind `POST /v1/chat/completions`, `POST /v1/embeddings` and `GET /v1/models`; without a chat model, the latter two.
///
/// Any model name is served by the one model of its kind, and replies give its real name. Answers to `response_format`
/// `json_schema` and `json_object` are valid against the schema whenever `finish_reason` is `stop`; `stop` texts do not
/// apply to them. Embeddings are of up to 256 texts, and tell by `truncated_inputs` of how many only the beginning was read
/// ([`EMBEDDING_TOKENS`](crate::EMBEDDING_TOKENS)).
pub fn router(model: Option<Arc<LocalModel>>, embedder: Arc<LocalEmbedder>) -> Router {
    let names = model.iter().map(|model| model.name()).chain([EMBEDDING_MODEL]);
    let list = list(names);
    let chat = match model {
        Some(model) => Router::new()
            .route("/v1/chat/completions", post(chat_completions))
            .with_state(model),
        None => Router::new(),
    };
    let embeddings = Router::new()
        .route("/v1/embeddings", post(embeddings::create))
        .with_state(embedder);
    chat.merge(embeddings)
        .route("/v1/models", get(move || async { Json(list) }))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let model = |name| json!({ "id": name, "object": "model", "created": 0, "owned_by": "local" });
    json!({ "object": "list", "data": names.map(model).collect::<Vec<_>>() })
}

async fn chat_completions(
    State(model): State<Arc<LocalModel>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let chat = serde_json::from_slice::<ChatRequest>(&body?)?.check()?;
    let (stream, include_usage) = (chat.stream, chat.include_usage);
    // Tokenising a long text and compiling a grammar take milliseconds: too long for an async thread.
    let accepted = tokio::task::spawn_blocking(move || accept(&model, chat)).await;
    let (reply, events) = accepted.map_err(|_| ApiError::Failed)??;
    if stream {
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        return Ok((headers, Body::from_stream(chunks(reply, events, include_usage))).into_response());
    }
    Ok(Json(collect(&reply, events).await?).into_response())
}

/// Queues the answer.
fn accept(model: &LocalModel, chat: Chat) -> Result<(Reply, UnboundedReceiver<Event>), ApiError> {
    let prompt = model.prompt(&chat.messages);
    let limit = model.prompt_tokens();
    if prompt.len() > limit as usize {
        return Err(ApiError::TooLong {
            context: model.context_tokens(),
            limit,
            found: prompt.len(),
        });
    }
    let room = model.context_tokens() as usize - prompt.len();
    let max_tokens = chat
        .max_tokens
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(room)
        .min(room);
    let constraint = chat.schema.map(|schema| model.constraint(&schema)).transpose()?;
    let mut stops = chat.stops;
    stops.extend(model.stop().map(str::to_owned));
    if constraint.is_some() {
        stops.clear();
    }
    let reply = Reply::new(model.name(), prompt.len());
    // Unbounded, but never longer than the context: one event a token.
    let (sender, events) = unbounded_channel();
    model.submit(Job {
        prompt,
        max_tokens,
        sampling: chat.sampling,
        stops,
        constraint,
        events: sender,
    })?;
    Ok((reply, events))
}

async fn collect(reply: &Reply, mut events: UnboundedReceiver<Event>) -> Result<Value, ApiError> {
    let mut content = String::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Delta(text) => content.push_str(&text),
            Event::Finished(reason, written) => return Ok(reply.whole(&content, reason, written)),
            Event::Failed => break,
        }
    }
    Err(ApiError::Failed)
}

/// The answer as server-sent events. Dropping the stream drops the receiver, and the model stops writing.
fn chunks(
    reply: Reply,
    events: UnboundedReceiver<Event>,
    include_usage: bool,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let opening = stream::iter([Ok(reply.opening())]);
    let rest = stream::unfold(Some((reply, events)), move |state| async move {
        let (reply, mut events) = state?;
        let (bytes, going) = match events.recv().await {
            Some(Event::Delta(text)) => (vec![reply.delta(&text)], true),
            Some(Event::Finished(reason, written)) => {
                let usage = include_usage.then(|| reply.usage_chunk(written));
                (
                    [reply.closing(reason)]
                        .into_iter()
                        .chain(usage)
                        .chain([reply::DONE])
                        .collect(),
                    false,
                )
            }
            Some(Event::Failed) | None => (vec![reply::event(&ApiError::Failed.body())], false),
        };
        Some((
            stream::iter(bytes.into_iter().map(Ok)),
            going.then_some((reply, events)),
        ))
    });
    opening.chain(rest.flatten())
}
