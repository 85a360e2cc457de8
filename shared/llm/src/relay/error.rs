//! What goes wrong with a request that is passed on.

use lambent_schema::{Problem, Violation};
use serde_json::Value;

use crate::error::ModelError;
use crate::failure::{error_of, message_of, of_status, says_misconfigured};

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
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let told = error_of(&told);
    if matches!(status, 413 | 422) || (status == 400 && !says_misconfigured(told)) {
        return RelayError::Rejected(rejection(told));
    }
    of_status(status, &headers, &String::from_utf8_lossy(&body))
        .error
        .into()
}

fn rejection(told: &Value) -> Rejection {
    let text = |name| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = message_of(told).unwrap_or("The model's provider refuses the parameters of this request.");
    Rejection {
        message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
        code: text("code"),
        param: text("param"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_read_in_all_forms_that_providers_have() {
        let message = |body: &str| {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            rejection(error_of(&body)).message
        };
        for body in [
            r#"{"error": {"message": "No.", "code": 400}}"#,
            r#"[{"error": {"message": "No.", "status": "INVALID_ARGUMENT"}}]"#,
            r#"{"code": "invalid argument", "error": "No."}"#,
            r#"{"object": "error", "message": "No."}"#,
        ] {
            assert_eq!(message(body), "No.", "{body}");
        }
        for body in ["<html>", "[]", "\"No.\"x", r#"{"detail": [1]}"#] {
            assert!(message(body).starts_with("The model's provider"), "{body}");
        }
    }
}
