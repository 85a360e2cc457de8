//! The Runtime API of one environment: the four paths that a runtime calls, and what it answers an invocation with.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Body as HttpBody,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures::Stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Lambda's limit on an event, and on an answer that is not streamed, in bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// Pieces of a streamed answer that may wait for their reader before the function has to.
const PIECES: usize = 16;

/// One event on its way to the process.
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) event: Bytes,
    pub(crate) deadline: SystemTime,
    pub(crate) arn: String,
    pub(crate) trace_id: String,
    /// Gets what the process posts.
    pub(crate) posted: oneshot::Sender<Posted>,
}

/// What a process says about an invocation.
pub(crate) enum Posted {
    Answer(Answer),
    /// The handler failed; Lambda's error object.
    Error(Value),
    /// The answer was larger than Lambda takes.
    TooLarge,
}

/// What a process says without being asked.
pub(crate) enum Signal {
    /// It waits for the next event.
    Waiting,
    /// It cannot start; Lambda's error object.
    InitError(Value),
}

/// What a function answers an event with.
#[derive(Debug)]
pub enum Answer {
    /// All at once: for HTTP the JSON object with `statusCode`, `headers` and `body`.
    Whole(Bytes),
    /// In pieces as they come: for HTTP a JSON prelude, eight zero bytes, and the body.
    Streamed(Body),
}

/// A streamed answer. An error as the last item says that the function did not end it.
#[derive(Debug)]
pub struct Body(pub(crate) mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Body {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// The Runtime API's side of one environment.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Inner>);

struct Inner {
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    under_way: Mutex<Option<(String, oneshot::Sender<Posted>)>>,
    signals: mpsc::Sender<Signal>,
}

impl Runtime {
    pub(crate) fn new(invocations: mpsc::Receiver<Invocation>, signals: mpsc::Sender<Signal>) -> Self {
        Self(Arc::new(Inner {
            invocations: tokio::sync::Mutex::new(invocations),
            under_way: Mutex::default(),
            signals,
        }))
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            // An extension may register, and is never told of anything.
            .route("/2020-01-01/extension/register", post(register))
            .route(
                "/2020-01-01/extension/event/next",
                get(std::future::pending::<Response>),
            )
            .layer(DefaultBodyLimit::disable())
            .with_state(self)
    }

    async fn signal(&self, signal: Signal) {
        // Nobody listens any more when the environment is being ended.
        let _ = self.0.signals.send(signal).await;
    }

    /// Who waits for what this invocation is answered with; `None` if it is not under way.
    fn waiting_for(&self, id: &str) -> Option<oneshot::Sender<Posted>> {
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.take() {
            Some((current, posted)) if current == id => Some(posted),
            other => {
                *under_way = other;
                None
            }
        }
    }
}

async fn next(State(runtime): State<Runtime>) -> Response {
    runtime.signal(Signal::Waiting).await;
    let Some(invocation) = runtime.0.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = invocation
        .deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &invocation.id),
        ("lambda-runtime-deadline-ms", &deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", &invocation.arn),
        ("lambda-runtime-trace-id", &invocation.trace_id),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    *runtime.0.under_way.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((invocation.id, invocation.posted));
    (headers, invocation.event).into_response()
}

async fn response(
    State(runtime): State<Runtime>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let Some(posted) = runtime.waiting_for(&id) else {
        return no_such_invocation();
    };
    let is_streamed = headers
        .get("lambda-runtime-function-response-mode")
        .is_some_and(|mode| mode == "streaming");
    if is_streamed {
        let (sender, receiver) = mpsc::channel(PIECES);
        let _ = posted.send(Posted::Answer(Answer::Streamed(Body(receiver))));
        hand_on(body, sender).await;
    } else {
        match Limited::new(body, MAX_PAYLOAD_BYTES).collect().await {
            Ok(body) => {
                let _ = posted.send(Posted::Answer(Answer::Whole(body.to_bytes())));
            }
            Err(error) if error.is::<LengthLimitError>() => {
                let _ = posted.send(Posted::TooLarge);
            }
            // The connection was cut: the process is ending, and whoever waits is told by the dropped sender.
            Err(_) => {}
        }
    }
    accepted()
}

/// To the end, also when the reader has left: API Gateway does not tell a function that its caller hung up.
async fn hand_on(body: HttpBody, sender: mpsc::Sender<io::Result<Bytes>>) {
    let mut frames = HttpBodyFrames(body);
    while let Some(frame) = frames.next().await {
        let _ = match frame {
            Ok(bytes) => sender.send(Ok(bytes)).await,
            Err(error) => sender.send(Err(io::Error::other(error))).await,
        };
    }
}

/// The data of a body. Lambda reports an error in a stream by a trailer; that is an error here.
struct HttpBodyFrames(HttpBody);

impl HttpBodyFrames {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        loop {
            match self.0.frame().await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        if let Some(kind) = trailers.get("lambda-runtime-function-error-type") {
                            let kind = String::from_utf8_lossy(kind.as_bytes()).into_owned();
                            return Some(Err(axum::Error::new(io::Error::other(kind))));
                        }
                    }
                },
            }
        }
    }
}

async fn error(State(runtime): State<Runtime>, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(posted) = runtime.waiting_for(&id) else {
        return no_such_invocation();
    };
    let _ = posted.send(Posted::Error(error_object(&body)));
    accepted()
}

async fn init_error(State(runtime): State<Runtime>, body: Bytes) -> Response {
    runtime.signal(Signal::InitError(error_object(&body))).await;
    accepted()
}

async fn register() -> Response {
    let id = [("lambda-extension-identifier", Uuid::new_v4().to_string())];
    (
        id,
        Json(json!({"functionName": "local", "functionVersion": "$LATEST"})),
    )
        .into_response()
}

fn error_object(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| json!({"errorMessage": String::from_utf8_lossy(body)}))
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn no_such_invocation() -> Response {
    let error = json!({"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}
