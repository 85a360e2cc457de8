//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::constraint::SchemaError;
use crate::embedder::EmbedError;

/// Seconds after which a caller that found the queue full may come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The body is not the JSON of a chat request.
    #[error("The request is not a chat completion request: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The body is not the JSON of an embeddings request.
    #[error("The request is not an embeddings request: {0}")]
    MalformedEmbeddings(#[source] serde_json::Error),
    /// The body could not be read.
    #[error("The request's body could not be read: {0}")]
    Body(#[from] axum::extract::rejection::BytesRejection),
    /// A field has a value that is out of range or unknown.
    #[error("Invalid value for '{param}': {expected}.")]
    Invalid {
        param: &'static str,
        expected: &'static str,
    },
    /// The response format's schema asks for too much.
    #[error("Invalid schema for response_format: {0}")]
    Schema(#[from] SchemaError),
    /// The prompt does not fit.
    #[error(
        "This model's maximum context length is {context} tokens, of which {limit} are for messages. \
         Your messages resulted in {found} tokens. Please shorten them, or name a larger model."
    )]
    TooLong { context: u32, limit: u32, found: usize },
    /// Too many are waiting.
    #[error("The local model is busy: {0}. Please retry.")]
    Busy(#[from] crate::engine::Busy),
    /// The embedding model takes no request for now.
    #[error("The local embedding model cannot answer yet: {0}. Please retry.")]
    NotYet(#[source] EmbedError),
    /// There is no embedding model.
    #[error("The local embedding model cannot be used: {0}")]
    Unusable(#[source] EmbedError),
    /// The computation failed; the log says why.
    #[error("The local model failed to answer.")]
    Failed,
}

impl From<EmbedError> for ApiError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Busy | EmbedError::Fetching => Self::NotYet(error),
            EmbedError::Unusable(_) => Self::Unusable(error),
            error => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the embedding model failed"
                );
                Self::Failed
            }
        }
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Busy(_) | Self::NotYet(EmbedError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotYet(_) | Self::Unusable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Body(rejection) => rejection.status(),
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Busy(_) | Self::NotYet(EmbedError::Busy) => "rate_limit_error",
            Self::NotYet(_) | Self::Unusable(_) | Self::Failed => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { param, .. } => Some(param),
            Self::Schema(_) => Some("response_format"),
            Self::TooLong { .. } => Some("messages"),
            _ => None,
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Busy(_) | Self::NotYet(EmbedError::Busy) => Some("rate_limit_exceeded"),
            Self::TooLong { .. } => Some("context_length_exceeded"),
            _ => None,
        }
    }

    /// The error object, for a body or for an event in a stream that has begun.
    pub(crate) fn body(&self) -> serde_json::Value {
        let error = json!({
            "message": self.to_string(),
            "type": self.kind(),
            "param": self.param(),
            "code": self.code(),
        });
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        if matches!(self, Self::Busy(_) | Self::NotYet(_)) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
