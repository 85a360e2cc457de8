//! A proxy before a DynamoDB that counts its calls by operation.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{StatusCode, header};
use tokio::net::TcpListener;

/// The proxy. It ends with the runtime that it was started on.
pub(crate) struct Counted {
    /// Where it answers.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    to: String,
    client: reqwest::Client,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Counted {
    /// Starts one before the DynamoDB at this address.
    pub(crate) async fn start(database: SocketAddr) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            to: format!("http://{database}"),
            client: lambent_http::client().build()?,
            counts: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { url, shared })
    }

    /// Calls so far, by operation.
    pub(crate) fn so_far(&self) -> BTreeMap<String, u64> {
        let counts = self.shared.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let target = request.headers().get("x-amz-target");
    let target = target.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    *shared
        .counts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(operation)
        .or_default() += 1;
    passed_on(&shared, request).await.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn passed_on(shared: &Shared, request: Request) -> anyhow::Result<Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let call = shared.client.post(&shared.to).headers(headers).body(body);
    let answer = call.send().await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    *response.body_mut() = Body::from(answer.bytes().await?);
    Ok(response)
}
