//! A socket from its opening to its end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use lambent_schema::{Problem, ProblemCode, endpoints::chat::MAX_MESSAGE_BYTES};
use lambent_store::now_ms;
use serde_json::Value;
use tokio::{
    sync::mpsc::{Receiver, channel},
    time::sleep,
};

use super::{Gateway, Socket, ToClient, event::Context};
use crate::dev::gateway::refuse;

/// Messages that a client has not read yet; more are refused.
const UNREAD: usize = 1024;
/// Random bytes of a connection's id, which ends with `=`, as API Gateway's do.
const ID_BYTES: usize = 11;

/// Opens a socket, if the function lets it be opened.
pub(super) async fn open(
    State(gateway): State<Gateway>,
    upgrade: WebSocketUpgrade,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let bytes = &uuid::Uuid::new_v4().into_bytes()[..ID_BYTES];
    let context = Context {
        connection_id: BASE64_STANDARD.encode(bytes),
        connected_at: now_ms(),
    };
    let status = gateway.tell(&context.connect(&headers, &uri)).await;
    if !status.is_success() {
        return refused(&uri, &headers, status);
    }
    // A larger one is read as far as it takes to see that it is.
    let upgrade = upgrade.max_message_size(8 * MAX_MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| serve(gateway, context, socket))
}

fn refused(uri: &Uri, headers: &HeaderMap, status: StatusCode) -> Response {
    let codes = ProblemCode::ALL.iter().copied();
    match codes.into_iter().find(|code| code.status() == status.as_u16()) {
        Some(code) => refuse(uri, headers, Problem::new(code, "The socket is not opened.")),
        None => status.into_response(),
    }
}

/// Why a socket ends.
enum End {
    /// Its client has closed it, or is gone.
    Left,
    /// The gateway closes it, with this code.
    Close(u16),
}

async fn serve(gateway: Gateway, context: Context, mut websocket: WebSocket) {
    let (to_client, mut from_functions) = channel(UNREAD);
    let socket = Socket {
        to_client,
        connected_at: context.connected_at,
        last_active_at: Arc::new(AtomicU64::new(context.connected_at)),
    };
    let id = context.connection_id.clone();
    gateway.sockets.lock().insert(id.clone(), socket.clone());
    let end = pump(&gateway, &context, &socket, &mut websocket, &mut from_functions).await;
    gateway.sockets.lock().remove(&id);
    if let End::Close(code) = end {
        let reason = "".into();
        // It may be gone.
        let _ = websocket
            .send(Message::Close(Some(CloseFrame { code, reason })))
            .await;
        // What was read beyond the limit has to be read away, or the reset overtakes the reason.
        let _ = tokio::time::timeout(Duration::from_secs(1), async {
            while let Some(Ok(_)) = websocket.recv().await {}
        })
        .await;
    }
    gateway.tell(&context.disconnect()).await;
}

async fn pump(
    gateway: &Gateway,
    context: &Context,
    socket: &Socket,
    websocket: &mut WebSocket,
    from_functions: &mut Receiver<ToClient>,
) -> End {
    let aged = sleep(gateway.config.age);
    tokio::pin!(aged);
    loop {
        let idle_for = now_ms().saturating_sub(socket.last_active_at.load(Relaxed));
        let idle_left = gateway
            .config
            .idle
            .saturating_sub(Duration::from_millis(idle_for));
        tokio::select! {
            said = websocket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    socket.is_active();
                    if text.len() > MAX_MESSAGE_BYTES {
                        return End::Close(close_code::SIZE);
                    }
                    let (gateway, event) = (gateway.clone(), context.message(&text));
                    tokio::spawn(async move { gateway.tell(&event).await });
                }
                Some(Ok(Message::Binary(_))) => return End::Close(close_code::UNSUPPORTED),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // More than is read: see above.
                Some(Err(error)) if error.to_string().contains("too long") => return End::Close(close_code::SIZE),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Left,
            },
            said = from_functions.recv() => match said {
                Some(ToClient::Text(text)) => if websocket.send(Message::Text(text.into())).await.is_err() {
                    return End::Left;
                },
                Some(ToClient::Close) | None => return End::Close(close_code::NORMAL),
            },
            () = &mut aged => return End::Close(close_code::AWAY),
            () = sleep(idle_left) => {
                if idle_left.is_zero() {
                    return End::Close(close_code::AWAY);
                }
            }
            () = gateway.stop.cancelled() => return End::Close(close_code::AWAY),
        }
    }
}

impl Gateway {
    /// Tells the function, and gives the status that it answers.
    async fn tell(&self, event: &Value) -> StatusCode {
        let answered = (self.function)(Bytes::from(event.to_string())).await;
        let status = answered.map(|answer| {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let status = answer["statusCode"].as_u64().unwrap_or(502);
            StatusCode::from_u16(u16::try_from(status).unwrap_or(502)).unwrap_or(StatusCode::BAD_GATEWAY)
        });
        status.unwrap_or_else(|error| {
            tracing::warn!(%error, "the function of sockets failed");
            StatusCode::BAD_GATEWAY
        })
    }
}
