//! How errors are written: the API's own way, or OpenAI's, for clients that know that one only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problem, ProblemCode};

/// How the errors of an operation are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As a [`Problem`]: `application/problem+json`.
    #[default]
    Problem,
    /// As an [`OpenAiError`]: `application/json`.
    OpenAi,
}

impl Dialect {
    /// The dialect of what stands below this path, known or not: OpenAI's below `/v1/`.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        if path.starts_with("/v1/") {
            Self::OpenAi
        } else {
            Self::Problem
        }
    }

    /// The status of a problem of this status. OpenAI answers 400 to a body that breaks rules.
    #[must_use]
    pub fn status(self, status: u16) -> u16 {
        match (self, status) {
            (Self::OpenAi, 422) => 400,
            (_, status) => status,
        }
    }
}

/// An error as OpenAI writes it: with a status as a body, in the middle of a stream as the data of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenAiError {
    /// The error.
    pub error: OpenAiErrorBody,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenAiErrorBody {
    /// For people. Never holds values of the request, unless the model's provider put them there.
    pub message: String,
    /// The kind: `invalid_request_error`, `requests` (too many), `insufficient_quota` or `server_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The parameter that is wrong, if it is one.
    pub param: Option<String>,
    /// For programs: `model_not_found`, `rate_limit_exceeded`, `context_length_exceeded`.
    pub code: Option<String>,
    /// The id of the request, in a stream, whose headers are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl OpenAiError {
    /// What a problem is in OpenAI's words. Of several broken rules `param` and `code` are the first one's; the message tells all.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        let (kind, code) = words(problem);
        let first = problem.errors.first();
        let message = match problem.errors.as_slice() {
            [] => problem.detail.clone(),
            rules => {
                let rules: Vec<String> = rules.iter().map(told).collect();
                rules.join("; ")
            }
        };
        let of_model = (problem.code == ProblemCode::ModelNotFound.as_str()).then(|| "model".to_owned());
        Self {
            error: OpenAiErrorBody {
                message,
                kind: kind.to_owned(),
                param: first.and_then(|rule| parameter(&rule.pointer)).or(of_model),
                code: first.map_or(Some(code), |rule| Some(of_rule(&rule.code).to_owned())),
                request_id: None,
            },
        }
    }
}

/// The `type` and `code` of a problem.
fn words(problem: &Problem) -> (&'static str, String) {
    let code = problem.code.as_ref();
    let is = |of: ProblemCode| of.as_str() == code;
    if is(ProblemCode::BudgetExceeded) {
        return ("insufficient_quota", "insufficient_quota".to_owned());
    }
    if is(ProblemCode::RateLimited) || is(ProblemCode::TooManyAtOnce) {
        return ("requests", "rate_limit_exceeded".to_owned());
    }
    let code = match code {
        _ if is(ProblemCode::Unauthenticated) => "invalid_api_key",
        _ if is(ProblemCode::InsufficientScope) => "insufficient_permissions",
        _ if is(ProblemCode::NotFound) => "unknown_url",
        _ if is(ProblemCode::DocumentTooLong) => "context_length_exceeded",
        code => code,
    };
    let kind = if problem.status < 500 {
        "invalid_request_error"
    } else {
        "server_error"
    };
    (kind, code.to_owned())
}

/// A broken rule as a sentence, with its place if it is not said otherwise.
fn told(rule: &crate::Violation) -> String {
    match parameter(&rule.pointer) {
        Some(param) if param.len() < 3 || !rule.detail.contains(&param) => {
            format!("{param}: {}", rule.detail)
        }
        _ => rule.detail.clone(),
    }
}

/// `/messages/0/role` as `messages[0].role`.
fn parameter(pointer: &str) -> Option<String> {
    let mut parameter = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.parse::<usize>().is_ok() && !parameter.is_empty() {
            parameter.push_str(&format!("[{part}]"));
        } else {
            if !parameter.is_empty() {
                parameter.push('.');
            }
            parameter.push_str(&part);
        }
    }
    (!parameter.is_empty()).then_some(parameter)
}

/// OpenAI's word for a broken rule.
fn of_rule(code: &str) -> &str {
    match code {
        "missing" => "missing_required_parameter",
        "wrong_type" => "invalid_type",
        "not_one_of" | "wrong_form" | "too_small" | "too_large" | "too_short" | "too_long" => "invalid_value",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Violation;

    fn of(code: ProblemCode) -> (u16, String, Option<String>) {
        let problem = Problem::new(code, "Something.");
        let error = OpenAiError::of(&problem).error;
        (Dialect::OpenAi.status(problem.status), error.kind, error.code)
    }

    #[test]
    fn problems_have_openais_statuses_types_and_codes() {
        for (code, status, kind, word) in [
            (
                ProblemCode::Unauthenticated,
                401,
                "invalid_request_error",
                "invalid_api_key",
            ),
            (
                ProblemCode::InsufficientScope,
                403,
                "invalid_request_error",
                "insufficient_permissions",
            ),
            (
                ProblemCode::ModelNotFound,
                404,
                "invalid_request_error",
                "model_not_found",
            ),
            (ProblemCode::NotFound, 404, "invalid_request_error", "unknown_url"),
            (
                ProblemCode::PayloadTooLarge,
                413,
                "invalid_request_error",
                "payload_too_large",
            ),
            (
                ProblemCode::DocumentTooLong,
                400,
                "invalid_request_error",
                "context_length_exceeded",
            ),
            (ProblemCode::RateLimited, 429, "requests", "rate_limit_exceeded"),
            (
                ProblemCode::BudgetExceeded,
                429,
                "insufficient_quota",
                "insufficient_quota",
            ),
            (ProblemCode::Internal, 500, "server_error", "internal"),
            (ProblemCode::ModelFailed, 502, "server_error", "model_failed"),
            (ProblemCode::ModelBusy, 503, "server_error", "model_busy"),
            (ProblemCode::Timeout, 504, "server_error", "timeout"),
        ] {
            assert_eq!(of(code), (status, kind.to_owned(), Some(word.to_owned())));
        }
    }

    #[test]
    fn a_broken_rule_names_its_parameter() {
        let rule = |pointer: &str, detail: &str, code: &'static str| Violation {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
            code: code.into(),
        };
        let problem = Problem::invalid(vec![
            rule("/messages/0/role", "Required, and missing", "missing"),
            rule("/n", "Must be at least 1", "too_small"),
        ]);
        assert_eq!(Dialect::OpenAi.status(problem.status), 400);
        let error = OpenAiError::of(&problem).error;
        assert_eq!(error.param.unwrap(), "messages[0].role");
        assert_eq!(error.code.unwrap(), "missing_required_parameter");
        assert_eq!(
            error.message,
            "messages[0].role: Required, and missing; n: Must be at least 1"
        );
        let missing = OpenAiError::of(&Problem::new(ProblemCode::ModelNotFound, "No such model.")).error;
        assert_eq!(missing.param.unwrap(), "model");
    }
}
