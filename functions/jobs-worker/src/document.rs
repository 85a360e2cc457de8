//! Documents to be kept.

use lambent_retrieval::{KeepError, Prepared, embedded_at_most};
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::documents::{DocumentRequest, DocumentsPut},
};
use lambent_store::{StoreError, jobs::Job};
use tokio::time::Instant;

use crate::{
    Worker,
    work::{Attempt, Tried, failed, until, without_input},
};

impl Worker {
    /// Keeps a document, while this worker says that it lives. Its version is the job, so that what is accepted later replaces what was
    /// accepted before, whichever is done first. Fails only before the model is asked.
    pub(crate) async fn put_document(
        &self,
        job: &Job,
        lock: &str,
        deadline: Instant,
    ) -> Result<Tried, StoreError> {
        let Some(request) = self.request::<DocumentRequest>(job).await? else {
            return Ok(without_input(job));
        };
        let pricing = self.library.embedder.pricing();
        let bytes = (request.title.len() + request.text.len()) as u64;
        let price = |_| pricing.at_most(embedded_at_most(bytes));
        let paid = match self.reserve(job, &price, deadline).await? {
            Ok(paid) => paid,
            Err(refused) => return Ok((refused, None)),
        };
        let record = self.record::<DocumentsPut>(job, paid.hold);
        // A panic must not leave it open, nor what is reserved.
        let guard = record.end_on_drop();
        record.start(self.library.embedder.model(), &request.text);
        let preparing = self
            .library
            .prepare(&record, &job.caller, &job.id, &request, until(deadline));
        let attempt = tokio::select! {
            prepared = preparing => match prepared {
                Ok(prepared) => self.publish(job, lock, prepared, deadline).await,
                Err(error) => judge(job, &error),
            },
            stop = self.hold(&job.id, lock) => Attempt::Stopped(stop),
        };
        guard.disarm();
        Ok((attempt, Some(record)))
    }

    /// Once it is visible, the job has succeeded, whoever wants to stop it.
    async fn publish(&self, job: &Job, lock: &str, prepared: Prepared, deadline: Instant) -> Attempt {
        let kept = match self.library.publish(prepared, deadline).await {
            Ok(kept) => kept,
            Err(error) => return judge(job, &error),
        };
        if let Some(replaced) = &kept.replaced {
            tokio::select! {
                () = self.library.sweep(replaced, deadline) => {}
                _ = self.hold(&job.id, lock) => {}
            }
        }
        match serde_json::to_string(&kept.document) {
            Ok(text) => Attempt::Done(text),
            Err(error) => failed(job, &error, unreadable(), true),
        }
    }
}

fn unreadable() -> Problem {
    Problem::new(
        ProblemCode::Internal,
        "The document is kept, and cannot be told. It has been logged.",
    )
}

fn judge(job: &Job, error: &KeepError) -> Attempt {
    failed(job, error, Problem::from(error), error.is_final())
}
