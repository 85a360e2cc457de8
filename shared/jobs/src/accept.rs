//! Accepting a job: one write, and the answer.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambent_schema::{
    Endpoint, MAX_BODY_BYTES, Problem, ProblemCode,
    endpoints::{
        documents::DocumentRequest,
        jobs::{JobAccepted, JobKind, JobRequest, JobStatus, JobsGet},
    },
};
use lambent_service::{Call, Caller, Failure, headers::IDEMPOTENCY_REPLAYED};
use lambent_store::{
    jobs::{Created, Jobs, MAX_INPUT_BYTES, NewJob},
    now_ms,
};
use uuid::Uuid;

use crate::{idempotency, unavailable};

/// Seconds after which a job is worth asking for, where nothing is known of it.
const SOON: u64 = 2;

/// Whatever a request asks for, written as JSON again, can be kept.
const _: () = assert!(MAX_BODY_BYTES + 64 * 1024 <= MAX_INPUT_BYTES);

/// A request that becomes a job.
#[derive(Debug)]
pub struct Accepting<'a> {
    /// The request.
    pub call: &'a Call,
    /// Who sent it.
    pub caller: &'a Caller,
    /// Its headers, with the idempotency key.
    pub headers: &'a HeaderMap,
    /// What it asks for.
    pub wanted: Wanted<'a>,
}

/// What a job is to do.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// An analysis. That its callback may be called has been checked.
    Analysis(&'a JobRequest),
    /// A document, to be kept.
    Document {
        /// The request as it came: by it a repetition is known.
        request: &'a DocumentRequest,
        /// The document's id, whether it came with the request or was made up, so that each attempt puts the same one.
        id: &'a str,
    },
}

impl Wanted<'_> {
    fn kind(&self) -> JobKind {
        match self {
            Self::Analysis(_) => JobKind::Analysis,
            Self::Document { .. } => JobKind::Document,
        }
    }

    /// What the worker reads.
    fn input(&self) -> serde_json::Result<String> {
        match self {
            Self::Analysis(request) => serde_json::to_string(&request.analysis),
            Self::Document { request, id } => serde_json::to_string(&DocumentRequest {
                id: Some((*id).to_owned()),
                ..(*request).clone()
            }),
        }
    }
}

/// Keeps the job, so that it will be done whatever happens from here on, and answers 202. `E` is the endpoint that was called.
///
/// # Errors
/// 422 for a key that came with another body, 409 for one that is in flight, 400 for one that is none; 503 if the table does not
/// answer.
pub async fn accept<E: Endpoint>(jobs: &Jobs, accepting: Accepting<'_>) -> Result<Response, Failure> {
    let Accepting {
        call,
        caller,
        headers,
        wanted,
    } = accepting;
    let idempotency = idempotency::of(headers, &caller.id, &wanted)?;
    let id = Uuid::now_v7().to_string();
    let new = NewJob {
        id: id.clone(),
        kind: wanted.kind(),
        caller: caller.id.clone(),
        request_id: call.id.as_str().to_owned(),
        max_output_tokens: caller.max_output_tokens,
        input: wanted.input().map_err(Failure::internal)?,
        callback_url: match wanted {
            Wanted::Analysis(request) => request.callback_url.clone(),
            Wanted::Document { .. } => None,
        },
        idempotency,
        now_ms: now_ms(),
    };
    match jobs.create(&new).await.map_err(unavailable)? {
        Created::New => Ok(accepted::<E>(&id)),
        Created::Replayed { job_id } => {
            let mut response = accepted::<E>(&job_id);
            let replayed = HeaderValue::from_static("true");
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, replayed);
            Ok(response)
        }
        Created::OtherBody => Err(Failure::new(Problem::new(
            ProblemCode::IdempotencyMismatch,
            "This idempotency key came with another body before. A new request needs a new key.",
        ))),
        Created::InFlight => {
            let detail = "A request with this idempotency key is being accepted at this moment.";
            let problem = Problem::new(ProblemCode::IdempotencyInFlight, detail);
            Err(Failure::new(problem.retry_after(1)))
        }
    }
}

fn accepted<E: Endpoint>(id: &str) -> Response {
    let body = JobAccepted {
        job_id: id.to_owned(),
        status: JobStatus::Queued,
    };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(SOON));
    if let Ok(location) = HeaderValue::try_from(location(E::PATH, id)) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The job's path as seen from `path`, so that it is right behind any stage.
fn location(path: &str, id: &str) -> String {
    let job = JobsGet::PATH.trim_start_matches('/').replace("{job_id}", id);
    "../".repeat(path.matches('/').count().saturating_sub(1)) + &job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_relative_to_the_path_that_was_called() {
        assert_eq!(location("/analyse", "1"), "jobs/1");
        assert_eq!(location("/analyse/async", "1"), "../jobs/1");
    }
}
