//! Everything that can go wrong with a model, for the log and, separately, for callers.

use std::time::Duration;

use lambent_schema::{Problem, ProblemCode, Usage};

/// A call to a model failed.
///
/// `Display` and `Debug` are for our log: they name the status and the category, and hold no prompt, answer, key or body.
/// Callers see the [`Problem`] that this converts to.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ModelError {
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// Tokens spent all the same, as far as the provider reported them.
    pub usage: Usage,
    /// The cause in the transport, its URL removed.
    #[source]
    pub source: Option<reqwest::Error>,
}

/// What went wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelErrorKind {
    /// The provider failed, could not be reached, or answered nonsense.
    #[error("model provider failed: {fault}")]
    Upstream {
        /// How.
        fault: UpstreamFault,
    },
    /// The provider takes no more calls for now.
    #[error("model provider is busy (retry after {retry_after:?})")]
    RateLimited {
        /// When it said to come back.
        retry_after: Option<Duration>,
    },
    /// A wait was over.
    #[error("model timed out: {phase}")]
    Timeout {
        /// Which wait.
        phase: TimeoutPhase,
    },
    /// The answer ended without its end: cut, or closed early.
    #[error("model's stream ended without its end")]
    Truncated,
    /// The answer did not fit the schema, also after the repairs.
    #[error("model's answer did not fit the schema in {attempts} attempts")]
    InvalidReply {
        /// Answers that the model gave.
        attempts: u32,
    },
    /// Prompt and answer together are longer than the model's context.
    #[error("prompt is longer than the model's context (limit {limit:?} tokens)")]
    ContextExceeded {
        /// The limit in tokens, if configured.
        limit: Option<u32>,
        /// The configured sentence for callers.
        hint: Option<String>,
    },
    /// The embedding model's vectors are longer than what is kept ([`EMBEDDING_DIMENSIONS`](crate::EMBEDDING_DIMENSIONS)). For the
    /// operator: it takes another model.
    #[error(
        "the embedding model gives {found} numbers, at most {} are kept: configure another one",
        crate::EMBEDDING_DIMENSIONS
    )]
    TooManyDimensions {
        /// How many numbers there were.
        found: usize,
    },
    /// The provider refuses us: wrong key, no permission, no such model, no quota. For the operator, not for the caller.
    #[error(
        "model provider refuses this configuration (status {status:?}): check the model's name, key and quota"
    )]
    Configuration {
        /// The provider's HTTP status, if it got that far.
        status: Option<u16>,
    },
}

/// How a provider failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// It answered with this HTTP status.
    #[error("status {0}")]
    Status(u16),
    /// No connection, or none that lasted until an answer.
    #[error("no connection")]
    Connection,
    /// It sent an error in the middle of a stream.
    #[error("error event in the stream")]
    ErrorEvent,
    /// It sent what is not its protocol.
    #[error("malformed answer")]
    Malformed,
    /// Anything else that the client library reports.
    #[error("other")]
    Other,
}

/// Which wait was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutPhase {
    /// The wait for the first token.
    #[error("waiting for the first token")]
    FirstToken,
    /// A silence between tokens.
    #[error("silence between tokens")]
    BetweenTokens,
    /// The request's own deadline.
    #[error("the request's deadline")]
    Deadline,
}

impl ModelError {
    pub(crate) fn new(kind: ModelErrorKind) -> Self {
        Self {
            kind,
            usage: Usage::default(),
            source: None,
        }
    }

    pub(crate) fn upstream(fault: UpstreamFault) -> Self {
        Self::new(ModelErrorKind::Upstream { fault })
    }

    /// Whether the same question will fail again, also in a while: it is the question that is at fault.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match &self.kind {
            ModelErrorKind::InvalidReply { .. }
            | ModelErrorKind::ContextExceeded { .. }
            | ModelErrorKind::TooManyDimensions { .. } => true,
            ModelErrorKind::Upstream {
                fault: UpstreamFault::Status(status),
            } => (400..500).contains(status) && ![408, 409, 425, 429].contains(status),
            ModelErrorKind::Upstream { .. }
            | ModelErrorKind::RateLimited { .. }
            | ModelErrorKind::Timeout { .. }
            | ModelErrorKind::Truncated
            // Somebody will mend it.
            | ModelErrorKind::Configuration { .. } => false,
        }
    }

    /// The same, with what earlier attempts spent.
    pub(crate) fn spent(mut self, usage: Usage) -> Self {
        self.usage += usage;
        self
    }
}

impl ModelErrorKind {
    /// One word for log fields and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Upstream { .. } => "upstream",
            Self::RateLimited { .. } => "rate_limited",
            Self::Timeout { .. } => "timeout",
            Self::Truncated => "truncated",
            Self::InvalidReply { .. } => "invalid_reply",
            Self::ContextExceeded { .. } => "context_exceeded",
            Self::TooManyDimensions { .. } => "too_many_dimensions",
            Self::Configuration { .. } => "configuration",
        }
    }
}

/// What callers are told: a status they can act on, and nothing of the provider.
impl From<&ModelError> for Problem {
    fn from(error: &ModelError) -> Self {
        match &error.kind {
            ModelErrorKind::Upstream { .. }
            | ModelErrorKind::TooManyDimensions { .. }
            | ModelErrorKind::Configuration { .. } => {
                Self::new(ProblemCode::ModelFailed, "The model could not answer.")
            }
            ModelErrorKind::Truncated => Self::new(
                ProblemCode::ModelFailed,
                "The model's answer ended before it was complete.",
            ),
            ModelErrorKind::RateLimited { retry_after } => {
                let seconds =
                    retry_after.map_or(1, |wait| (wait.as_millis().div_ceil(1000)).clamp(1, 86_400));
                Self::new(
                    ProblemCode::ModelBusy,
                    "The model takes no more requests for now.",
                )
                .retry_after(u64::try_from(seconds).unwrap_or(1))
            }
            ModelErrorKind::Timeout { phase } => Self::new(ProblemCode::Timeout, timeout_detail(*phase)),
            ModelErrorKind::InvalidReply { attempts } => Self::new(
                ProblemCode::ModelReplyInvalid,
                format!("The model's answer was not of the form asked for, in {attempts} attempts."),
            ),
            ModelErrorKind::ContextExceeded { limit, hint } => Self::new(
                ProblemCode::DocumentTooLong,
                context_detail(*limit, hint.as_deref()),
            ),
        }
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        Self::from(&error)
    }
}

fn timeout_detail(phase: TimeoutPhase) -> &'static str {
    match phase {
        TimeoutPhase::FirstToken => "The model did not begin to answer in time.",
        TimeoutPhase::BetweenTokens => "The model fell silent while answering.",
        TimeoutPhase::Deadline => "The model did not finish within the time of this request.",
    }
}

fn context_detail(limit: Option<u32>, hint: Option<&str>) -> String {
    let mut detail = match limit {
        Some(limit) => format!(
            "With its instructions and the answer the document is longer than the model's {limit} tokens."
        ),
        None => {
            "With its instructions and the answer the document is longer than the model can read.".to_owned()
        }
    };
    if let Some(hint) = hint {
        detail.push(' ');
        detail.push_str(hint);
    }
    detail
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
