//! A model provider on this machine that speaks OpenAI's chat completions and embeddings over real HTTP, and fails on command.
//!
//! It stands at the far end of the wire: whatever calls a model in a test or a bench calls this, and nothing of our own code is
//! replaced. A test says what the next calls get ([`Upstream::then`]) and what all others get ([`Upstream::otherwise`]), and
//! reads afterwards what arrived and what was reported ([`Upstream::counts`], [`Upstream::bodies`]). Tokens are
//! whitespace-separated words, so that a test can count them too. Embeddings have a script of their own
//! ([`Upstream::then_embedding`], [`Upstream::otherwise_embedding`]); texts that share words are near ([`vector`]).

mod behaviour;
mod chat;
mod counts;
mod embeddings;
mod frames;
mod sample;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use behaviour::{Answer, Behaviour, Content, EmbeddingBehaviour, Fault, SECRET, Vectors};
pub use counts::Counts;
pub use embeddings::vector;
pub use frames::tokens;

use counts::Counters;

/// Bodies kept for inspection; a bench sends far more than anybody reads.
const BODIES_KEPT: usize = 64;

/// A running provider. It stops, and drops its open streams, when this is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    script: Mutex<Script>,
    embedding_script: Mutex<EmbeddingScript>,
    bodies: Mutex<VecDeque<Value>>,
    counters: Arc<Counters>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Script {
    otherwise: Behaviour,
    next: VecDeque<Behaviour>,
    about: Vec<(String, Behaviour)>,
}

#[derive(Debug, Default)]
struct EmbeddingScript {
    otherwise: EmbeddingBehaviour,
    next: VecDeque<EmbeddingBehaviour>,
}

impl Upstream {
    /// Starts on a free port of the loopback interface, on the current runtime. Answers with text, or with JSON that fits the
    /// schema asked for, until told otherwise.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// The same at an address that was told to somebody before.
    pub async fn start_on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("the address of a bound listener");
        let state = Arc::new(State {
            script: Mutex::default(),
            embedding_script: Mutex::default(),
            bodies: Mutex::default(),
            counters: Arc::default(),
            stop: CancellationToken::new(),
        });
        let app = Router::new()
            .route("/v1/chat/completions", post(chat::completions))
            .route("/v1/embeddings", post(embeddings::create))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        // Without TCP_NODELAY a token waits up to 40 ms for the acknowledgement of the one before.
        let counters = Arc::clone(&state.counters);
        let listener = listener.tap_io(move |stream| {
            counters.connected();
            stream.set_nodelay(true).expect("TCP_NODELAY");
        });
        let stopped = state.stop.clone().cancelled_owned();
        tokio::spawn(
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped)
                .into_future(),
        );
        Self { address, state }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for OpenAI clients: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What every call gets that has nothing of its own queued.
    pub fn otherwise(&self, behaviour: impl Into<Behaviour>) -> &Self {
        lock(&self.state.script).otherwise = behaviour.into();
        self
    }

    /// Queues what one call gets; calls take from the queue in the order in which they arrive.
    pub fn then(&self, behaviour: impl Into<Behaviour>) -> &Self {
        lock(&self.state.script).next.push_back(behaviour.into());
        self
    }

    /// What every call gets whose messages hold this text, whatever is queued.
    pub fn about(&self, text: impl Into<String>, behaviour: impl Into<Behaviour>) -> &Self {
        let mut script = lock(&self.state.script);
        script.about.push((text.into(), behaviour.into()));
        self
    }

    /// What every call for embeddings gets that has nothing of its own queued.
    pub fn otherwise_embedding(&self, behaviour: impl Into<EmbeddingBehaviour>) -> &Self {
        lock(&self.state.embedding_script).otherwise = behaviour.into();
        self
    }

    /// Queues what one call for embeddings gets, as [`Upstream::then`] does for chats.
    pub fn then_embedding(&self, behaviour: impl Into<EmbeddingBehaviour>) -> &Self {
        lock(&self.state.embedding_script)
            .next
            .push_back(behaviour.into());
        self
    }

    /// What arrived and was reported so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counters.snapshot()
    }

    /// The last bodies that arrived, oldest first, at most 64.
    #[must_use]
    pub fn bodies(&self) -> Vec<Value> {
        lock(&self.state.bodies).iter().cloned().collect()
    }

    /// Waits until the counts are like this, and returns them.
    ///
    /// # Panics
    /// After five seconds.
    pub async fn until(&self, like: impl Fn(&Counts) -> bool) -> Counts {
        for _ in 0..1000 {
            let counts = self.counts();
            if like(&counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "the upstream's counts did not become as expected: {:?}",
            self.counts()
        );
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

impl State {
    fn note(&self, body: &Value) {
        let mut bodies = lock(&self.bodies);
        if bodies.len() == BODIES_KEPT {
            bodies.pop_front();
        }
        bodies.push_back(body.clone());
    }

    /// Notes the request for embeddings, and says what it gets.
    fn take_embedding(&self, body: &Value) -> EmbeddingBehaviour {
        self.note(body);
        let mut script = lock(&self.embedding_script);
        script
            .next
            .pop_front()
            .unwrap_or_else(|| script.otherwise.clone())
    }

    /// Notes the request, and says what it gets.
    fn take(&self, body: &Value) -> Behaviour {
        self.note(body);
        let mut script = lock(&self.script);
        let messages = body["messages"].to_string();
        if let Some((_, behaviour)) = script.about.iter().find(|(text, _)| messages.contains(text)) {
            return behaviour.clone();
        }
        script
            .next
            .pop_front()
            .unwrap_or_else(|| script.otherwise.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no test panics while it holds the upstream's state")
}
