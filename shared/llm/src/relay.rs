//! Calls that are passed on: a caller's request in OpenAI's protocol to a provider that speaks it too, and the answer back, with only
//! that rewritten which has to be.
//!
//! [`ChatModels`] and [`EmbeddingModels`] are the tables of names that callers may use; each name has [`targets`](Entry::targets), of
//! which the later ones are for when the earlier ones fail. A [`Relay`] is a target that speaks OpenAI's protocol. Providers
//! that do not are called as everywhere else, through [`Models`](crate::Models) and [`Embedder`](crate::Embedder).
//!
//! Unlike those, a relay repeats nothing: OpenAI's clients do that themselves.

mod chain;
mod chunk;
mod config;
mod error;
mod events;
mod fields;
mod table;
mod target;
mod whole;

use std::sync::Arc;

use bytes::Bytes;
use lambent_schema::{Ledger, Usage};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

pub use chain::{Chain, Way};
pub use config::TableConfig;
pub use error::{Rejection, RelayError};
pub use events::{Frame, Frames};
pub use fields::{Fields, NotAnObject};
pub use table::{
    ChatModels, ChatTarget, DEFAULT, EmbeddingModels, EmbeddingTarget, Entry, ModelNames, Target,
};
pub use target::{LimitName, Relay};

use crate::error::{ModelError, ModelErrorKind, TimeoutPhase};
use crate::failure::of_reqwest;
use crate::meter::Meter;
use crate::prices::Price;
use crate::reader::{Waits, timed_out};
use error::of_answer;
use whole::Arriving;

/// A request to pass on.
#[derive(Debug)]
pub struct Passing {
    /// The body, as the target is to get it.
    pub body: Vec<u8>,
    /// The tokens of the prompt, about.
    pub prompt_tokens: u64,
    /// Whether the caller asked for usage at the end of a stream.
    pub wants_usage: bool,
    /// By when all of the answer has to be here.
    pub deadline: Instant,
}

impl Relay {
    /// Passes on a chat, and resolves when the first piece of the answer is here.
    ///
    /// # Errors
    /// The provider does not take it, or fails. What goes wrong later is the last that [`Frames::next`] says.
    pub async fn stream(
        &self,
        passing: Passing,
        ledger: impl Ledger + 'static,
    ) -> Result<Frames, RelayError> {
        let waits = Waits {
            first_token_by: Instant::now() + self.first_token_timeout,
            between_tokens: self.between_tokens_timeout,
            deadline: passing.deadline,
        };
        let (by, phase) = waits.first();
        let sent = self.post("chat/completions", passing.body, passing.prompt_tokens, ledger);
        let (response, meter) = within(by, phase, sent).await?;
        let rewriter = chunk::Rewriter::new(self.model(), passing.wants_usage);
        let mut frames = Frames::new(response, waits, meter, rewriter);
        frames.begin().await?;
        Ok(frames)
    }

    /// Passes on a chat, and waits for the whole answer.
    ///
    /// # Errors
    /// The provider does not take it, or fails.
    pub async fn whole(&self, passing: Passing, ledger: impl Ledger + 'static) -> Result<Bytes, RelayError> {
        self.buffered("chat/completions", passing, ledger).await
    }

    /// Passes on texts to be embedded.
    ///
    /// # Errors
    /// The provider does not take them, or fails.
    pub async fn embeddings(
        &self,
        passing: Passing,
        ledger: impl Ledger + 'static,
    ) -> Result<Bytes, RelayError> {
        self.buffered("embeddings", passing, ledger).await
    }

    async fn buffered(
        &self,
        path: &str,
        passing: Passing,
        ledger: impl Ledger + 'static,
    ) -> Result<Bytes, RelayError> {
        let answered = async {
            let sent = self.post(path, passing.body, passing.prompt_tokens, ledger);
            let (response, meter) = sent.await?;
            Arriving::new(meter).all_of(response).await
        };
        within(passing.deadline, TimeoutPhase::Deadline, answered).await
    }

    /// Sends it, and resolves with the answer's head.
    async fn post(
        &self,
        path: &str,
        body: Vec<u8>,
        prompt_tokens: u64,
        ledger: impl Ledger + 'static,
    ) -> Result<(reqwest::Response, Meter), RelayError> {
        let request = self.request(path, body)?;
        let sent = Sent::new(Arc::new(ledger), self.price(), prompt_tokens);
        match request.send().await {
            Err(error) => {
                let failure = of_reqwest(error);
                if failure.retryable {
                    sent.refused();
                }
                Err(failure.error.into())
            }
            Ok(response) if response.status().is_success() => Ok((response, sent.taken())),
            Ok(response) => {
                sent.refused();
                Err(of_answer(response).await)
            }
        }
    }
}

/// A provider's count of tokens.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct TokenCounts {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self {
            input_tokens: counts.prompt_tokens,
            output_tokens: counts.completion_tokens,
        }
    }
}

async fn within<T>(
    by: Instant,
    phase: TimeoutPhase,
    doing: impl Future<Output = Result<T, RelayError>>,
) -> Result<T, RelayError> {
    match timeout_at(by, doing).await {
        Ok(done) => done,
        Err(_elapsed) => Err(timed_out(phase).error.into()),
    }
}

/// A request on its way. Dropped before its end is known, it leaves a provider that reads, and asks for that.
struct Sent(Option<Meter>);

impl Sent {
    fn new(ledger: Arc<dyn Ledger>, price: Price, prompt_tokens: u64) -> Self {
        Self(Some(Meter::new(
            Some(ledger),
            price,
            lambent_schema::Spending::default(),
            prompt_tokens,
        )))
    }

    /// The provider has not taken it: that costs nothing.
    fn refused(mut self) {
        self.0 = None;
    }

    /// The provider has taken it.
    #[expect(
        clippy::expect_used,
        reason = "only this and `refused`, which end it, take the meter"
    )]
    fn taken(mut self) -> Meter {
        let mut meter = self.0.take().expect("a meter");
        meter.opened();
        meter
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(meter) = &mut self.0 {
            meter.opened();
        }
    }
}

/// The stream ended without its end.
fn truncated() -> RelayError {
    ModelError::new(ModelErrorKind::Truncated).into()
}
