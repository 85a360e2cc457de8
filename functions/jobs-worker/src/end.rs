//! Writing what came of an attempt: an end, or a time for the next one.

use std::time::Duration;

use lambent_schema::{Problem, background::MAX_JOB_ATTEMPTS};
use lambent_store::{
    StoreError,
    jobs::{Ending, Job, JobStatus, Spent},
    now_ms,
};
use serde_json::{Value, to_value};
use tokio::time::sleep;

use crate::{Failed, Worker, hold::Stop, work::Attempt};

/// How often the end of a job is written until somebody else has to do it all again.
const END_TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// The longest that a job waits for its caller's money, in milliseconds.
const MAX_LATER_MS: u64 = 5 * 60 * 1000;

impl Worker {
    /// Writes what came of an attempt, if the job is still ours.
    pub(crate) async fn keep(
        &self,
        job: &Job,
        lock: &str,
        attempt: Attempt,
        spent: Spent,
    ) -> Result<(), Failed> {
        let is_given_up = matches!(attempt, Attempt::Again(_));
        let (status, result, error) = match attempt {
            Attempt::Done(result) => (JobStatus::Succeeded, Some(result), None),
            Attempt::Final(problem) => (JobStatus::Failed, None, Some(told(&problem))),
            Attempt::Stopped(Stop::Cancelled) => (JobStatus::Cancelled, None, None),
            Attempt::Stopped(Stop::Lost) => return Ok(()),
            Attempt::Later => {
                self.jobs
                    .postpone(&job.id, lock, now_ms() + self.later_ms(job))
                    .await?;
                return Ok(());
            }
            Attempt::Again(problem) if job.attempt < MAX_JOB_ATTEMPTS => {
                let until = now_ms() + self.again_ms(job, &problem);
                let error = Some(told(&problem));
                self.jobs.release(&job.id, lock, &spent, error, until).await?;
                return Ok(());
            }
            Attempt::Again(problem) => (JobStatus::Failed, None, Some(told(&problem))),
        };
        let ending = Ending {
            spent,
            ..ending(job, status, result, error)
        };
        if self.end(&job.id, lock, &ending).await? {
            self.forget(&job.id).await;
        }
        if is_given_up { Err(Failed::UsedUp) } else { Ok(()) }
    }

    /// Writes the end, with patience: all of the work is in it.
    async fn end(&self, id: &str, lock: &str, ending: &Ending) -> Result<bool, StoreError> {
        let mut tries = 1;
        loop {
            match self.jobs.finish(id, lock, ending).await {
                Err(error) if tries < END_TRIES => {
                    tracing::warn!(job_id = id, %error, "could not write a job's end");
                    tries += 1;
                    sleep(BETWEEN_TRIES).await;
                }
                ended => return ended,
            }
        }
    }

    /// Ends a job that nobody works on.
    pub(crate) async fn end_free(
        &self,
        job: &Job,
        status: JobStatus,
        error: Option<Value>,
    ) -> Result<(), StoreError> {
        if self
            .jobs
            .finish_free(&job.id, &ending(job, status, None, error))
            .await?
        {
            self.forget(&job.id).await;
        }
        Ok(())
    }

    async fn forget(&self, id: &str) {
        if let Err(error) = self.jobs.forget_input(id).await {
            // It expires.
            tracing::warn!(job_id = id, %error, "could not delete the document of a job that has ended");
        }
    }

    /// What a job waits whose model failed: longer with each attempt, and at least as long as the provider said.
    fn again_ms(&self, job: &Job, problem: &Problem) -> u64 {
        let asked_for = problem.retry_after.unwrap_or(0).saturating_mul(1000);
        self.config.wait_ms(job.attempt).max(asked_for)
    }

    /// What a job waits for money: the longer, the longer it has waited, so that many of one caller do not come again and again.
    fn later_ms(&self, job: &Job) -> u64 {
        let age = job.age_ms(now_ms());
        self.config.wait_ms(1).max(age / 4).min(MAX_LATER_MS)
    }
}

fn ending(job: &Job, status: JobStatus, result: Option<String>, error: Option<Value>) -> Ending {
    Ending {
        status,
        now_ms: now_ms(),
        result,
        error,
        spent: Spent::default(),
        has_callback: job.callback_url.is_some(),
    }
}

/// A problem as it is kept with the job.
pub(crate) fn told(problem: &Problem) -> Value {
    to_value(problem).unwrap_or_default()
}
