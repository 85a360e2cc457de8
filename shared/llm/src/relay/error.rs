//! What goes wrong with a request that is passed on.

use lambent_schema::{Problem, Violation};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ModelError;
use crate::failure::of_status;

/// More of an error is not read.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// More of a provider's message is not handed on.
const MAX_MESSAGE_CHARS: usize = 1000;

/// A request that was passed on was not answered.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The provider does not take what the caller asks for: another target would not either.
    #[error("the provider refuses the request's parameters")]
    Rejected(Rejection),
    /// The provider failed.
    #[error(transparent)]
    Failed(#[from] ModelError),
}

/// What the provider said is wrong with the request. This is its caller's affair, since the request is the caller's own; so, unlike
/// everything else that providers say, it is handed on, and not logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    message: String,
    param: Option<String>,
    code: Option<String>,
}

impl std::fmt::Debug for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rejection(not shown)")
    }
}

impl RelayError {
    /// Whether it is the request that is at fault, so that no other target need be asked.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }
}

impl From<&RelayError> for Problem {
    fn from(error: &RelayError) -> Self {
        match error {
            RelayError::Failed(error) => error.into(),
            RelayError::Rejected(rejection) => {
                let param = rejection.param.as_deref().unwrap_or_default();
                let parts = param.split(['.', '[', ']']).filter(|part| !part.is_empty());
                Self::invalid(vec![Violation {
                    pointer: parts.fold(String::new(), |pointer, part| pointer + "/" + part),
                    detail: rejection.message.clone(),
                    code: rejection
                        .code
                        .clone()
                        .unwrap_or_else(|| "invalid_value".to_owned())
                        .into(),
                }])
            }
        }
    }
}

#[derive(Deserialize)]
struct Told {
    error: ToldError,
}

#[derive(Deserialize)]
struct ToldError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    param: Option<Value>,
    #[serde(default)]
    code: Option<Value>,
}

/// What this answer without success means.
pub(super) async fn of_answer(mut response: reqwest::Response) -> RelayError {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    if matches!(status, 400 | 413 | 422) {
        return RelayError::Rejected(rejection(&body));
    }
    of_status(status, &headers, &String::from_utf8_lossy(&body))
        .error
        .into()
}

fn rejection(body: &[u8]) -> Rejection {
    let told = serde_json::from_slice(body).map(|told: Told| told.error).ok();
    let text = |value: Option<Value>| value?.as_str().map(str::to_owned);
    let message = told.as_ref().and_then(|told| told.message.as_deref());
    let message = message.unwrap_or("The model's provider refuses the parameters of this request.");
    Rejection {
        message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
        code: told.as_ref().and_then(|told| text(told.code.clone())),
        param: told.and_then(|told| text(told.param)),
    }
}
