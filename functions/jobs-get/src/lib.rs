//! `GET /jobs/{job_id}`, `GET /jobs`, `DELETE /jobs/{job_id}` and `GET /callbacks/secret`: a caller's jobs, and what their callbacks are
//! signed with.

mod id;
mod tag;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use lambent_callbacks::Signer;
use lambent_jobs::{told, unavailable};
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::jobs::{
        CallbackSecret, JobList, JobsCancel, JobsGet, JobsList, PageQuery, SigningSecret, WaitQuery,
    },
};
use lambent_service::{Call, Caller, Failure, Service, ValidQuery, endpoint};
use lambent_store::{
    CallerId,
    jobs::{Cancelling, Job, JobStatus, Jobs},
    now_ms,
};
use tokio::time::{Instant, sleep};

use id::JobId;

/// How often a waiting request looks. A look is half a read unit and more for every 4 KB of a result.
const EVERY: Duration = Duration::from_millis(500);
/// Seconds after which a job that has not ended is worth asking for again.
const SOON: &str = "2";

/// The function's routes.
pub fn router(service: &Service, jobs: Jobs, signer: Signer) -> Router {
    Router::new()
        .merge(endpoint::<JobsGet, _, _, _>(service, jobs_get))
        .merge(endpoint::<JobsList, _, _, _>(service, jobs_list))
        .merge(endpoint::<JobsCancel, _, _, _>(service, jobs_cancel))
        .with_state(jobs)
        .merge(endpoint::<CallbackSecret, _, _, _>(service, callback_secret).with_state(signer))
}

async fn jobs_get(
    State(jobs): State<Jobs>,
    JobId(id): JobId,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    ValidQuery(query): ValidQuery<WaitQuery>,
) -> Result<Response, Failure> {
    let until = Instant::now() + Duration::from_secs(query.wait.into());
    let job = ended(&jobs, &caller.id, &id, until.min(call.deadline)).await?;
    let mut response = tag::tagged(&headers, &told(&job)).map_err(Failure::internal)?;
    if !job.status.is_ended() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, header::HeaderValue::from_static(SOON));
    }
    Ok(response)
}

/// The job, once it has ended or that time is over.
async fn ended(jobs: &Jobs, caller: &CallerId, id: &str, until: Instant) -> Result<Job, Failure> {
    loop {
        let job = jobs.get(caller, id).await.map_err(unavailable)?;
        let job = job.ok_or_else(unknown)?;
        if job.status.is_ended() || Instant::now() + EVERY > until {
            return Ok(job);
        }
        sleep(EVERY).await;
    }
}

async fn jobs_list(
    State(jobs): State<Jobs>,
    caller: Caller,
    ValidQuery(query): ValidQuery<PageQuery>,
) -> Result<Json<JobList>, Failure> {
    let limit = query.limit as usize;
    let page = jobs.list(&caller.id, limit, query.cursor.as_deref()).await;
    let page = page.map_err(unavailable)?;
    Ok(Json(JobList {
        jobs: page.jobs.iter().map(told).collect(),
        next_cursor: page.next,
    }))
}

async fn jobs_cancel(
    State(jobs): State<Jobs>,
    JobId(id): JobId,
    caller: Caller,
) -> Result<Response, Failure> {
    match jobs
        .cancel(&caller.id, &id, now_ms())
        .await
        .map_err(unavailable)?
    {
        Cancelling::Cancelled(job) => {
            if let Err(error) = jobs.forget_input(&id).await {
                // It expires.
                tracing::warn!(%error, "could not delete a cancelled job's document");
            }
            Ok(Json(told(&job)).into_response())
        }
        Cancelling::Asked(job) => Ok((StatusCode::ACCEPTED, Json(told(&job))).into_response()),
        Cancelling::Ended(job) if job.status == JobStatus::Cancelled => Ok(Json(told(&job)).into_response()),
        Cancelling::Ended(_) => Err(Failure::new(Problem::new(
            ProblemCode::JobEnded,
            "The job has ended, and cannot be taken back.",
        ))),
        Cancelling::Unknown => Err(unknown()),
    }
}

async fn callback_secret(State(signer): State<Signer>, caller: Caller) -> Json<SigningSecret> {
    let secret = signer.secret(caller.id.as_str());
    Json(SigningSecret {
        secret: secret.reveal().to_owned(),
    })
}

/// Also for jobs of others: nobody learns that there is one.
fn unknown() -> Failure {
    Failure::new(Problem::new(ProblemCode::NotFound, "There is no such job."))
}
