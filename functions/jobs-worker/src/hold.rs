//! Taking a job, and holding it: the lock, and the word that its worker lives.

use std::time::Duration;

use lambent_schema::background::MAX_JOB_ATTEMPTS;
use lambent_service::call::gone_by_ms;
use lambent_store::{
    StoreError,
    jobs::{Job, JobStatus, Renewal, Take, Taking},
    now_ms,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::Worker;

/// After a worker is surely gone, in milliseconds: then the sweeper looks after its job, if the stream has not.
const GRACE_MS: u64 = 30_000;

/// What came of taking a job.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is ours, with this lock.
    Ours(Box<Job>, String),
    /// Its attempts are used up.
    UsedUp(Box<Job>),
    /// It was to be cancelled, and its worker is gone.
    ToCancel(Box<Job>),
    /// It was given up, and whoever comes for it again is told so.
    GivenUp,
    /// There is nothing to do here.
    NotOurs,
}

/// Why a job is not worked at any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its caller has asked for that.
    Cancelled,
    /// Another worker has taken it, or it was ended without us.
    Lost,
}

/// Whether it failed for want of attempts: then its record is to be tried again until it goes where such records go.
fn is_given_up(job: &Job) -> bool {
    job.status == JobStatus::Failed && job.attempt >= MAX_JOB_ATTEMPTS
}

impl Worker {
    /// Takes a job. Where another worker holds it, waits until its lease is over: then that worker has died, as it has where this is the same
    /// record, handed out again. If it was renewed by then, that worker lives; should it die later, the sweeper comes.
    pub(crate) async fn take(&self, id: &str, deadline: Instant) -> Result<Taken, StoreError> {
        let lock = Uuid::now_v7().simple().to_string();
        let mut has_waited = false;
        loop {
            let take = Take {
                lock: &lock,
                now_ms: now_ms(),
                lease_ms: self.config.lease_ms(),
                due_at_ms: gone_by_ms(deadline) + GRACE_MS,
                max_attempts: MAX_JOB_ATTEMPTS,
            };
            match self.jobs.take(id, &take).await? {
                Taking::Taken(job) => return Ok(Taken::Ours(job, lock)),
                Taking::UsedUp(job) => return Ok(Taken::UsedUp(job)),
                Taking::CancelRequested(job) => return Ok(Taken::ToCancel(job)),
                Taking::Ended(job) if is_given_up(&job) => return Ok(Taken::GivenUp),
                Taking::Ended(_) | Taking::Gone => return Ok(Taken::NotOurs),
                // Without a lock it waits for its time, and for the sweeper.
                Taking::Held {
                    until_ms,
                    lock: other,
                } if !has_waited && !other.is_empty() => {
                    has_waited = true;
                    let wait = Duration::from_millis(until_ms.saturating_sub(take.now_ms) + 100);
                    if Instant::now() + wait > deadline {
                        return Ok(Taken::NotOurs);
                    }
                    sleep(wait).await;
                }
                Taking::Held { .. } => return Ok(Taken::NotOurs),
            }
        }
    }

    /// Says that this worker lives, again and again, until the job is to be stopped.
    pub(crate) async fn hold(&self, id: &str, lock: &str) -> Stop {
        loop {
            sleep(self.config.every()).await;
            match self.jobs.renew(id, lock, now_ms(), self.config.lease_ms()).await {
                Ok(Renewal::Renewed {
                    cancel_requested: false,
                }) => {}
                Ok(Renewal::Renewed {
                    cancel_requested: true,
                }) => return Stop::Cancelled,
                Ok(Renewal::Lost) => return Stop::Lost,
                // The lock may run out meanwhile: then the end of the job will say so.
                Err(error) => tracing::warn!(job_id = id, %error, "could not renew a job's lock"),
            }
        }
    }
}
