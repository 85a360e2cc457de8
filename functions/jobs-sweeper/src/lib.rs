//! Looks after jobs that nobody looks after any more: those whose worker died and whose record in the table's stream is used up, those that wait
//! for their next attempt, and callbacks whose next try is due. What it finds it makes `queued` or `due` again; the write is in the
//! stream, and starts the worker. And deletes what is left of documents that were replaced, deleted or never published.

mod leftovers;

use std::time::Duration;

use futures::{StreamExt as _, stream};
use lambent_store::{
    Documents, StoreError,
    jobs::{Ending, Job, JobStatus, Jobs, QUEUED_DUE, Spent},
};
use serde::Serialize;

/// The most jobs of one sweep. The next ones are for the next one.
const AT_MOST: usize = 1000;
/// Jobs that are looked after at once.
const AT_ONCE: usize = 16;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Jobs that wait for a worker again.
    pub queued: u32,
    /// Jobs that were to be cancelled, and whose worker is gone.
    pub cancelled: u32,
    /// Callbacks that are tried again.
    pub callbacks: u32,
    /// Versions of documents of which nothing is left.
    pub documents: u32,
}

/// Looks after everything that is due at this time, in milliseconds since 1970: jobs first, since somebody waits for these.
///
/// # Errors
/// The last one, after all others were looked after: a job that cannot be read must not keep the others waiting, nor documents.
pub async fn sweep(jobs: &Jobs, documents: &Documents, now_ms: u64) -> Result<Swept, StoreError> {
    let of_jobs = sweep_jobs(jobs, now_ms).await;
    let of_documents = leftovers::sweep(documents, now_ms).await;
    let swept = Swept {
        documents: of_documents?,
        ..of_jobs?
    };
    if swept != Swept::default() {
        tracing::info!(?swept, "looked after jobs and documents");
    }
    Ok(swept)
}

async fn sweep_jobs(jobs: &Jobs, now_ms: u64) -> Result<Swept, StoreError> {
    let due = jobs.due(now_ms, AT_MOST).await?;
    let looked: Vec<_> = stream::iter(due)
        .map(|id| look_after(jobs.clone(), id, now_ms))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut swept = Swept::default();
    let mut failed = None;
    for one in looked {
        match one {
            Ok(did) => swept.count(did),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// What was done about one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Queued,
    Cancelled,
    CalledBack,
    Nothing,
}

impl Swept {
    fn count(&mut self, did: Did) {
        match did {
            Did::Queued => self.queued += 1,
            Did::Cancelled => self.cancelled += 1,
            Did::CalledBack => self.callbacks += 1,
            Did::Nothing => {}
        }
    }
}

async fn look_after(jobs: Jobs, id: String, now_ms: u64) -> Result<Did, StoreError> {
    let looked = look_at(&jobs, &id, now_ms).await;
    if let Err(error) = &looked {
        tracing::error!(job_id = id, %error, "could not look after a job");
    }
    looked
}

async fn look_at(jobs: &Jobs, id: &str, now_ms: u64) -> Result<Did, StoreError> {
    let Some(job) = jobs.find(id).await? else {
        return Ok(Did::Nothing);
    };
    let (did, is_done) = if job.status.is_ended() {
        (Did::CalledBack, jobs.callback_again(id, now_ms).await?)
    } else if job.is_held(now_ms) {
        // It goes on for longer than a function can: it is due again and again until it ends.
        (Did::Nothing, true)
    } else if job.cancel_requested {
        (Did::Cancelled, cancel(jobs, &job, now_ms).await?)
    } else {
        // Also one whose attempts are used up: the worker ends it, and its record is given up.
        (
            Did::Queued,
            jobs.requeue(id, now_ms, looked_at_in(&job, now_ms)).await?,
        )
    };
    Ok(if is_done { did } else { Did::Nothing })
}

/// After what time to look at a job again that waits: the later, the longer it has waited already. It stands behind many others then.
fn looked_at_in(job: &Job, now_ms: u64) -> Duration {
    Duration::from_millis(job.age_ms(now_ms)).max(QUEUED_DUE)
}

async fn cancel(jobs: &Jobs, job: &Job, now_ms: u64) -> Result<bool, StoreError> {
    let ending = Ending {
        status: JobStatus::Cancelled,
        now_ms,
        result: None,
        error: None,
        spent: Spent::default(),
        has_callback: job.callback_url.is_some(),
    };
    let has_ended = jobs.finish_free(&job.id, &ending).await?;
    if has_ended && let Err(error) = jobs.forget_input(&job.id).await {
        // It expires.
        tracing::warn!(job_id = job.id, %error, "could not delete a cancelled job's document");
    }
    Ok(has_ended)
}
