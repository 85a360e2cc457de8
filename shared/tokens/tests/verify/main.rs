//! Tokens against a real issuer on loopback: what is taken, what is refused and why, and how often the issuer is asked.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod claims;
mod faults;
mod forgeries;
mod forms;
mod keys;
mod signatures;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambent_tokens::testing::{Issuer, SigningKey};
use lambent_tokens::{Identity, Invalid, TokenConfig, TokenError, Tokens};
use serde_json::Value;

/// An issuer, and what verifies its tokens.
struct Rig {
    issuer: Issuer,
    tokens: Tokens,
}

impl Rig {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut TokenConfig)) -> Self {
        let issuer = Issuer::start().await;
        let mut config = issuer.config();
        change(&mut config);
        let tokens = Tokens::new(config).unwrap();
        Self { issuer, tokens }
    }

    async fn accepted(&self, token: &str) -> Identity {
        self.tokens.verify(token).await.unwrap()
    }

    async fn refused(&self, token: &str) -> Invalid {
        match self.tokens.verify(token).await {
            Err(TokenError::Invalid(reason)) => reason,
            other => panic!("expected a refusal of {token:?}, got {other:?}"),
        }
    }

    /// A token with good claims, changed.
    fn token_with(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.issuer.claims();
        change(&mut claims);
        self.issuer.ec.sign(&claims)
    }

    /// A token with good claims, signed with this key, and a header with one more field.
    fn token_with_header(&self, key: &SigningKey, name: &str, value: Value) -> String {
        let mut header = key.header();
        header[name] = value;
        key.sign_with(&header, &self.issuer.claims())
    }
}

/// base64url, as in all parts of a token.
fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token's three parts.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

/// Puts the clock forward, by which keys grow old. Only for a moment: a clock that stands would also run out the fetches' timeouts.
async fn pass(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}
