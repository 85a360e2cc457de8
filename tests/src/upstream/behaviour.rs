//! What a call to the upstream gets.

use std::time::Duration;

use serde_json::{Value, json};

/// What a call gets.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// An answer, whole or broken on the way.
    Answer(Answer),
    /// An error before any answer.
    Status {
        /// HTTP status.
        status: u16,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// JSON body.
        body: Value,
    },
    /// An event stream that is this.
    Events(String),
    /// Nothing, ever: not even a status line.
    Hang,
}

/// What a call for embeddings gets.
#[derive(Debug, Clone)]
pub enum EmbeddingBehaviour {
    /// Vectors, whole or broken on the way: a [`Fault::Silence`] comes before them, any other fault instead of their end.
    Vectors(Vectors, Option<Fault>),
    /// None, as a chat gets none: [`Behaviour::Status`] or [`Behaviour::Hang`].
    Failure(Behaviour),
}

/// The vectors of an answer.
#[derive(Debug, Clone)]
pub enum Vectors {
    /// One for each text, of as many numbers as were asked for, or 384 ([`vector`](super::vector)).
    AsAsked,
    /// The same, the last text's first. Their indices are right.
    Reversed,
    /// One for each text, of so many numbers, whatever was asked for.
    Wide(usize),
    /// One less than there are texts.
    OneLess,
    /// One for each text, with this number among them. JSON has no NaN: what is written is up to the test.
    With(&'static str),
}

impl Default for EmbeddingBehaviour {
    fn default() -> Self {
        Vectors::AsAsked.into()
    }
}

impl From<Vectors> for EmbeddingBehaviour {
    fn from(vectors: Vectors) -> Self {
        Self::Vectors(vectors, None)
    }
}

impl From<Fault> for EmbeddingBehaviour {
    fn from(fault: Fault) -> Self {
        Self::Vectors(Vectors::AsAsked, Some(fault))
    }
}

impl From<Behaviour> for EmbeddingBehaviour {
    /// What a chat gets, with vectors for words.
    fn from(behaviour: Behaviour) -> Self {
        match behaviour {
            Behaviour::Answer(answer) => {
                Self::Vectors(Vectors::AsAsked, answer.fault.map(|(_, fault)| fault))
            }
            failure => Self::Failure(failure),
        }
    }
}

/// An answer: which text, how fast, and what goes wrong on the way.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The text.
    pub content: Content,
    /// Time from the request to the first token.
    pub first_token: Duration,
    /// Time from token to token.
    pub between_tokens: Duration,
    /// What goes wrong, and after how many tokens.
    pub fault: Option<(usize, Fault)>,
}

/// The text of an answer.
#[derive(Debug, Clone)]
pub enum Content {
    /// This.
    Text(String),
    /// JSON that fits the schema of the request, or a sentence if the request has none.
    AsAsked,
    /// JSON that does not fit the schema of the request.
    NotAsAsked,
    /// Calls of these tools, each with a name and its arguments in JSON, instead of a text.
    Tools(Vec<(String, Value)>),
    /// JSON whose `summary` is the number of the document: what stands between the first two `#` of the prompt.
    Number,
}

/// What goes wrong with an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection drops.
    Cut,
    /// The body ends as if it were complete: no finish reason, no `[DONE]`.
    EndWithoutEnd,
    /// A line that is not JSON.
    Garbage,
    /// An error object instead of a chunk, as OpenAI sends it.
    ErrorEvent,
    /// Silence for this long; then it goes on.
    Silence(Duration),
}

/// Texts that only the upstream says: a test can look for them where they must not be.
pub const SECRET: &str = "upstream-internal-detail";

impl Answer {
    /// This text, at once.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Content::Text(text.into()))
    }

    /// JSON that fits the schema of the request, or a sentence, at once.
    #[must_use]
    pub fn as_asked() -> Self {
        Self::of(Content::AsAsked)
    }

    /// JSON that breaks the schema of the request, at once.
    #[must_use]
    pub fn not_as_asked() -> Self {
        Self::of(Content::NotAsAsked)
    }

    /// JSON that says which document it is about ([`Content::Number`]), at once.
    #[must_use]
    pub fn number() -> Self {
        Self::of(Content::Number)
    }

    /// Calls of these tools, at once.
    #[must_use]
    pub fn tools(calls: &[(&str, Value)]) -> Self {
        let calls = calls
            .iter()
            .map(|(name, arguments)| ((*name).to_owned(), arguments.clone()));
        Self::of(Content::Tools(calls.collect()))
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            first_token: Duration::ZERO,
            between_tokens: Duration::ZERO,
            fault: None,
        }
    }

    /// The same, slower.
    #[must_use]
    pub fn paced(self, first_token: Duration, between_tokens: Duration) -> Self {
        Self {
            first_token,
            between_tokens,
            ..self
        }
    }

    /// The same, with this going wrong after so many tokens.
    #[must_use]
    pub fn with_fault(self, after_tokens: usize, fault: Fault) -> Self {
        Self {
            fault: Some((after_tokens, fault)),
            ..self
        }
    }
}

impl Behaviour {
    /// A bare error status, with OpenAI's error object.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::error(status, "server_error", "server_error", SECRET)
    }

    /// 429, and when to come back.
    #[must_use]
    pub fn rate_limited(retry_after: &str) -> Self {
        let mut behaviour = Self::error(429, "rate_limit_error", "rate_limit_exceeded", SECRET);
        if let Self::Status { headers, .. } = &mut behaviour {
            headers.push(("retry-after", retry_after.to_owned()));
        }
        behaviour
    }

    /// 401: the key is not known.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::error(401, "invalid_request_error", "invalid_api_key", SECRET)
    }

    /// 400: the prompt is too long for the model.
    #[must_use]
    pub fn context_length_exceeded() -> Self {
        let message = format!("This model's maximum context length is 2048 tokens ({SECRET})");
        Self::error(400, "invalid_request_error", "context_length_exceeded", &message)
    }

    /// Any error, with OpenAI's error object.
    #[must_use]
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        Self::Status {
            status,
            headers: Vec::new(),
            body: json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
        }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::Answer(Answer::as_asked())
    }
}

impl From<Answer> for Behaviour {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}
