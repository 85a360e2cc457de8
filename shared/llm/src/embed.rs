//! [`Embedder`]: texts to vectors, with the bounds, the retries and the errors that [`Models`](crate::Models) has.

mod bill;
mod config;
mod pricing;
mod request;
mod titan;
mod transport;
mod vector;

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use lambent_schema::{Ledger, Usage};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

pub use config::EmbeddingConfig;
pub use pricing::EmbeddingPricing;
pub use request::Purpose;
pub use vector::{EMBEDDING_DIMENSIONS, Embedding, EmbeddingError, Embeddings};

use crate::config::ConfigError;
use crate::error::{ModelError, ModelErrorKind, TimeoutPhase, UpstreamFault};
use crate::failure::Failure;
use crate::prompt::estimated_tokens;
use crate::reader::timed_out;
use crate::retry::Retries;
use bill::{Bill, Call};
use request::batches;
use titan::CALLS_AT_ONCE;
use transport::{Answer, Transport};

/// The configured embedding model. Cheap to clone; built once, at start.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
    bill: Option<Arc<Bill>>,
}

struct Inner {
    transport: Transport,
    config: EmbeddingConfig,
}

impl Embedder {
    /// Builds the client. No call is made: a wrong key shows with the first request.
    ///
    /// # Errors
    /// The configuration names no known provider, one without embeddings, no valid URL or no region, or the HTTP client cannot be
    /// built.
    pub fn new(config: EmbeddingConfig) -> Result<Self, ConfigError> {
        let transport = Transport::new(&config)?;
        let inner = Inner { transport, config };
        Ok(Self {
            inner: Arc::new(inner),
            bill: None,
        })
    }

    /// The same model for one request: what it uses is told to `ledger` as it is used, over all calls of
    /// [`Embedder::embed`]. Where other models tell the same ledger, give each a [`Share`](crate::Share).
    #[must_use]
    pub fn metered(&self, ledger: impl Ledger + 'static) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            bill: Some(Arc::new(Bill::new(Arc::new(ledger), self.inner.config.price()))),
        }
    }

    /// What its embeddings can cost.
    #[must_use]
    pub fn pricing(&self) -> EmbeddingPricing {
        EmbeddingPricing::of(&self.inner.config)
    }

    /// The model's name, without its provider: `text-embedding-3-small`. Only vectors of one model are near to each other.
    #[must_use]
    pub fn model(&self) -> &str {
        self.inner.config.place().name()
    }

    /// Embeds texts: in calls one after the other, or, where a call takes one text only, in several calls at once. A text should not
    /// be empty: most providers refuse it. What is longer than the model reads is refused by some, and cut by others.
    ///
    /// # Errors
    /// See [`ModelErrorKind`]; the error's usage counts the calls before that were answered. Nothing lasts beyond the deadline.
    pub async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Embeddings, ModelError> {
        match self.inner.transport {
            Transport::Genai { .. } => self.in_batches(texts, purpose, deadline).await,
            Transport::Titan(_) => self.one_by_one(texts, purpose, deadline).await,
        }
    }

    /// In calls with many texts, one after the other, which share their repetitions.
    async fn in_batches(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Embeddings, ModelError> {
        let config = &self.inner.config;
        let mut retries = Retries::new(config.max_retries);
        let mut embeddings = Embeddings {
            vectors: Vec::with_capacity(texts.len()),
            usage: Usage::default(),
        };
        for batch in batches(texts, config) {
            let embedded = self.batch(batch, purpose, deadline, &mut retries).await;
            let embedded = embedded.map_err(|error| error.spent(embeddings.usage))?;
            embeddings.vectors.extend(embedded.vectors);
            embeddings.usage += embedded.usage;
        }
        Ok(embeddings)
    }

    /// In a call for each text, several at once, each of which has its own repetitions: where one is told to slow down, so are those
    /// beside it. The first that fails ends the others.
    async fn one_by_one(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Embeddings, ModelError> {
        // Over places: a closure over borrowed texts would keep this future from being `Send`.
        let calls = (0..texts.len()).map(|place| async move {
            let text = &texts[place..=place];
            let mut retries = Retries::new(self.inner.config.max_retries);
            let embedded = self.batch(text, purpose, deadline, &mut retries).await;
            embedded.map(|embedded| (place, embedded))
        });
        let mut calls = stream::iter(calls).buffer_unordered(CALLS_AT_ONCE);
        let mut usage = Usage::default();
        let mut answered = Vec::with_capacity(texts.len());
        while let Some(call) = calls.next().await {
            let (place, embedded) = call.map_err(|error| error.spent(usage))?;
            usage += embedded.usage;
            answered.push((place, embedded.vectors));
        }
        answered.sort_by_key(|(place, _)| *place);
        let vectors = answered.into_iter().flat_map(|(_, vectors)| vectors).collect();
        Ok(Embeddings { vectors, usage })
    }

    /// Calls, and calls again if that is worth it.
    async fn batch(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
        retries: &mut Retries,
    ) -> Result<Embeddings, ModelError> {
        loop {
            let failure = match self.attempt(texts, purpose, deadline).await {
                Ok(embeddings) => return Ok(embeddings),
                Err(failure) => failure,
            };
            let Some(pause) = retries.after(&failure, deadline) else {
                return Err(failure.error);
            };
            warn!(error = %failure.error, pause_ms = pause.as_millis(), "embedding failed, trying again");
            sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Embeddings, Failure> {
        let now = Instant::now();
        if now >= deadline {
            return Err(timed_out(TimeoutPhase::Deadline));
        }
        let (by, phase) = match now + self.inner.config.timeout {
            by if by < deadline => (by, TimeoutPhase::FirstToken),
            _ => (deadline, TimeoutPhase::Deadline),
        };
        let estimate = texts.iter().map(|text| estimated_tokens(text)).sum();
        let call = Call::new(self.bill.as_deref(), estimate);
        let sent = self.inner.transport.send(texts, purpose, &self.inner.config);
        match timeout_at(by, sent).await {
            // The call is dropped: a provider that falls silent may have read the texts.
            Err(_elapsed) => Err(timed_out(phase)),
            Ok(Err(failure)) => Err(failed(failure, call)),
            Ok(Ok(answer)) => read(answer, call),
        }
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Embedder").field(&self.inner.config).finish()
    }
}

/// What was answered, once it is what was asked for: a vector for each text, in their order.
fn read(answer: Answer, call: Call<'_>) -> Result<Embeddings, Failure> {
    let usage = call.read(answer.tokens.filter(|tokens| *tokens > 0));
    let wrong = |error: ModelError| Failure::last(error.spent(usage));
    let vectors = answer
        .vectors
        .map_err(|fault| wrong(ModelError::upstream(fault)))?;
    let vectors = vectors
        .into_iter()
        .map(Embedding::normalized)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            wrong(match error {
                EmbeddingError::TooMany { found } => {
                    ModelError::new(ModelErrorKind::TooManyDimensions { found })
                }
                EmbeddingError::NotFinite | EmbeddingError::Zero => {
                    ModelError::upstream(UpstreamFault::Malformed)
                }
            })
        })?;
    Ok(Embeddings { vectors, usage })
}

/// What a failed call costs, and whether it is worth repeating.
fn failed(failure: Failure, call: Call<'_>) -> Failure {
    match &failure.error.kind {
        // Nothing of it was given on, so that half an answer is worth as much as none.
        ModelErrorKind::Truncated => Failure {
            retryable: true,
            ..failure
        },
        // Read, and answered with something else. Dropping the call asks for it.
        ModelErrorKind::Upstream {
            fault: UpstreamFault::Malformed,
        } => failure,
        _ => {
            call.refused();
            failure
        }
    }
}
