//! An issuer on this machine, for tests: it signs whatever it is asked to, publishes its keys over real HTTP, and counts who asks.
//!
//! Behind the feature `testing`, which no function may turn on: half of its private keys are in this repository. The feature
//! belongs into `[dev-dependencies]`:
//!
//! ```toml
//! lambent-tokens = { workspace = true, features = ["testing"] }
//! ```
//!
//! ```
//! # use lambent_tokens::{Tokens, testing::Issuer};
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let issuer = Issuer::start().await;
//! let tokens = Tokens::new(issuer.config()).unwrap();
//! let identity = tokens.verify(&issuer.token("analyse embed")).await.unwrap();
//! assert_eq!(identity.scopes, ["analyse", "embed"]);
//! # });
//! ```
#![expect(
    clippy::expect_used,
    reason = "a test whose issuer does not work should stop there"
)]

mod key;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use key::SigningKey;
pub use server::{Answer, Hits};

use crate::TokenConfig;
use server::State;

/// For whom [`Issuer::token`]'s tokens are.
pub const AUDIENCE: &str = "lambent-tests";
/// For whom [`Issuer::token`]'s tokens speak.
pub const SUBJECT: &str = "user-1";

/// A running issuer. It stops when this is dropped.
#[derive(Debug)]
pub struct Issuer {
    /// Its EC key, `ec-1`: made at each start.
    pub ec: SigningKey,
    /// Its RSA key, `rsa-1`: the one that lies in this repository.
    pub rsa: SigningKey,
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Issuer {
    /// Starts on a free port of the loopback interface, on the current runtime, with both of its keys published.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port on loopback");
        let address = listener.local_addr().expect("the port that was bound");
        let state = Arc::new(State::new(&format!("http://{address}")));
        let issuer = Self {
            ec: SigningKey::es256("ec-1"),
            rsa: SigningKey::rs256("rsa-1"),
            address,
            state: Arc::clone(&state),
            server: tokio::spawn(server::serve(listener, state)),
        };
        issuer.publish(&[&issuer.ec, &issuer.rsa]);
        issuer
    }

    /// Its URL, which is its tokens' `iss`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url())
    }

    /// The configuration that takes its tokens, for [`AUDIENCE`], with its keys by discovery.
    #[must_use]
    pub fn config(&self) -> TokenConfig {
        TokenConfig::new(self.url(), AUDIENCE)
    }

    /// A good token with these scopes, signed with the EC key.
    #[must_use]
    pub fn token(&self, scope: &str) -> String {
        let mut claims = self.claims();
        claims["scope"] = scope.into();
        self.ec.sign(&claims)
    }

    /// The claims of a good token without scopes, to change and sign: it is issued now, for an hour.
    #[must_use]
    pub fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.url(),
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
        })
    }

    /// Publishes these keys instead of those before.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.publish_text(json!({ "keys": keys }).to_string());
    }

    /// Publishes this text where the key set should be.
    pub fn publish_text(&self, jwks: impl Into<String>) {
        self.state.set_jwks(jwks.into());
    }

    /// Publishes this text as the discovery document.
    pub fn publish_discovery(&self, document: impl Into<String>) {
        self.state.set_discovery(document.into());
    }

    /// What all requests get from now on.
    pub fn answer(&self, answer: Answer) {
        self.state.set_answer(answer);
    }

    /// How often it was asked for what, failures included.
    #[must_use]
    pub fn hits(&self) -> Hits {
        self.state.hits()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_secs()
}
