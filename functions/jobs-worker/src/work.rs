//! Doing a job.

use std::time::Duration;

use lambent_analysis::{Draft, PROMPT_BYTES, Task};
use lambent_llm::{ModelError, Structured};
use lambent_schema::{
    Endpoint as _, Problem, ProblemCode, Usage,
    background::MAX_JOB_ATTEMPTS,
    endpoints::{analysis::AnalysisRequest, jobs::JobsCreate},
};
use lambent_service::{Hold, Outcome, Record, Work, call::gone_by_ms};
use lambent_store::{
    Refusal, StoreError,
    callers::{Ask, Credential, Decision},
    jobs::{Ending, Job, JobStatus, MAX_RESULT_BYTES, Spent},
    now_ms,
};
use serde_json::{Value, to_value};
use tokio::time::{Instant, sleep};

use crate::{
    Failed, Worker,
    hold::{Stop, Taken},
};

/// How often the end of a job is written until somebody else has to do it all again.
const END_TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// What came of an attempt.
enum Attempt {
    /// The analysis, as JSON.
    Done(String),
    /// The job cannot be done.
    Final(Problem),
    /// It can perhaps be done another time.
    Again(Problem),
    /// Its caller cannot pay before other work has given money back: after so many milliseconds.
    Later(u64),
    /// It is not to be done any more.
    Stopped(Stop),
}

impl Worker {
    /// Does a job that waits, unless somebody else does.
    pub(crate) async fn work(&self, id: &str, deadline: Instant) -> Result<(), Failed> {
        match self.take(id, deadline).await? {
            Taken::NotOurs => Ok(()),
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
        let (attempt, record) = self.analyse(job, lock, deadline).await?;
        let spent = record.as_ref().map_or(Spent::default(), spent);
        let outcome = match &attempt {
            Attempt::Done(_) => (200, Outcome::Done),
            Attempt::Final(problem) | Attempt::Again(problem) => {
                (problem.status, Outcome::Error(problem.code.clone().into_owned()))
            }
            Attempt::Later(_) | Attempt::Stopped(_) => (499, Outcome::Cancelled),
        };
        let kept = self.keep(job, lock, attempt, spent).await;
        if let Some(record) = record {
            // Whether or not the job is ours still, what was spent was spent.
            let _ = record.finish(outcome.0, outcome.1).await;
        }
        kept
    }

    /// Asks the model, while this worker says that it lives.
    async fn analyse(
        &self,
        job: &Job,
        lock: &str,
        deadline: Instant,
    ) -> Result<(Attempt, Option<Record>), Failed> {
        let Some(task) = self.task(job).await? else {
            let problem = Problem::new(
                ProblemCode::Internal,
                "The job's document is gone. It has been logged.",
            );
            return Ok((Attempt::Final(problem), None));
        };
        let hold = match self.reserve(job, &task, deadline).await? {
            Ok(hold) => hold,
            Err(refused) => return Ok((refused, None)),
        };
        let record = self.service.work(
            Work {
                id: &format!("{}-{}", job.id, job.attempt),
                function: "jobs-worker",
                route: &format!("{} {}", JobsCreate::METHOD.as_str(), JobsCreate::PATH),
                caller: job.caller.clone(),
            },
            hold,
        );
        // A panic must not leave it open, nor what is reserved.
        let guard = record.end_on_drop();
        let models = self.models.metered(record.clone(), job.max_output_tokens);
        record.start(models.model(), task.text());
        let (prompt, reply) = (task.prompt(), task.reply());
        let attempt = tokio::select! {
            answer = models.structured::<Draft>(&prompt, reply, deadline) => {
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

    /// Writes what came of an attempt, if the job is still ours.
    async fn keep(&self, job: &Job, lock: &str, attempt: Attempt, spent: Spent) -> Result<(), Failed> {
        let (status, result, error) = match attempt {
            Attempt::Done(result) => (JobStatus::Succeeded, Some(result), None),
            Attempt::Final(problem) => (JobStatus::Failed, None, Some(told(&problem))),
            Attempt::Stopped(Stop::Cancelled) => (JobStatus::Cancelled, None, None),
            Attempt::Stopped(Stop::Lost) => return Ok(()),
            Attempt::Later(wait_ms) => {
                self.jobs.postpone(&job.id, lock, now_ms() + wait_ms).await?;
                return Ok(());
            }
            Attempt::Again(problem) => {
                let error = Some(told(&problem));
                self.jobs.release(&job.id, lock, &spent, error, now_ms()).await?;
                return Err(Failed::Attempt(problem.code.into_owned()));
            }
        };
        let ending = Ending {
            status,
            now_ms: now_ms(),
            result,
            error,
            spent,
            has_callback: job.callback_url.is_some(),
        };
        if self.end(&job.id, lock, &ending).await? {
            self.forget(&job.id).await;
        }
        Ok(())
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

    async fn end_free(&self, job: &Job, status: JobStatus, error: Option<Value>) -> Result<(), StoreError> {
        let ending = Ending {
            status,
            now_ms: now_ms(),
            result: None,
            error,
            spent: Spent::default(),
            has_callback: job.callback_url.is_some(),
        };
        if self.jobs.finish_free(&job.id, &ending).await? {
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

    /// The job's task; `None` if it cannot be read.
    async fn task(&self, job: &Job) -> Result<Option<Task>, StoreError> {
        let Some(input) = self.jobs.input(&job.id).await? else {
            return Ok(None);
        };
        let request: Option<AnalysisRequest> = serde_json::from_str(&input).ok();
        let task = request.and_then(|request| Task::new(request).ok());
        if task.is_none() {
            tracing::error!(job_id = job.id, "a job's document cannot be read");
        }
        Ok(task)
    }

    /// Reserves the most that the job can cost; or says why that cannot be.
    async fn reserve(
        &self,
        job: &Job,
        task: &Task,
        deadline: Instant,
    ) -> Result<Result<Option<Hold>, Attempt>, StoreError> {
        let pricing = self.models.pricing();
        let prompt = task.text().len() as u64 + PROMPT_BYTES;
        let price = |own: Option<u32>| pricing.at_most(prompt, pricing.max_answers(), own);
        let is_token = job.caller.is_of_a_token();
        let ask = Ask {
            credential: Credential::Work {
                id: job.caller.as_str(),
                limits: is_token.then_some(&self.token_limits),
            },
            scope: "",
            now_ms: now_ms(),
            price: Some(&price),
            until_ms: gone_by_ms(deadline),
            call: &format!("{}-{}", job.id, job.attempt),
        };
        Ok(match self.callers.admit(&ask).await? {
            Decision::Admitted(admission) => {
                Ok(admission.held.map(|held| Hold::new(self.callers.clone(), held)))
            }
            Decision::Refused(refusal) => Err(refused(&refusal)),
        })
    }
}

/// What becomes of a job that cannot be paid for.
fn refused(refusal: &Refusal) -> Attempt {
    match refusal {
        Refusal::Budget { wait_ms, .. } if refusal.is_for_now() => Attempt::Later(*wait_ms),
        Refusal::Budget { .. } => Attempt::Final(Problem::new(
            ProblemCode::BudgetExceeded,
            "When the job was to be done, what was left of the month's budget did not cover the most that it can cost.",
        )),
        _ => Attempt::Final(Problem::new(
            ProblemCode::Unauthenticated,
            "When the job was to be done, the credentials that it was accepted with were not valid any more.",
        )),
    }
}

fn spent(record: &Record) -> Spent {
    let (
        cost,
        Usage {
            input_tokens,
            output_tokens,
        },
    ) = (record.cost(), record.usage());
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

fn told(problem: &Problem) -> Value {
    to_value(problem).unwrap_or_default()
}
