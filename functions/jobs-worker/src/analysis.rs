//! Analyses.

use lambent_analysis::{Draft, Task, at_most};
use lambent_llm::{ModelError, Structured};
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::{analysis::AnalysisRequest, jobs::JobsCreate},
};
use lambent_service::Record;
use lambent_store::{
    StoreError,
    jobs::{Job, MAX_RESULT_BYTES},
};
use tokio::time::Instant;

use crate::{
    Worker,
    work::{Attempt, Tried, failed, until, without_input},
};

impl Worker {
    /// Asks the model, while this worker says that it lives. Fails only before the model is asked.
    pub(crate) async fn analyse(
        &self,
        job: &Job,
        lock: &str,
        deadline: Instant,
    ) -> Result<Tried, StoreError> {
        let request: Option<AnalysisRequest> = self.request(job).await?;
        let Some(task) = request.and_then(|request| Task::new(request).ok()) else {
            return Ok(without_input(job));
        };
        let (pricing, bytes) = (self.models.pricing(), task.text().len() as u64);
        let price = |own: Option<u32>| at_most(pricing, bytes, own);
        let paid = match self.reserve(job, &price, deadline).await? {
            Ok(paid) => paid,
            Err(refused) => return Ok((refused, None)),
        };
        let record = self.record::<JobsCreate>(job, paid.hold);
        // A panic must not leave it open, nor what is reserved.
        let guard = record.end_on_drop();
        let models = self.models.metered(record.clone(), paid.max_output_tokens);
        record.start(models.model(), task.text());
        let (prompt, reply) = (task.prompt(), task.reply());
        let attempt = tokio::select! {
            answer = models.structured::<Draft>(&prompt, reply, until(deadline)) => {
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
            Err(error) => failed(job, &error, Problem::from(&error), error.is_final()),
        }
    }
}
