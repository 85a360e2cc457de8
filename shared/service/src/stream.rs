//! Answers that are sent as they are written: server-sent events, or their text alone; or events that somebody else has written
//! ([`relay`]).
//!
//! Whatever happens, a stream ends with exactly one terminal event, and its record is written before its body ends. The body
//! never yields an error, because the Lambda runtime would send that error's text as part of the body.

use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, pin::pin};

use async_stream::stream;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, future::ready};
use http::{HeaderMap, HeaderValue, header};
use lambent_schema::{
    OpenAiError, Problem, ProblemCode,
    stream::{Delta, StreamError},
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{sleep, sleep_until};

use crate::{Call, Failure, record::Outcome};

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<D> {
    /// An event of this name. Text has no place for it.
    Event(&'static str, Value),
    /// The next piece of text.
    Delta(String),
    /// The answer is complete: what the `done` event says.
    Done(D),
}

/// A piece of an answer that is sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next one.
    Next(Bytes),
    /// The last one: the answer is complete.
    Last(Bytes),
}

/// Marks a response whose stream ends the record itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams;

/// The form in which a stream is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `text/event-stream`.
    Events,
    /// `text/plain`.
    Text,
}

/// Whether `Accept` asks for events rather than for JSON, which is what those get who ask for neither.
#[must_use]
pub fn wants_events(headers: &HeaderMap) -> bool {
    let accept = accepted(headers);
    quality(&accept, "text/event-stream") > quality(&accept, "application/json")
}

fn accepted(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::ACCEPT).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

impl Form {
    /// What `Accept` asks for: text if it is preferred to events, else events.
    #[must_use]
    pub fn asked_for(headers: &HeaderMap) -> Self {
        let accept = accepted(headers);
        let quality = |media_type| quality(&accept, media_type);
        if quality("text/plain") > quality("text/event-stream") {
            Self::Text
        } else {
            Self::Events
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Events => "text/event-stream",
            Self::Text => "text/plain; charset=utf-8",
        })
    }

    fn delta(self, text: String) -> Bytes {
        match self {
            Self::Events => event("delta", &Delta { text }),
            Self::Text => text.into(),
        }
    }

    /// The `done` event. Text is complete without one.
    fn done<D: Serialize>(self, done: &D) -> Bytes {
        match self {
            Self::Events => event("done", done),
            Self::Text => Bytes::from_static(b"\n"),
        }
    }

    /// The step as it is sent; `None` where it is not.
    fn piece<D: Serialize>(self, step: Step<D>) -> Option<Piece> {
        match step {
            Step::Event(name, data) => (self == Self::Events).then(|| Piece::Next(event(name, &data))),
            Step::Delta(text) => Some(Piece::Next(self.delta(text))),
            Step::Done(done) => Some(Piece::Last(self.done(&done))),
        }
    }
}

/// What a stream sends that its source has not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Form(Form),
    /// Events in OpenAI's dialect.
    OpenAi,
}

impl Wire {
    fn media_type(self) -> HeaderValue {
        match self {
            Self::Form(form) => form.media_type(),
            Self::OpenAi => Form::Events.media_type(),
        }
    }

    /// The `error` event, or the line of text that stands for it. OpenAI's clients know no names of events.
    fn error(self, problem: Problem) -> Bytes {
        match self {
            Self::Form(Form::Events) => event("error", &StreamError::from(problem)),
            Self::Form(Form::Text) => format!("\n[error] {} ({})\n", problem.detail, problem.code).into(),
            Self::OpenAi => {
                let mut error = OpenAiError::of(&problem);
                error.error.request_id = problem.request_id;
                format!("data: {}\n\n", serde_json::to_string(&error).unwrap_or_default()).into()
            }
        }
    }

    /// What is sent in times of silence. Text has no place for it.
    fn heartbeat(self) -> Option<Bytes> {
        (self != Self::Form(Form::Text)).then_some(Bytes::from_static(b": still here\n\n"))
    }
}

/// A streamed answer to this call: `source` until its first `Done` or error, the call's deadline or a panic.
///
/// The answer's status is 200 and goes out with the first byte: await the first piece of `source` before calling this, so that
/// what fails early can still be a problem with its own status.
pub fn respond<S, D>(call: Call, form: Form, source: S) -> Response
where
    S: Stream<Item = Result<Step<D>, Failure>> + Send + 'static,
    D: Serialize + Send + Sync + 'static,
{
    let pieces = source.filter_map(move |step| ready(step.map(|step| form.piece(step)).transpose()));
    sent(call, Wire::Form(form), pieces)
}

/// A streamed answer to this call in OpenAI's dialect: the pieces of `source`, which are events, as they are, until its last one, an
/// error, the call's deadline or a panic. As with [`respond`], await the first piece before.
pub fn relay<S>(call: Call, source: S) -> Response
where
    S: Stream<Item = Result<Piece, Failure>> + Send + 'static,
{
    sent(call, Wire::OpenAi, source)
}

fn sent<S>(call: Call, wire: Wire, source: S) -> Response
where
    S: Stream<Item = Result<Piece, Failure>> + Send + 'static,
{
    let mut response = Response::new(Body::from_stream(body(call, wire, source)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, wire.media_type());
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    // For proxies that collect answers before they send them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.extensions_mut().insert(Streams);
    response
}

fn body<S>(call: Call, wire: Wire, source: S) -> impl Stream<Item = Result<Bytes, Infallible>> + Send
where
    S: Stream<Item = Result<Piece, Failure>> + Send + 'static,
{
    // If the client leaves, this is dropped wherever it is, also before it is first polled.
    let guard = call.record.end_on_drop();
    stream! {
        let outcome = {
            let mut source = pin!(AssertUnwindSafe(source).catch_unwind());
            loop {
                tokio::select! {
                    biased;
                    () = sleep_until(call.deadline) => break Err(out_of_time()),
                    item = source.next() => match piece(item) {
                        Ok(Piece::Next(bytes)) => yield Ok(bytes),
                        Ok(Piece::Last(bytes)) => break Ok(bytes),
                        Err(failure) => break Err(failure),
                    },
                    () = sleep(call.heartbeat) => if let Some(comment) = wire.heartbeat() {
                        yield Ok(comment);
                    },
                }
            }
        };
        let (ended, last) = match outcome {
            Ok(last) => (Outcome::Done, last),
            Err(failure) => {
                failure.log();
                let problem = failure.problem().clone().request_id(call.id.as_str());
                (Outcome::Error(problem.code.clone().into_owned()), wire.error(problem))
            }
        };
        guard.disarm();
        let written = call.record.finish(200, ended);
        yield Ok(last);
        // Once the body has ended, Lambda may freeze the process.
        let _ = written.await;
    }
}

/// An item of a stream whose panics are caught.
type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// What the source said: an item, its end without one, or a panic.
fn piece(said: Option<Caught<Result<Piece, Failure>>>) -> Result<Piece, Failure> {
    match said {
        Some(Ok(piece)) => piece,
        // The panic hook has logged it.
        Some(Err(_panic)) => Err(Failure::unexplained()),
        None => Err(Failure::internal(NoEnd)),
    }
}

/// A source ended without its last piece.
#[derive(Debug, thiserror::Error)]
#[error("the answer's source ended without saying so")]
struct NoEnd;

fn out_of_time() -> Failure {
    Failure::new(Problem::new(
        ProblemCode::Timeout,
        "The answer was not complete in the time that a request may take.",
    ))
}

fn event<T: Serialize>(name: &str, data: &T) -> Bytes {
    // JSON has no line feeds outside of strings, and escapes those within.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// The quality that an `Accept` header gives a media type: that of its most specific range
/// ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). Without any header, 1.
fn quality(accept: &str, media_type: &str) -> f32 {
    if accept.trim().is_empty() {
        return 1.0;
    }
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let specificity = |range: &str| match range {
        range if range == media_type => Some(2),
        "*/*" => Some(0),
        range => (range.strip_suffix("/*") == Some(kind)).then_some(1),
    };
    let ranges = accept.split(',').filter_map(|part| {
        let mut parameters = part
            .split(';')
            .map(|parameter| parameter.trim().to_ascii_lowercase());
        let specificity = specificity(&parameters.next()?)?;
        let quality = parameters.find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok());
        Some((specificity, quality.unwrap_or(1.0)))
    });
    ranges
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
