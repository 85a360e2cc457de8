//! What callers are told who are not admitted.

use http::{HeaderName, HeaderValue, header};
use lambent_schema::{Problem, ProblemCode, Scope};
use lambent_service::{Failure, RequestLimits};
use lambent_store::{Refusal, callers::Rate};

/// Credentials that do not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// There are none, or none of a kind that is taken.
    Missing,
    /// They contradict each other, or are not text: why, in a few words.
    Malformed(&'static str),
    /// They are not valid: why, in a few words that say nothing of their contents.
    Invalid(String),
}

/// 401, or 400 where nobody can say what was meant, with what [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3) wants to be said.
pub(crate) fn unusable(why: &Unusable) -> Failure {
    let (code, detail, parameters) = match why {
        Unusable::Missing => (
            ProblemCode::Unauthenticated,
            "Send an API key or a token: `authorization: Bearer ...`, or a key as `x-api-key`.".to_owned(),
            String::new(),
        ),
        Unusable::Malformed(why) => (
            ProblemCode::InvalidRequest,
            format!("The credentials cannot be read: {why}."),
            error("invalid_request", why),
        ),
        Unusable::Invalid(why) => (
            ProblemCode::Unauthenticated,
            format!("The credentials are not valid: {why}."),
            error("invalid_token", why),
        ),
    };
    let challenge = format!("Bearer realm=\"lambent\"{parameters}");
    let failure = Failure::new(Problem::new(code, detail));
    with_header(failure, header::WWW_AUTHENTICATE, &challenge)
}

fn error(code: &str, why: &str) -> String {
    format!(", error=\"{code}\", error_description=\"{why}\"")
}

/// The failure that a refusal of the table's is, `elapsed_ms` after it was spoken.
pub(crate) fn refused(refusal: &Refusal, scope: Option<Scope>, elapsed_ms: u64) -> Failure {
    let problem = |code, detail: String, wait_ms: u64| {
        Problem::new(code, detail).retry_after(wait_ms.saturating_sub(elapsed_ms).div_ceil(1000).max(1))
    };
    match refusal {
        Refusal::Unknown => unusable(&Unusable::Invalid(
            "there is no such key, or it is revoked".to_owned(),
        )),
        Refusal::Scope => {
            let scope = scope.map_or("", Scope::as_str);
            let detail = format!("This needs the scope `{scope}`.");
            let challenge =
                format!("Bearer realm=\"lambent\", error=\"insufficient_scope\", scope=\"{scope}\"");
            let failure = Failure::new(Problem::new(ProblemCode::InsufficientScope, detail));
            with_header(failure, header::WWW_AUTHENTICATE, &challenge)
        }
        Refusal::Rate { wait_ms, rate } => {
            let detail = "This caller sends more requests than it may.".to_owned();
            let problem = problem(ProblemCode::RateLimited, detail, *wait_ms);
            let wait = problem.retry_after.unwrap_or(1);
            Failure::new(problem).with_limits(limits(*rate, 0, wait))
        }
        Refusal::Concurrency { limit } => {
            let detail = format!("This caller may have {limit} requests under way at once.");
            Failure::new(problem(ProblemCode::TooManyAtOnce, detail, 1000))
        }
        Refusal::Budget { wait_ms } => {
            let detail =
                "What is left of this month's budget does not cover the most that this request can cost.";
            Failure::new(problem(ProblemCode::BudgetExceeded, detail.to_owned(), *wait_ms))
        }
    }
}

/// The database or the issuer of tokens does not answer: nobody is let in on that account.
pub(crate) fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Failure {
    let detail = "Whether you may call cannot be found out at the moment. The model was not asked.";
    Failure::unavailable(detail, cause)
}

/// `left` requests now, and all of the burst again after `full_after_secs`.
pub(crate) fn limits(rate: Rate, left: u32, full_after_secs: u64) -> RequestLimits {
    RequestLimits {
        burst: rate.burst,
        window_secs: rate.window_ms().div_ceil(1000),
        left,
        full_after_secs,
    }
}

fn with_header(failure: Failure, name: HeaderName, value: &str) -> Failure {
    match HeaderValue::from_str(value) {
        Ok(value) => failure.with_header(name, value),
        Err(_) => failure,
    }
}
