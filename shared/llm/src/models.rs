//! [`Models`]: what handlers hold.

use std::sync::Arc;

use genai::ModelIden;
use genai::chat::{ChatOptions, ChatRequest};
use lambent_schema::{Ledger, Spending, Usage};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::client::Access;
use crate::config::{ConfigError, ModelConfig};
use crate::error::{ModelError, ModelErrorKind};
use crate::failure::{Failure, classify};
use crate::meter::Meter;
use crate::pricing::Pricing;
use crate::prompt::{self, Prompt, Rejected};
use crate::reader::{Finish, Reader, Waits, timed_out};
use crate::reply::ReplySchema;
use crate::retry::Retries;
use crate::stream::{Chunk, CompletionStream};

/// The configured model. Cheap to clone; built once, at start.
#[derive(Clone)]
pub struct Models {
    inner: Arc<Inner>,
    /// Most tokens of an answer.
    max_output_tokens: u32,
    ledger: Option<Arc<dyn Ledger>>,
}

struct Inner {
    client: genai::Client,
    target: ModelIden,
    name: String,
    config: ModelConfig,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Why the model stopped; on [`Finish::Length`] the text is cut.
    pub finish: Finish,
    /// Tokens read and written.
    pub usage: Usage,
    /// When the first piece of it was here.
    pub first_token_at: Instant,
    /// What it cost, with the answers before it to the same request.
    spending: Spending,
}

/// An answer that fits its schema.
#[derive(Debug, Clone)]
pub struct Structured<T> {
    /// The answer.
    pub value: T,
    /// Tokens read and written, all attempts together.
    pub usage: Usage,
    /// Answers that the model gave: 1, and one more for each repair.
    pub attempts: u32,
    /// When the first piece of the first one was here.
    pub first_token_at: Instant,
}

impl Models {
    /// Builds the client. No call is made: a wrong key shows with the first request.
    ///
    /// # Errors
    /// The configuration names no known provider or no valid URL, or the HTTP client cannot be built.
    pub fn new(config: ModelConfig) -> Result<Self, ConfigError> {
        let provider = config.provider()?;
        let access = Access {
            base_url: config.place().base_url()?,
            key: config.key.as_ref(),
            aws: config.aws.as_ref(),
            patience: config.first_token_timeout,
        };
        let client = crate::client::build(access, provider)?;
        Ok(Self {
            max_output_tokens: config.max_output_tokens,
            ledger: None,
            inner: Arc::new(Inner {
                client,
                target: ModelIden::new(provider, config.model.as_str()),
                name: config.place().name().to_owned(),
                config,
            }),
        })
    }

    /// The same model for one request: what it uses is told to `ledger` as it is used, and an answer has at most
    /// `max_output_tokens`, if that is less than what is configured.
    #[must_use]
    pub fn metered(&self, ledger: impl Ledger + 'static, max_output_tokens: Option<u32>) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            max_output_tokens: self.bounded(max_output_tokens),
            ledger: Some(Arc::new(ledger)),
        }
    }

    /// What its answers can cost.
    #[must_use]
    pub fn pricing(&self) -> Pricing {
        Pricing::of(&self.inner.config)
    }

    fn bounded(&self, max_output_tokens: Option<u32>) -> u32 {
        max_output_tokens.map_or(self.max_output_tokens, |most| most.min(self.max_output_tokens))
    }

    /// The model's name as callers see it, without its provider: `claude-haiku-4-5`.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.inner.name
    }

    /// What the model can read, in tokens, if the configuration says so ([`ModelConfig::context_tokens`]).
    #[must_use]
    pub fn context_tokens(&self) -> Option<u32> {
        self.inner.config.context_tokens
    }

    /// The most tokens that one answer may have: what is configured, or less where [`Models::metered`] was told so.
    #[must_use]
    pub fn max_output_tokens(&self) -> u32 {
        self.max_output_tokens
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// See [`ModelErrorKind`]. Nothing lasts beyond the deadline.
    pub async fn complete(&self, prompt: &Prompt, deadline: Instant) -> Result<Completion, ModelError> {
        let mut retries = Retries::new(self.inner.config.max_retries);
        self.whole(prompt, None, None, deadline, &mut retries).await
    }

    /// Asks, and resolves when the first piece of the answer is here, so that a failure before it can still be a status.
    /// With a `reply` the model is asked for JSON of that form; the stream does not check it ([`ReplySchema::parse`] does).
    ///
    /// # Errors
    /// See [`ModelErrorKind`]. What goes wrong later is the stream's last item.
    pub async fn stream(
        &self,
        prompt: &Prompt,
        reply: Option<&ReplySchema>,
        deadline: Instant,
    ) -> Result<CompletionStream, ModelError> {
        let mut retries = Retries::new(self.inner.config.max_retries);
        let (first, reader) = self.open(prompt, reply, None, deadline, &mut retries).await?;
        let inner = Arc::clone(&self.inner);
        Ok(CompletionStream::new(first, reader, move |error| {
            inner.with_context(error)
        }))
    }

    /// Asks for JSON that fits `reply`. An answer that does not is sent back to the model with the rules it broke, at most
    /// [`ModelConfig::max_repairs`] times.
    ///
    /// # Errors
    /// See [`ModelErrorKind`]; the error's usage counts every answer that came.
    pub async fn structured<T: DeserializeOwned>(
        &self,
        prompt: &Prompt,
        reply: &ReplySchema,
        deadline: Instant,
    ) -> Result<Structured<T>, ModelError> {
        let mut retries = Retries::new(self.inner.config.max_retries);
        let mut usage = Usage::default();
        let mut rejected: Option<(Rejected, Spending)> = None;
        let mut first_token_at = None;
        for attempts in 1..=self.pricing().max_answers() {
            let again = rejected
                .as_ref()
                .map(|(rejected, spending)| (rejected, *spending));
            let answer = self.whole(prompt, Some(reply), again, deadline, &mut retries);
            let answer = answer.await.map_err(|error| error.spent(usage))?;
            usage += answer.usage;
            let first_token_at = *first_token_at.get_or_insert(answer.first_token_at);
            match reply.parse(&answer.text) {
                Ok(value) => {
                    return Ok(Structured {
                        value,
                        usage,
                        attempts,
                        first_token_at,
                    });
                }
                Err(violations) => {
                    let spending = answer.spending;
                    rejected = Some((reject(answer, &violations), spending));
                }
            }
        }
        let attempts = self.pricing().max_answers();
        Err(ModelError::new(ModelErrorKind::InvalidReply { attempts }).spent(usage))
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Models").field(&self.inner.config).finish()
    }
}

/// What the model is told about an answer that is not usable.
fn reject(answer: Completion, violations: &[String]) -> Rejected {
    let cut = match answer.finish {
        Finish::Length => "Your answer was cut off because it was too long. Be much shorter.\n",
        Finish::Stop | Finish::Filtered | Finish::Other => "",
    };
    let complaint = format!(
        "{cut}Your answer does not fit the JSON Schema:\n- {}\nReply with the corrected JSON value only.",
        violations.join("\n- ")
    );
    Rejected {
        reply: answer.text,
        complaint,
    }
}

impl Models {
    /// `again`: the answer before, and what all answers before cost.
    async fn whole(
        &self,
        prompt: &Prompt,
        reply: Option<&ReplySchema>,
        again: Option<(&Rejected, Spending)>,
        deadline: Instant,
        retries: &mut Retries,
    ) -> Result<Completion, ModelError> {
        let (mut chunk, mut reader) = self.open(prompt, reply, again, deadline, retries).await?;
        let first_token_at = Instant::now();
        let mut text = String::new();
        loop {
            match chunk {
                Chunk::Delta(delta) => text.push_str(&delta),
                Chunk::End { usage, finish } => {
                    return Ok(Completion {
                        text,
                        finish,
                        usage,
                        first_token_at,
                        spending: reader.spending(),
                    });
                }
            }
            chunk = reader
                .next()
                .await
                .map_err(|failure| self.inner.with_context(failure.error))?;
        }
    }

    /// Calls, and calls again if that is worth it, until the first piece of an answer is here.
    async fn open(
        &self,
        prompt: &Prompt,
        reply: Option<&ReplySchema>,
        again: Option<(&Rejected, Spending)>,
        deadline: Instant,
        retries: &mut Retries,
    ) -> Result<(Chunk, Reader), ModelError> {
        let provider = self.inner.target.adapter_kind;
        let options = prompt::options(&self.inner.config, self.max_output_tokens, reply, provider);
        let (rejected, before) = again.unzip();
        let prompt_tokens = prompt::tokens(prompt, reply, rejected);
        loop {
            let request = prompt::request(prompt, reply, provider, rejected);
            let meter = Meter::new(
                self.ledger.clone(),
                self.inner.config.price(),
                before.unwrap_or_default(),
                prompt_tokens,
            );
            let failure = match self.inner.attempt(request, &options, deadline, meter).await {
                Ok(opened) => return Ok(opened),
                Err(failure) => failure,
            };
            let Some(pause) = retries.after(&failure, deadline) else {
                return Err(self.inner.with_context(failure.error));
            };
            warn!(error = %failure.error, pause_ms = pause.as_millis(), "model call failed, trying again");
            sleep(pause).await;
        }
    }
}

impl Inner {
    async fn attempt(
        &self,
        request: ChatRequest,
        options: &ChatOptions,
        deadline: Instant,
        meter: Meter,
    ) -> Result<(Chunk, Reader), Failure> {
        let waits = Waits {
            first_token_by: Instant::now() + self.config.first_token_timeout,
            between_tokens: self.config.between_tokens_timeout,
            deadline,
        };
        // Most providers connect only when the stream is read; for Bedrock a key is made here.
        let call = self
            .client
            .exec_chat_stream(self.target.clone(), request, Some(options));
        let (by, phase) = waits.first();
        let response = timeout_at(by, call)
            .await
            .map_err(|_| timed_out(phase))?
            .map_err(classify)?;
        let mut reader = Reader::new(response.stream, waits, meter);
        let first = reader.next().await?;
        Ok((first, reader))
    }

    /// Adds what only the configuration knows.
    fn with_context(&self, mut error: ModelError) -> ModelError {
        if let ModelErrorKind::ContextExceeded { limit, hint } = &mut error.kind {
            *limit = self.config.context_tokens;
            hint.clone_from(&self.config.context_hint);
        }
        error
    }
}

#[cfg(test)]
#[path = "models_tests.rs"]
mod tests;
