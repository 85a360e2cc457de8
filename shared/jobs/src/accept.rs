//! Accepting a job: one write, and the answer.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambent_schema::{
    Endpoint, Problem, ProblemCode,
    endpoints::{
        analysis::MAX_TEXT_CHARS,
        jobs::{JobAccepted, JobRequest, JobStatus, JobsGet},
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

/// However a document is written as JSON (six bytes for a character, at most), it fits an item.
const _: () = assert!(MAX_TEXT_CHARS * 6 + 1024 <= MAX_INPUT_BYTES);

/// A request that becomes a job.
#[derive(Debug)]
pub struct Accepting<'a> {
    /// The request.
    pub call: &'a Call,
    /// Who sent it.
    pub caller: &'a Caller,
    /// Its headers, with the idempotency key.
    pub headers: &'a HeaderMap,
    /// Its body. That its callback may be called has been checked.
    pub request: JobRequest,
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
        request,
    } = accepting;
    let idempotency = idempotency::of(headers, &caller.id, &request)?;
    let id = Uuid::now_v7().to_string();
    let new = NewJob {
        id: id.clone(),
        caller: caller.id.clone(),
        request_id: call.id.as_str().to_owned(),
        max_output_tokens: caller.max_output_tokens,
        input: serde_json::to_string(&request.analysis).map_err(Failure::internal)?,
        callback_url: request.callback_url,
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
