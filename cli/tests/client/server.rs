//! An API on loopback that speaks the contract, and misbehaves where a test wants it to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use lambent_schema::endpoints::{
    documents::{Document, DocumentList, DocumentRequest},
    jobs::{Job, JobAccepted, JobKind, JobResult, JobStatus},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The key that is valid there.
pub(crate) const KEY: &str = "sk_test";
const NOW: &str = "2026-11-21T09:30:00.250Z";

/// What happens there.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) documents: BTreeMap<String, Document>,
    /// The ids of the documents that were sent, and their idempotency keys.
    pub(crate) puts: Vec<(String, Option<String>)>,
    jobs: BTreeMap<String, Document>,
    /// How often jobs were asked for, and how often it takes until one has ended.
    pub(crate) polls: usize,
    pub(crate) polls_needed: usize,
    /// A job that has ended puts no document any more.
    pub(crate) forgets: bool,
    /// Job ids by idempotency key.
    keys: BTreeMap<String, String>,
    /// The next answers to documents that are sent, instead of what is right.
    pub(crate) instead: VecDeque<Refusal>,
    /// Documents of this id are taken and never answered.
    pub(crate) hangs_at: Option<String>,
    /// Bodies of questions and searches.
    pub(crate) asked: Vec<Value>,
    /// The hits of the next searches.
    pub(crate) hits: VecDeque<Value>,
    /// The answer to a question that takes JSON.
    pub(crate) answer: Value,
    /// The pieces of the next answer to a question that takes events.
    pub(crate) pieces: Option<mpsc::UnboundedReceiver<String>>,
}

pub(crate) type Shared = Arc<Mutex<Seen>>;

/// An answer that refuses.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) retry_after: Option<u64>,
}

/// A running one.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) seen: Shared,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let seen = Shared::default();
        let router = Router::new()
            .route("/documents", post(put).get(list))
            .route("/documents/{id}", get(one).delete(delete))
            .route("/jobs/{id}", get(job))
            .route("/search", post(search))
            .route("/ask", post(ask))
            .layer(axum::middleware::from_fn(known))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    /// The ids of the documents that were sent so far.
    pub(crate) fn puts(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.puts.iter().map(|(id, _)| id.clone()).collect()
    }
}

fn problem(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let problem = json!({
        "type": "about:blank", "status": status.as_u16(), "title": "No", "detail": "It was refused.", "code": code,
        "request_id": "r-1",
    });
    (status, Json(problem)).into_response()
}

async fn known(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    match request.headers().get("x-api-key").map(|key| key.as_bytes()) {
        Some(key) if key == KEY.as_bytes() => next.run(request).await,
        _ => problem(401, "unauthenticated"),
    }
}

async fn put(
    State(seen): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<DocumentRequest>,
) -> Response {
    let id = request.id.clone().unwrap();
    let key = headers
        .get("idempotency-key")
        .map(|key| key.to_str().unwrap().to_owned());
    let hangs = {
        let mut seen = seen.lock().unwrap();
        seen.puts.push((id.clone(), key.clone()));
        if let Some(refusal) = seen.instead.pop_front() {
            let mut response = problem(refusal.status, refusal.code);
            if let Some(seconds) = refusal.retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            return response;
        }
        seen.hangs_at.as_ref() == Some(&id)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let document = Document {
        document_id: id.clone(),
        title: request.title,
        metadata: request.metadata,
        chunks: u32::try_from(request.text.len() / 1000 + 1).unwrap(),
        embedding_model: "test".to_owned(),
        created_at: NOW.to_owned(),
        updated_at: NOW.to_owned(),
    };
    let mut seen = seen.lock().unwrap();
    if request.text.chars().count() > 50_000 {
        let known = key.as_ref().and_then(|key| seen.keys.get(key)).cloned();
        let job_id = known
            .clone()
            .unwrap_or_else(|| format!("job-{}", seen.jobs.len()));
        if known.is_none() {
            seen.jobs.insert(job_id.clone(), document);
            seen.keys.extend(key.map(|key| (key, job_id.clone())));
        }
        let accepted = Json(JobAccepted {
            job_id,
            status: JobStatus::Queued,
        });
        let mut response = (StatusCode::ACCEPTED, accepted).into_response();
        if known.is_some() {
            response
                .headers_mut()
                .insert("idempotency-replayed", http::HeaderValue::from_static("true"));
        }
        return response;
    }
    seen.documents.insert(id, document.clone());
    (StatusCode::CREATED, Json(document)).into_response()
}

async fn one(State(seen): State<Shared>, Path(id): Path<String>) -> Response {
    match seen.lock().unwrap().documents.get(&id) {
        Some(document) => Json(document).into_response(),
        None => problem(404, "not_found"),
    }
}

async fn list(
    State(seen): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<DocumentList> {
    // A page has one document.
    let seen = seen.lock().unwrap();
    let after = query.get("cursor");
    let mut rest = seen
        .documents
        .values()
        .skip_while(|document| after.is_some_and(|id| document.document_id <= *id));
    let documents: Vec<_> = rest.next().cloned().into_iter().collect();
    let next_cursor = rest.next().map(|_| documents[0].document_id.clone());
    Json(DocumentList {
        documents,
        next_cursor,
    })
}

async fn delete(State(seen): State<Shared>, Path(id): Path<String>) -> Response {
    match seen.lock().unwrap().documents.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => problem(404, "not_found"),
    }
}

async fn job(
    State(seen): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(query.get("wait").map(String::as_str), Some("20"));
    let mut seen = seen.lock().unwrap();
    seen.polls += 1;
    let has_ended = seen.polls > seen.polls_needed;
    let Some(document) = seen.jobs.get(&id).cloned() else {
        return problem(404, "not_found");
    };
    if has_ended && !seen.forgets {
        seen.documents
            .insert(document.document_id.clone(), document.clone());
    }
    let job = Job {
        job_id: id,
        kind: JobKind::Document,
        status: if has_ended {
            JobStatus::Succeeded
        } else {
            JobStatus::Running
        },
        created_at: NOW.to_owned(),
        started_at: None,
        finished_at: has_ended.then(|| NOW.to_owned()),
        attempt: 1,
        cancel_requested: false,
        result: has_ended.then_some(JobResult::Document(document)),
        error: None,
        usage: None,
        cost: None,
        callback: None,
    };
    Json(job).into_response()
}

async fn search(State(seen): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let mut seen = seen.lock().unwrap();
    seen.asked.push(body);
    let hits = seen.hits.pop_front().unwrap_or_else(|| json!([]));
    let usage = json!({"input_tokens": 7, "output_tokens": 0});
    Json(json!({"hits": hits, "model": "test", "usage": usage, "request_id": "r-1"}))
}

async fn ask(State(seen): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut seen = seen.lock().unwrap();
    seen.asked.push(body);
    let wants_events = headers
        .get("accept")
        .is_some_and(|accept| accept == "text/event-stream");
    if !wants_events {
        return Json(seen.answer.clone()).into_response();
    }
    let Some(pieces) = seen.pieces.take() else {
        return problem(502, "model_failed");
    };
    let pieces = futures::stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    let body = Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>));
    ([("content-type", "text/event-stream")], body).into_response()
}
