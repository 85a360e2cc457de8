//! Doing a job: one attempt at it.

use std::time::Duration;

use lambent_analysis::{Draft, Task};
use lambent_llm::{ModelError, Structured};
use lambent_schema::{
    Endpoint as _, Problem, ProblemCode, Usage,
    background::MAX_JOB_ATTEMPTS,
    endpoints::{analysis::AnalysisRequest, jobs::JobsCreate},
};
use lambent_service::{Outcome, Record, Work};
use lambent_store::{
    StoreError,
    jobs::{Job, JobStatus, MAX_RESULT_BYTES, Spent},
    now_ms,
};
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
    /// The analysis, as JSON.
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
        let (attempt, record) = match self.analyse(job, lock, deadline).await {
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

    /// Asks the model, while this worker says that it lives. Fails only before the model is asked.
    async fn analyse(
        &self,
        job: &Job,
        lock: &str,
        deadline: Instant,
    ) -> Result<(Attempt, Option<Record>), StoreError> {
        let Some(task) = self.task(job).await? else {
            tracing::error!(job_id = job.id, "a job's document is missing, or cannot be read");
            let problem = Problem::new(
                ProblemCode::Internal,
                "The job's document is gone. It has been logged.",
            );
            return Ok((Attempt::Final(problem), None));
        };
        let paid = match self.reserve(job, &task, deadline).await? {
            Ok(paid) => paid,
            Err(refused) => return Ok((refused, None)),
        };
        let record = self.service.work(
            Work {
                id: &format!("{}-{}", job.id, job.attempt),
                function: "jobs-worker",
                route: &format!("{} {}", JobsCreate::METHOD.as_str(), JobsCreate::PATH),
                caller: job.caller.clone(),
            },
            paid.hold,
        );
        // A panic must not leave it open, nor what is reserved.
        let guard = record.end_on_drop();
        let models = self.models.metered(record.clone(), paid.max_output_tokens);
        record.start(models.model(), task.text());
        let (prompt, reply) = (task.prompt(), task.reply());
        let until = deadline - (deadline.saturating_duration_since(Instant::now()) / 10).min(RESERVE);
        let attempt = tokio::select! {
            answer = models.structured::<Draft>(&prompt, reply, until) => {
                self.judge(job, &task, &record, answer)
            }
            stop = self.hold(&job.id, lock) => Attempt::Stopped(stop),
        };
        guard.disarm();
        Ok((attempt, Some(record)))
    }

    fn judge(
        &self,
        job: &Job,
        task: &Task,
        record: &Record,
        answer: Result<Structured<Draft>, ModelError>,
    ) -> Attempt {
        match answer {
            Ok(answer) => {
                record.first_token_at(answer.first_token_at);
                record.attempts(answer.attempts);
                let model = self.models.model();
                let analysis = task.analysis(answer.value, model, answer.usage, &job.request_id);
                match serde_json::to_string(&analysis) {
                    Ok(text) if text.len() <= MAX_RESULT_BYTES => Attempt::Done(text),
                    _ => Attempt::Final(Problem::new(
                        ProblemCode::ModelReplyInvalid,
                        format!("The analysis is longer than a job can keep: {MAX_RESULT_BYTES} bytes."),
                    )),
                }
            }
            Err(error) => {
                tracing::warn!(job_id = job.id, attempt = job.attempt, %error, "an attempt failed");
                let problem = Problem::from(&error).request_id(job.request_id.as_str());
                if error.is_final() {
                    Attempt::Final(problem)
                } else {
                    Attempt::Again(problem)
                }
            }
        }
    }

    /// The job's task; `None` if there is none, or it cannot be read.
    async fn task(&self, job: &Job) -> Result<Option<Task>, StoreError> {
        let input = self.jobs.input(&job.id).await?;
        let request: Option<AnalysisRequest> = input.and_then(|input| serde_json::from_str(&input).ok());
        Ok(request.and_then(|request| Task::new(request).ok()))
    }
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
