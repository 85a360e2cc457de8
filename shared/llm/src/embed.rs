//! [`Embedder`]: texts to vectors, with the bounds, the retries and the errors that [`Models`](crate::Models) has.

mod bill;
mod config;
mod pricing;
mod request;
mod vector;

use std::sync::Arc;

use genai::ModelIden;
use genai::embed::{EmbedOptions, EmbedRequest, EmbedResponse};
use lambent_schema::{Ledger, Usage};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

pub use config::EmbeddingConfig;
pub use pricing::EmbeddingPricing;
pub use request::Purpose;
pub use vector::{EMBEDDING_DIMENSIONS, Embedding, EmbeddingError, Embeddings};

use crate::client::Access;
use crate::config::ConfigError;
use crate::error::{ModelError, ModelErrorKind, TimeoutPhase, UpstreamFault};
use crate::failure::{Failure, classify};
use crate::prompt::estimated_tokens;
use crate::reader::timed_out;
use crate::retry::Retries;
use bill::{Bill, Call};
use request::{batches, options};

/// The configured embedding model. Cheap to clone; built once, at start.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
    bill: Option<Arc<Bill>>,
}

struct Inner {
    client: genai::Client,
    target: ModelIden,
    config: EmbeddingConfig,
}

impl Embedder {
    /// Builds the client. No call is made: a wrong key shows with the first request.
    ///
    /// # Errors
    /// The configuration names no known provider, one without embeddings, or no valid URL, or the HTTP client cannot be built.
    pub fn new(config: EmbeddingConfig) -> Result<Self, ConfigError> {
        let provider = config.provider()?;
        let access = Access {
            base_url: config.place().base_url()?,
            key: config.key.as_ref(),
            aws: None,
            patience: config.timeout,
        };
        let client = crate::client::build(access, provider)?;
        let target = ModelIden::new(provider, config.model.as_str());
        let inner = Inner {
            client,
            target,
            config,
        };
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

    /// Embeds texts, in calls one after the other. A text should not be empty: most providers refuse it. What is longer than the
    /// model reads is refused by some, and cut by others.
    ///
    /// # Errors
    /// See [`ModelErrorKind`]; the error's usage counts the calls before that were answered. Nothing lasts beyond the deadline.
    pub async fn embed(
        &self,
        texts: &[String],
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Embeddings, ModelError> {
        let config = &self.inner.config;
        let options = options(config, self.inner.target.adapter_kind, purpose);
        let mut retries = Retries::new(config.max_retries);
        let mut embeddings = Embeddings {
            vectors: Vec::with_capacity(texts.len()),
            usage: Usage::default(),
        };
        for batch in batches(texts, config) {
            let embedded = self.batch(batch, &options, deadline, &mut retries).await;
            let embedded = embedded.map_err(|error| error.spent(embeddings.usage))?;
            embeddings.vectors.extend(embedded.vectors);
            embeddings.usage += embedded.usage;
        }
        Ok(embeddings)
    }

    /// Calls, and calls again if that is worth it.
    async fn batch(
        &self,
        texts: &[String],
        options: &EmbedOptions,
        deadline: Instant,
        retries: &mut Retries,
    ) -> Result<Embeddings, ModelError> {
        loop {
            let failure = match self.attempt(texts, options, deadline).await {
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
        options: &EmbedOptions,
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
        let request = EmbedRequest::new_batch(texts.to_vec());
        let target = self.inner.target.clone();
        let answer = timeout_at(by, self.inner.client.exec_embed(target, request, Some(options))).await;
        match answer {
            // The call is dropped: a provider that falls silent may have read the texts.
            Err(_elapsed) => Err(timed_out(phase)),
            Ok(Err(error)) => Err(failed(classify(error), call)),
            Ok(Ok(response)) => read(response, texts.len(), call),
        }
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Embedder").field(&self.inner.config).finish()
    }
}

/// What was answered, once it is what was asked for: a vector for each text, in their order.
fn read(response: EmbedResponse, texts: usize, call: Call<'_>) -> Result<Embeddings, Failure> {
    let counted = response
        .usage
        .prompt_tokens
        .and_then(|tokens| u64::try_from(tokens).ok());
    let usage = call.read(counted.filter(|tokens| *tokens > 0));
    let wrong = |error: ModelError| Failure::last(error.spent(usage));
    let mut answered = response.embeddings;
    answered.sort_by_key(|embedding| embedding.index);
    let places = answered.iter().map(|embedding| embedding.index);
    if !places.eq(0..texts) {
        return Err(wrong(ModelError::upstream(UpstreamFault::Malformed)));
    }
    let vectors = answered
        .into_iter()
        .map(|embedding| Embedding::normalized(embedding.vector))
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
