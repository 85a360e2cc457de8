//! What a failure of genai, or of HTTP beneath, means: its kind for us, and whether the same call is worth repeating.
//!
//! genai's errors hold whole response bodies. They are read here, for codes, and go no further.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::error::{ModelError, ModelErrorKind, UpstreamFault};

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ModelError,
    /// Whether the same call may succeed if repeated, provided that nothing of the answer has arrived.
    pub(crate) retryable: bool,
    /// When the provider said to come back.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that repeating does not mend.
    pub(crate) fn last(error: ModelError) -> Self {
        Self {
            error,
            retryable: false,
            retry_after: None,
        }
    }

    fn kind(kind: ModelErrorKind) -> Self {
        Self::last(ModelError::new(kind))
    }
}

/// What this error of genai means.
pub(crate) fn classify(error: genai::Error) -> Failure {
    match error {
        genai::Error::HttpError {
            status,
            headers,
            body,
            ..
        } => of_status(status.as_u16(), &headers, &body),
        genai::Error::WebStream { error, .. } => of_transport(error),
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
            of_web_call(webc_error)
        }
        genai::Error::ChatResponse { body, .. } if says_context_exceeded(error_of(&body)) => {
            context_exceeded()
        }
        genai::Error::ChatResponse { .. } => Failure::last(ModelError::upstream(UpstreamFault::ErrorEvent)),
        genai::Error::StreamParse { .. }
        | genai::Error::SerdeJson(_)
        | genai::Error::JsonValueExt(_)
        | genai::Error::InvalidJsonResponseElement { .. } => {
            Failure::last(ModelError::upstream(UpstreamFault::Malformed))
        }
        genai::Error::RequiresApiKey { .. }
        | genai::Error::NoAuthResolver { .. }
        | genai::Error::NoAuthData { .. }
        | genai::Error::Resolver { .. }
        | genai::Error::AdapterNotSupported { .. } => {
            Failure::kind(ModelErrorKind::Configuration { status: None })
        }
        _ => Failure::last(ModelError::upstream(UpstreamFault::Other)),
    }
}

fn of_web_call(error: genai::webc::Error) -> Failure {
    match error {
        genai::webc::Error::ResponseFailedStatus {
            status,
            body,
            headers,
        } => of_status(status.as_u16(), &headers, &body),
        genai::webc::Error::Reqwest(error) => of_reqwest(error),
        _ => Failure::last(ModelError::upstream(UpstreamFault::Malformed)),
    }
}

fn of_transport(error: Box<dyn StdError + Send + Sync>) -> Failure {
    let error = match error.downcast::<genai::Error>() {
        Ok(inner) => return classify(*inner),
        Err(error) => error,
    };
    match error.downcast::<reqwest::Error>() {
        Ok(error) => of_reqwest(*error),
        // Bytes that are not UTF-8, and the like.
        Err(_) => Failure::last(ModelError::upstream(UpstreamFault::Malformed)),
    }
}

/// What this error of the HTTP client means.
pub(crate) fn of_reqwest(error: reqwest::Error) -> Failure {
    // `is_request`: the connection ended before a response; `is_body`, `is_decode`: within one.
    let cut = error.is_body() || error.is_decode();
    let kind = if cut {
        ModelErrorKind::Truncated
    } else {
        ModelErrorKind::Upstream {
            fault: UpstreamFault::Connection,
        }
    };
    let retryable = !cut && (error.is_connect() || error.is_request());
    Failure {
        error: ModelError {
            source: Some(error.without_url()),
            ..ModelError::new(kind)
        },
        retryable,
        retry_after: None,
    }
}

/// What this answer without success means.
pub(crate) fn of_status(status: u16, headers: &HeaderMap, body: &str) -> Failure {
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    let body = error_of(&body);
    let retry_after = retry_after(headers, SystemTime::now());
    match status {
        401 | 403 | 404 => Failure::kind(ModelErrorKind::Configuration { status: Some(status) }),
        400 if says_misconfigured(body) => {
            Failure::kind(ModelErrorKind::Configuration { status: Some(status) })
        }
        400 | 413 | 422 if says_context_exceeded(body) => context_exceeded(),
        // A quota that is used up is not mended by waiting for it.
        429 if error_code(body) == Some("insufficient_quota") => {
            Failure::kind(ModelErrorKind::Configuration { status: Some(status) })
        }
        // 529 is Anthropic's "overloaded"; a 503 that says when to come back means the same.
        429 | 529 => busy(headers, retry_after),
        503 if retry_after.is_some() => busy(headers, retry_after),
        408 | 500..=599 => Failure {
            retryable: may_retry(headers),
            retry_after,
            ..Failure::last(ModelError::upstream(UpstreamFault::Status(status)))
        },
        _ => Failure::last(ModelError::upstream(UpstreamFault::Status(status))),
    }
}

fn busy(headers: &HeaderMap, retry_after: Option<Duration>) -> Failure {
    Failure {
        retryable: may_retry(headers),
        retry_after,
        ..Failure::kind(ModelErrorKind::RateLimited { retry_after })
    }
}

/// OpenAI's and Anthropic's way of saying that a repetition is pointless.
fn may_retry(headers: &HeaderMap) -> bool {
    headers.get("x-should-retry").is_none_or(|value| value != "false")
}

/// The limit and the hint are the configuration's; whoever has it fills them in.
fn context_exceeded() -> Failure {
    Failure::kind(ModelErrorKind::ContextExceeded {
        limit: None,
        hint: None,
    })
}

/// The error in a body: an object with its `message` or the message itself, wherever a provider puts it. Gemini has an array around it.
pub(crate) fn error_of(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

/// What it says to people.
pub(crate) fn message_of(error: &Value) -> Option<&str> {
    error.get("message").unwrap_or(error).as_str()
}

fn error_code(error: &Value) -> Option<&str> {
    error.get("code").or_else(|| error.get("type"))?.as_str()
}

/// Whether it is what we are to this provider that is wrong: its key, its bill, the model's name. Several say so with a 400, as if it
/// were the request.
pub(crate) fn says_misconfigured(error: &Value) -> bool {
    const WORDS: &[&str] = &[
        "API_KEY_INVALID",            // Gemini
        "FAILED_PRECONDITION",        // Gemini: no billing, or not in this country
        "invalid_api_key",            // OpenAI-compatible servers
        "billing_hard_limit_reached", // OpenAI
        "insufficient_quota",
    ];
    const MESSAGES: &[&str] = &[
        "credit balance is too low",      // Anthropic
        "organization has been disabled", // Anthropic
        "api key not valid",              // Gemini
        "valid api key",                  // Gemini, in OpenAI's protocol
        "api key expired",                // Gemini
        "incorrect api key",              // xAI
        "model identifier is invalid",    // Bedrock
        "on-demand throughput",           // Bedrock: the model is to be named by an inference profile
    ];
    let details = error.get("details").and_then(Value::as_array);
    let reasons = details.into_iter().flatten().map(|detail| detail.get("reason"));
    let named = ["code", "type", "status"].map(|name| error.get(name));
    let mut words = named
        .into_iter()
        .chain(reasons)
        .flatten()
        .filter_map(Value::as_str);
    let message = message_of(error).unwrap_or_default().to_ascii_lowercase();
    words.any(|word| WORDS.contains(&word)) || MESSAGES.iter().any(|text| message.contains(text))
}

/// OpenAI has a code for it; of the others the message is all there is.
fn says_context_exceeded(error: &Value) -> bool {
    const MESSAGES: &[&str] = &[
        "prompt is too long",            // Anthropic
        "input is too long",             // Bedrock
        "too many input tokens",         // Titan's embeddings
        "expected maxlength",            // the same, of their characters
        "input token count",             // Gemini
        "maximum context length",        // OpenAI-compatible servers without the code
        "exceeds the available context", // llama.cpp
    ];
    if error_code(error)
        .is_some_and(|code| code == "context_length_exceeded" || code == "exceed_context_size_error")
    {
        return true;
    }
    let message = message_of(error).unwrap_or_default().to_ascii_lowercase();
    MESSAGES.iter().any(|text| message.contains(text))
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    if let Some(millis) = text("retry-after-ms").and_then(|v| v.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).ok(),
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
