//! A caller's server.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::{TcpListener, TcpStream};

/// What a callback gets.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// This status, and a body that nobody should repeat.
    Status(u16),
    /// This status, and this place to go to.
    Redirect(u16, String),
    /// Nothing, ever.
    Silence,
    /// 200, and a body without an end; or one that never begins.
    Endless,
    Unbegun,
}

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Answer,
    received: Mutex<Vec<Received>>,
    sent: AtomicUsize,
}

pub(crate) const SECRET_OF_THE_BODY: &str = "the body of the answer";
const CHUNK: &[u8] = &[b'a'; 16 * 1024];

impl Receiver {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer,
            received: Mutex::default(),
            sent: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// How much of an endless answer was taken, in bytes.
    pub(crate) fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.received.lock().unwrap().push(Received {
        method,
        uri,
        headers,
        body,
    });
    let status = |status| StatusCode::from_u16(status).unwrap();
    match shared.answer.clone() {
        Answer::Status(code) => (status(code), SECRET_OF_THE_BODY).into_response(),
        Answer::Redirect(code, place) => (status(code), [(LOCATION, place)]).into_response(),
        Answer::Silence => pending().await,
        Answer::Endless => endless(shared),
        Answer::Unbegun => Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()).into_response(),
    }
}

fn endless(shared: Arc<Shared>) -> Response {
    let chunks = stream::repeat(Bytes::from_static(CHUNK)).map(move |chunk| {
        shared.sent.fetch_add(chunk.len(), Ordering::SeqCst);
        Ok::<_, Infallible>(chunk)
    });
    Body::from_stream(chunks).into_response()
}

/// Listens, and counts who comes.
pub(crate) struct Bystander {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Bystander {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                // Held open, so that whoever has come stays until its time is over.
                tokio::spawn(async move {
                    pending::<()>().await;
                    drop(connection);
                });
            }
        });
        Self { address, connections }
    }

    /// How many have come until now. Connections are accepted in their order: when this one is, all before it have been.
    pub(crate) async fn connections(&self) -> usize {
        let before = self.connections.load(Ordering::SeqCst);
        let _own = TcpStream::connect(self.address).await.unwrap();
        loop {
            tokio::task::yield_now().await;
            // One accepted in between would have been counted before ours.
            let now = self.connections.load(Ordering::SeqCst);
            if now > before {
                return now - 1;
            }
        }
    }
}
