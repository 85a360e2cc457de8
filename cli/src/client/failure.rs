//! What can go wrong for a client, in words for the person who typed the command.

use std::path::PathBuf;

use lambent_schema::{Problem, ProblemCode};
use lambent_service::chain;

use super::{file::FileError, terminal::plain};

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The address is of this machine, and nobody listens there.
    #[error(
        "nothing answers on {0}: start `cargo run` in another terminal, or name another address with --url"
    )]
    NobodyHere(String),
    /// Another machine cannot be reached.
    #[error("{url} cannot be reached: {}", chain(.source))]
    Unreachable { url: String, source: reqwest::Error },
    /// The address is none.
    #[error("--url (or LAMBENT_URL) is {0:?}: expected a URL, such as http://127.0.0.1:3000")]
    Url(String),
    /// There is no key on this machine.
    #[error(
        "there is no API key: LAMBENT_API_KEY is not set, and {} is not there; start `cargo run` in another terminal, which makes one",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The key of this machine is nobody else's business.
    #[error("LAMBENT_API_KEY is not set: the key of the data folder is sent to this machine only")]
    NoKeyForElsewhere,
    /// What is to be the key is none.
    #[error("the API key has characters that no key has")]
    Key,
    /// The API refused, and said why.
    #[error("{}", told(.0))]
    Refused(Box<Problem>),
    /// The connection broke.
    #[error("the API did not answer to the end: {}", chain(.0))]
    Broken(#[from] reqwest::Error),
    /// What came is not what the contract says.
    #[error("{0}: is this the address of a Lambent API?")]
    Unexpected(String),
    /// A stream ended without its last event.
    #[error("the answer broke off: its last event is missing")]
    BrokeOff,
    /// A file cannot be a document.
    #[error(transparent)]
    File(#[from] FileError),
    /// Of several things some failed; each was told already.
    #[error("{0}")]
    Some(String),
}

impl Failure {
    /// Whether the next request would fail in the same way, whatever it is about.
    pub(crate) fn concerns_all(&self) -> bool {
        match self {
            Self::NobodyHere(_) | Self::Unreachable { .. } => true,
            Self::Refused(problem) => [
                ProblemCode::Unauthenticated,
                ProblemCode::InsufficientScope,
                ProblemCode::BudgetExceeded,
            ]
            .iter()
            .any(|code| problem.code == code.as_str()),
            _ => false,
        }
    }

    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.code == ProblemCode::NotFound.as_str())
    }
}

/// A problem in one line, and one more for each rule that was broken.
fn told(problem: &Problem) -> String {
    let mut told = format!("{} ({}", problem.detail, problem.code);
    if let Some(id) = &problem.request_id {
        told.push_str(&format!(", request {id}"));
    }
    told.push(')');
    for violation in &problem.errors {
        told.push_str(&format!("\n  {}: {}", violation.pointer, violation.detail));
    }
    plain(&told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_code_and_what_it_lists() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "type": "about:blank", "status": 422, "title": "The body is not valid", "detail": "The body breaks one rule.",
            "code": "validation_failed", "request_id": "r-1",
            "errors": [{"pointer": "/top_k", "detail": "Must be at most 20", "code": "too_large"}],
        }))
        .unwrap();
        assert_eq!(
            Failure::Refused(Box::new(problem)).to_string(),
            "The body breaks one rule. (validation_failed, request r-1)\n  /top_k: Must be at most 20"
        );
    }
}
