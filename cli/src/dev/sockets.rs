//! The gateway of sockets: API Gateway's part of a WebSocket API, with its rules.
//!
//! | rule | here | API Gateway |
//! |---|---|---|
//! | opening one | the function's `$connect` decides; its status is the answer | the same |
//! | messages | each is an event of its own, several of one socket at once | the same |
//! | a message over 128 KB | closes the socket with 1009 | the same, and frames over 32 KB too |
//! | 10 minutes of silence, 2 hours | close it with 1001 | the same |
//! | answers | `POST`, `GET` and `DELETE` of `/@connections/{id}`, on a loopback port of its own; 410 for a closed one | the same, signed |

mod event;
mod management;
mod open;

pub(crate) use management::router as management;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::{Router, routing::get};
use lambent_chat::ChatConfig;
use lambent_runtime_api::Invoke;
use lambent_schema::endpoints::chat::SOCKET_PATH;
use lambent_store::now_ms;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// All sockets that are open. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<String, Socket>>>);

/// A socket that is open.
#[derive(Clone)]
struct Socket {
    to_client: Sender<ToClient>,
    connected_at: u64,
    last_active_at: Arc<AtomicU64>,
}

/// What is sent to a client.
#[derive(Debug)]
enum ToClient {
    Text(String),
    Close,
}

impl Socket {
    fn is_active(&self) {
        self.last_active_at.store(now_ms(), Relaxed);
    }
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Socket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str) -> Option<Socket> {
        self.lock().get(id).cloned()
    }
}

/// What serves sockets.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) sockets: Sockets,
    /// The function `chat-socket`.
    pub(crate) function: Invoke,
    /// How long sockets last.
    pub(crate) config: ChatConfig,
    pub(crate) stop: CancellationToken,
}

/// The path where sockets are opened.
pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route(SOCKET_PATH, get(open::open))
        .with_state(gateway)
}
