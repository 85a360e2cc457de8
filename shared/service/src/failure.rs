//! Errors as answers: what the caller is told, and what only the log is told.

use std::{error::Error, fmt::Write as _, sync::Arc};

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use lambent_schema::{Dialect, OpenAiError, Problem, ProblemCode};

use crate::{
    RequestLimits,
    request_id::{REQUEST_ID, RequestId},
};

/// A request that cannot be answered as asked: a [`Problem`] for the caller, and its cause for the log.
///
/// `?` makes one of any error that knows its problem (`Problem: From<&E>`).
#[derive(Debug, Clone)]
pub struct Failure {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    limits: Option<RequestLimits>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A problem that is no fault of ours, or whose cause is already known.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            headers: Vec::new(),
            limits: None,
            cause: None,
        }
    }

    /// The same, with this as its cause.
    #[must_use]
    pub fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..self
        }
    }

    /// The same, with one header more.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, with what its answer says about limits.
    #[must_use]
    pub fn with_limits(self, limits: RequestLimits) -> Self {
        Self {
            limits: Some(limits),
            ..self
        }
    }

    /// A fault of ours: 500, and the cause for the log.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::unexplained().because(cause)
    }

    /// What the answer depends on does not answer: 503, `detail` for the caller, and the cause for the log.
    pub fn unavailable(detail: &str, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Problem::new(ProblemCode::StoreUnavailable, detail)).because(cause)
    }

    /// A fault of ours that has already been logged: 500.
    #[must_use]
    pub fn unexplained() -> Self {
        Self::new(Problem::new(
            ProblemCode::Internal,
            "Something went wrong here. It has been logged.",
        ))
    }

    /// What the caller is told.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Logs the cause, if there is one. Called once, where the failure becomes an answer.
    pub fn log(&self) {
        if let Some(cause) = &self.cause {
            tracing::warn!(code = %self.problem.code, cause = chain(cause.as_ref()), "request failed");
        }
    }

    /// The answer in this dialect, naming the request.
    #[must_use]
    pub fn response(&self, dialect: Dialect, id: &RequestId) -> Response {
        let problem = (*self.problem).clone().request_id(id.as_str());
        let mut response = written(&problem, dialect);
        let headers = response.headers_mut();
        headers.extend(self.headers.iter().cloned());
        headers.extend(self.limits.iter().flat_map(|limits| limits.headers(dialect)));
        headers.insert(REQUEST_ID, id.header());
        response
    }
}

/// An error and all its sources, in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

impl<E> From<E> for Failure
where
    E: Error + Send + Sync + 'static,
    for<'a> Problem: From<&'a E>,
{
    fn from(error: E) -> Self {
        Self {
            problem: Box::new(Problem::from(&error)),
            headers: Vec::new(),
            limits: None,
            cause: Some(Arc::new(error)),
        }
    }
}

impl AsRef<Problem> for Failure {
    fn as_ref(&self) -> &Problem {
        &self.problem
    }
}

impl IntoResponse for Failure {
    /// The answer, not yet naming the request: whoever knows its id finds the failure in the extensions and makes the
    /// answer anew ([`Failure::response`]).
    fn into_response(self) -> Response {
        let mut response = written(&self.problem, Dialect::Problem);
        response.extensions_mut().insert(self);
        response
    }
}

fn written(problem: &Problem, dialect: Dialect) -> Response {
    let (media_type, body) = match dialect {
        Dialect::Problem => ("application/problem+json", serde_json::to_vec(problem)),
        Dialect::OpenAi => ("application/json", serde_json::to_vec(&OpenAiError::of(problem))),
    };
    let status = StatusCode::from_u16(dialect.status(problem.status)).unwrap_or_default();
    let mut response = (status, body.unwrap_or_default()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
