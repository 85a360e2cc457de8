//! Doing a job, whatever its kind: one attempt at it.

use std::{error::Error, time::Duration};

use lambent_schema::{Endpoint, Problem, ProblemCode, Usage, background::MAX_JOB_ATTEMPTS};
use lambent_service::{Hold, Outcome, Record, Work, chain};
use lambent_store::{
    StoreError,
    jobs::{Job, JobKind, JobStatus, Spent},
    now_ms,
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    Failed, Worker,
    config::milliseconds,
    end::told,
    hold::{Stop, Taken},
};

/// What is left of an invocation for writing what came of it: a tenth, and no more than this.
const RESERVE: Duration = Duration::from_secs(10);

/// What came of an attempt.
pub(crate) enum Attempt {
    /// What its kind makes, as JSON.
    Done(String),
    /// The job cannot be done.
    Final(Problem),
    /// It can perhaps be done another time.
    Again(Problem),
    /// It was not begun, since its caller cannot pay before other work has given money back.
    Later,
    /// It is not to be done any more.
    Stopped(Stop),
}

/// What came of an attempt, and its record, if it was begun.
pub(crate) type Tried = (Attempt, Option<Record>);

impl Worker {
    /// Does a job that waits, unless somebody else does.
    pub(crate) async fn work(&self, id: &str, deadline: Instant) -> Result<(), Failed> {
        match self.take(id, deadline).await? {
            Taken::NotOurs => Ok(()),
            Taken::GivenUp => Err(Failed::UsedUp),
            Taken::ToCancel(job) => Ok(self.end_free(&job, JobStatus::Cancelled, None).await?),
            Taken::UsedUp(job) => {
                let error = job.error.clone().unwrap_or_else(|| told(&abandoned()));
                self.end_free(&job, JobStatus::Failed, Some(error)).await?;
                Err(Failed::UsedUp)
            }
            Taken::Ours(job, lock) => self.attempt(&job, &lock, deadline).await,
        }
    }

    async fn attempt(&self, job: &Job, lock: &str, deadline: Instant) -> Result<(), Failed> {
        let tried = match job.kind {
            JobKind::Analysis => self.analyse(job, lock, deadline).await,
            JobKind::Document => self.put_document(job, lock, deadline).await,
        };
        let (attempt, record) = match tried {
            Ok(tried) => tried,
            // The model was not asked: that is no attempt.
            Err(error) => {
                let until = now_ms() + milliseconds(self.config.retry);
                let is_put_off = self.jobs.postpone(&job.id, lock, until).await;
                tracing::warn!(job_id = job.id, %error, "a job could not be begun");
                return if let Ok(true) = is_put_off {
                    Ok(())
                } else {
                    Err(error.into())
                };
            }
        };
        let spent = record.as_ref().map_or(Spent::default(), spent);
        // Whether or not the job is ours still, what was spent was spent.
        let recorded = record.map(|record| {
            let (status, outcome) = outcome(&attempt);
            record.finish(status, outcome)
        });
        let kept = self.keep(job, lock, attempt, spent).await;
        if let Some(recorded) = recorded {
            let _ = recorded.await;
        }
        kept
    }

    /// The record of an attempt, as if it had been a request for `E`. What is reserved for it is settled when it ends.
    pub(crate) fn record<E: Endpoint>(&self, job: &Job, hold: Option<Hold>) -> Record {
        self.service.work(
            Work {
                id: &format!("{}-{}", job.id, job.attempt),
                function: "jobs-worker",
                route: &format!("{} {}", E::METHOD.as_str(), E::PATH),
                caller: job.caller.clone(),
            },
            hold,
        )
    }

    /// What a job works on; `None` if it is gone, or cannot be read.
    pub(crate) async fn request<T: DeserializeOwned>(&self, job: &Job) -> Result<Option<T>, StoreError> {
        let input = self.jobs.input(&job.id).await?;
        Ok(input.and_then(|input| serde_json::from_str(&input).ok()))
    }
}

/// What comes of a job whose input cannot be read.
pub(crate) fn without_input(job: &Job) -> Tried {
    tracing::error!(job_id = job.id, "a job's document is missing, or cannot be read");
    let problem = Problem::new(
        ProblemCode::Internal,
        "The job's document is gone. It has been logged.",
    );
    (Attempt::Final(problem), None)
}

/// What comes of a job whose question, or whose model, is at fault.
pub(crate) fn failed(job: &Job, error: &(dyn Error + 'static), problem: Problem, is_final: bool) -> Attempt {
    let cause = chain(error);
    tracing::warn!(job_id = job.id, attempt = job.attempt, cause, "an attempt failed");
    let problem = problem.request_id(job.request_id.as_str());
    if is_final {
        Attempt::Final(problem)
    } else {
        Attempt::Again(problem)
    }
}

/// When an attempt has to be over, so that it can be written what came of it.
pub(crate) fn until(deadline: Instant) -> Instant {
    deadline - (deadline.saturating_duration_since(Instant::now()) / 10).min(RESERVE)
}

/// What the attempt's record says: a status, as if it had been a request, and how it ended.
fn outcome(attempt: &Attempt) -> (u16, Outcome) {
    match attempt {
        Attempt::Done(_) => (200, Outcome::Done),
        Attempt::Final(problem) | Attempt::Again(problem) => {
            (problem.status, Outcome::Error(problem.code.clone().into_owned()))
        }
        Attempt::Later | Attempt::Stopped(_) => (499, Outcome::Cancelled),
    }
}

fn spent(record: &Record) -> Spent {
    let cost = record.cost();
    let Usage {
        input_tokens,
        output_tokens,
    } = record.usage();
    Spent {
        input_tokens,
        output_tokens,
        cost_tokens: cost.tokens,
        cost_compute: cost.compute,
    }
}

fn abandoned() -> Problem {
    let detail = format!("Each of {MAX_JOB_ATTEMPTS} attempts ended without a word of what went wrong.");
    Problem::new(ProblemCode::JobAbandoned, detail)
}
