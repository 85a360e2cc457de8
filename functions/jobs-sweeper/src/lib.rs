//! Looks after jobs that nobody looks after any more: those whose worker died and whose record in the table's stream is used up, and
//! callbacks whose next try is due. What it finds it makes `queued` or `due` again; the write is in the stream, and starts the
//! worker.

use lambent_schema::{Problem, ProblemCode, background::MAX_JOB_ATTEMPTS};
use lambent_store::{
    StoreError,
    jobs::{Ending, Job, JobStatus, Jobs, Spent},
};
use serde::Serialize;

/// The most jobs of one sweep. The next ones are for the next one.
const AT_MOST: usize = 200;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Jobs that wait for a worker again.
    pub queued: u32,
    /// Jobs that were given up.
    pub failed: u32,
    /// Jobs that were to be cancelled, and whose worker is gone.
    pub cancelled: u32,
    /// Callbacks that are tried again.
    pub callbacks: u32,
}

/// Looks after everything that is due at this time, in milliseconds since 1970.
///
/// # Errors
/// The table does not answer. What was done is done.
pub async fn sweep(jobs: &Jobs, now_ms: u64) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    for id in jobs.due(now_ms, AT_MOST).await? {
        if let Some(job) = jobs.find(&id).await? {
            look_after(jobs, &job, now_ms, &mut swept).await?;
        }
    }
    if swept != Swept::default() {
        tracing::info!(?swept, "looked after jobs");
    }
    Ok(swept)
}

async fn look_after(jobs: &Jobs, job: &Job, now_ms: u64, swept: &mut Swept) -> Result<(), StoreError> {
    let is_held = job.lease_until.is_some_and(|until| until > now_ms);
    if job.status.is_ended() {
        swept.callbacks += u32::from(jobs.callback_again(&job.id, now_ms).await?);
    } else if is_held {
        // It goes on for longer than a function can: it will be due again.
    } else if job.cancel_requested {
        swept.cancelled += u32::from(end(jobs, job, JobStatus::Cancelled, now_ms).await?);
    } else if job.attempt >= MAX_JOB_ATTEMPTS {
        swept.failed += u32::from(end(jobs, job, JobStatus::Failed, now_ms).await?);
    } else {
        swept.queued += u32::from(jobs.requeue(&job.id, now_ms).await?);
    }
    Ok(())
}

async fn end(jobs: &Jobs, job: &Job, status: JobStatus, now_ms: u64) -> Result<bool, StoreError> {
    let ending = Ending {
        status,
        now_ms,
        result: None,
        error: (status == JobStatus::Failed).then(|| job.error.clone().unwrap_or_else(abandoned)),
        spent: Spent::default(),
        has_callback: job.callback_url.is_some(),
    };
    let has_ended = jobs.finish_free(&job.id, &ending).await?;
    if has_ended {
        jobs.forget_input(&job.id).await?;
    }
    Ok(has_ended)
}

fn abandoned() -> serde_json::Value {
    let detail = format!("Each of {MAX_JOB_ATTEMPTS} attempts ended without a word of what went wrong.");
    serde_json::to_value(Problem::new(ProblemCode::JobAbandoned, detail)).unwrap_or_default()
}
