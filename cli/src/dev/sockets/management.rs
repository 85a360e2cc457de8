//! The management API: what functions say to sockets, and ask of them.

use std::sync::atomic::Ordering::Relaxed;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use lambent_schema::endpoints::chat::MAX_MESSAGE_BYTES;
use lambent_store::{instant_of, instant_text};
use serde_json::json;
use tokio::sync::mpsc::error::TrySendError;

use super::{Sockets, ToClient};

/// The management API of these sockets.
pub(crate) fn router(sockets: Sockets) -> Router {
    Router::new()
        .route("/@connections/{id}", get(look).post(post).delete(close))
        .layer(DefaultBodyLimit::max(2 * MAX_MESSAGE_BYTES))
        .with_state(sockets)
}

async fn post(State(sockets): State<Sockets>, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > MAX_MESSAGE_BYTES {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let Some(socket) = sockets.find(&id) else {
        return StatusCode::GONE.into_response();
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    match socket.to_client.try_send(ToClient::Text(text)) {
        Ok(()) => {
            socket.is_active();
            StatusCode::OK.into_response()
        }
        // Its client does not read.
        Err(TrySendError::Full(_)) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Err(TrySendError::Closed(_)) => StatusCode::GONE.into_response(),
    }
}

async fn look(State(sockets): State<Sockets>, Path(id): Path<String>) -> Response {
    let Some(socket) = sockets.find(&id) else {
        return StatusCode::GONE.into_response();
    };
    let text = |ms| instant_text(instant_of(ms));
    Json(json!({
        "connectedAt": text(socket.connected_at),
        "identity": {"sourceIp": "127.0.0.1"},
        "lastActiveAt": text(socket.last_active_at.load(Relaxed)),
    }))
    .into_response()
}

async fn close(State(sockets): State<Sockets>, Path(id): Path<String>) -> StatusCode {
    let Some(socket) = sockets.find(&id) else {
        return StatusCode::GONE;
    };
    // One that has closed meanwhile is closed.
    let _ = socket.to_client.send(ToClient::Close).await;
    StatusCode::NO_CONTENT
}
