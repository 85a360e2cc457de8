//! Errors as callers see them: RFC 9457 problem details, one shape for all of them.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error, as `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the problem means what its status means; `code` is the finer distinction.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The HTTP status, repeated.
    pub status: u16,
    /// A few words that are the same for every problem of this code.
    pub title: Cow<'static, str>,
    /// What happened this time, for people. Never holds values of the request.
    pub detail: String,
    /// What happened, for programs: snake_case, stable.
    pub code: Cow<'static, str>,
    /// The id of the request, to quote to those who run the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Seconds after which a retry makes sense; the `Retry-After` header says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Every rule that the body broke, all at once (422 only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
}

/// One broken rule, and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Where: a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) into the body; empty for the whole body. In a
    /// query, `/` and the parameter's name.
    pub pointer: String,
    /// The rule, for people. Never holds the value.
    pub detail: String,
    /// The rule, for programs: `too_short`, `not_one_of`, `missing`.
    pub code: Cow<'static, str>,
}

impl Violation {
    /// The rule that a field breaks. `path` is its name, or its pointer without the slash before it: `messages/0/role`.
    #[must_use]
    pub fn of(path: &str, detail: impl Into<String>, code: &'static str) -> Self {
        Self {
            pointer: format!("/{path}"),
            detail: detail.into(),
            code: Cow::Borrowed(code),
        }
    }
}

impl Problem {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: Cow::Borrowed("about:blank"),
            status: code.status(),
            title: Cow::Borrowed(code.title()),
            detail: detail.into(),
            code: Cow::Borrowed(code.as_str()),
            request_id: None,
            retry_after: None,
            errors: Vec::new(),
        }
    }

    /// The body broke these rules: 422.
    #[must_use]
    pub fn invalid(errors: Vec<Violation>) -> Self {
        let detail = match errors.len() {
            1 => "The body breaks one rule.".to_owned(),
            n => format!("The body breaks {n} rules."),
        };
        Self {
            errors,
            ..Self::new(ProblemCode::ValidationFailed, detail)
        }
    }

    /// The query broke these rules: 422.
    #[must_use]
    pub fn invalid_query(errors: Vec<Violation>) -> Self {
        let problem = Self::invalid(errors);
        Self {
            detail: problem.detail.replace("The body", "The query"),
            title: Cow::Borrowed("The query is not valid"),
            ..problem
        }
    }

    /// The same, with the seconds after which a retry makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The same, naming the request.
    #[must_use]
    pub fn request_id(self, id: impl Into<String>) -> Self {
        Self {
            request_id: Some(id.into()),
            ..self
        }
    }
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal $code:literal $title:literal;)*) => {
        /// What can go wrong: each code with its status and title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemCode {
            $($(#[$doc])* $variant,)*
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The problem's `code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The problem's `title`.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

problem_codes! {
    /// The body is not JSON, or could not be read.
    InvalidJson = 400 "invalid_json" "The body is not valid JSON";
    /// The credentials contradict each other, or are not text.
    InvalidRequest = 400 "invalid_request" "The request is malformed";
    /// An event's signature is missing, wrong, or too old.
    InvalidSignature = 400 "invalid_signature" "The signature is not valid";
    /// No credentials, or none that are valid.
    Unauthenticated = 401 "unauthenticated" "Credentials are missing or not valid";
    /// The caller is known, and not allowed to do this.
    InsufficientScope = 403 "insufficient_scope" "The credentials do not allow this";
    /// No such path.
    NotFound = 404 "not_found" "Not found";
    /// No model of this name can be asked.
    ModelNotFound = 404 "model_not_found" "There is no such model";
    /// The path exists, not with this method.
    MethodNotAllowed = 405 "method_not_allowed" "Method not allowed";
    /// Another request with the same idempotency key is being accepted at this moment.
    IdempotencyInFlight = 409 "idempotency_in_flight" "A request with this key is in flight";
    /// The job has ended, so that it cannot be cancelled.
    JobEnded = 409 "job_ended" "The job has ended";
    /// A newer version of the document was put meanwhile.
    DocumentReplaced = 409 "document_replaced" "A newer version of the document is there";
    /// In this conversation an answer is being written.
    ConversationBusy = 409 "conversation_busy" "An answer is being written in this conversation";
    /// The body is over the limit.
    PayloadTooLarge = 413 "payload_too_large" "The body is too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = 415 "unsupported_media_type" "Unsupported media type";
    /// The body is JSON and breaks rules of its schema.
    ValidationFailed = 422 "validation_failed" "The body is not valid";
    /// The idempotency key came with another body before.
    IdempotencyMismatch = 422 "idempotency_mismatch" "The key was used with another body";
    /// The document is longer than the model can read.
    DocumentTooLong = 422 "document_too_long" "The document is too long for the model";
    /// Too many requests.
    RateLimited = 429 "rate_limited" "Too many requests";
    /// The caller's budget does not cover the most that the request can cost.
    BudgetExceeded = 429 "budget_exceeded" "The budget is used up";
    /// The caller has as many requests under way as it may.
    TooManyAtOnce = 429 "too_many_at_once" "Too many requests at once";
    /// A fault of ours.
    Internal = 500 "internal" "Internal error";
    /// A job's worker ended without a word, at each attempt.
    JobAbandoned = 500 "job_abandoned" "The job was given up";
    /// An answer's worker ended without a word.
    AnswerLost = 500 "answer_lost" "The answer was lost";
    /// The model's provider failed or could not be reached.
    ModelFailed = 502 "model_failed" "The model failed";
    /// The model's answer was not of the form asked for, also after repairs.
    ModelReplyInvalid = 502 "model_reply_invalid" "The model's answer was not usable";
    /// The model's provider takes no more calls for now.
    ModelBusy = 503 "model_busy" "The model is busy";
    /// What the answer depends on does not answer: the database, or the issuer of tokens.
    StoreUnavailable = 503 "store_unavailable" "A part of the API does not answer";
    /// It took too long.
    Timeout = 504 "timeout" "The answer took too long";
}

impl ProblemCode {
    /// What every operation can answer with: the gateway's throttle, and faults of ours.
    pub const EVERYWHERE: &'static [Self] = &[Self::RateLimited, Self::Internal];
}
