//! The issuer's HTTP server: two documents, and faults on command.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What is published.
    Documents,
    /// This status, without a body; a redirect leads to another path of this server.
    Status(u16),
    /// Nothing, ever.
    Silence,
}

/// How often was asked for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    /// The discovery document.
    pub discovery: usize,
    /// The key set.
    pub jwks: usize,
    /// Anything else.
    pub others: usize,
}

type Reply = Result<String, (StatusCode, [(HeaderName, &'static str); 1])>;

#[derive(Debug)]
pub(super) struct State {
    discovery: Document,
    jwks: Document,
    others: AtomicUsize,
    answer: Mutex<Answer>,
}

#[derive(Debug, Default)]
struct Document {
    text: Mutex<String>,
    hits: AtomicUsize,
}

impl State {
    pub(super) fn new(url: &str) -> Self {
        let state = Self {
            discovery: Document::default(),
            jwks: Document::default(),
            others: AtomicUsize::new(0),
            answer: Mutex::new(Answer::Documents),
        };
        state.set_discovery(json!({"issuer": url, "jwks_uri": format!("{url}/jwks")}).to_string());
        state
    }

    pub(super) fn set_discovery(&self, text: String) {
        *lock(&self.discovery.text) = text;
    }

    pub(super) fn set_jwks(&self, text: String) {
        *lock(&self.jwks.text) = text;
    }

    pub(super) fn set_answer(&self, answer: Answer) {
        *lock(&self.answer) = answer;
    }

    pub(super) fn hits(&self) -> Hits {
        Hits {
            discovery: self.discovery.hits.load(Ordering::SeqCst),
            jwks: self.jwks.hits.load(Ordering::SeqCst),
            others: self.others.load(Ordering::SeqCst),
        }
    }

    async fn send(&self, document: &Document) -> Reply {
        document.hits.fetch_add(1, Ordering::SeqCst);
        let answer = *lock(&self.answer);
        match answer {
            Answer::Documents => Ok(lock(&document.text).clone()),
            Answer::Status(status) => {
                let status = StatusCode::from_u16(status).expect("a status of HTTP");
                Err((status, [(LOCATION, "/elsewhere")]))
            }
            Answer::Silence => pending().await,
        }
    }
}

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .fallback(other)
        .with_state(state);
    axum::serve(listener, router).await.expect("a server on loopback");
}

async fn discovery(extract::State(state): extract::State<Arc<State>>) -> Reply {
    state.send(&state.discovery).await
}

async fn jwks(extract::State(state): extract::State<Arc<State>>) -> Reply {
    state.send(&state.jwks).await
}

async fn other(extract::State(state): extract::State<Arc<State>>) -> StatusCode {
    state.others.fetch_add(1, Ordering::SeqCst);
    StatusCode::NOT_FOUND
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
