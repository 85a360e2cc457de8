//! Telling a job's end to its caller's server.

use lambent_callbacks::{Delivery, MAX_ATTEMPTS, Outcome, next_try};
use lambent_jobs::event;
use lambent_service::call::gone_by_ms;
use lambent_store::{
    jobs::{FailedTry, Job},
    now_ms,
};
use tokio::time::Instant;

use crate::{Failed, Worker, config::milliseconds};

impl Worker {
    /// Tries a callback that is due. What comes of it is kept with the job; the next try is the sweeper's to start.
    pub(crate) async fn call_back(&self, id: &str, deadline: Instant) -> Result<(), Failed> {
        let Some(job) = self
            .jobs
            .take_callback(id, now_ms(), gone_by_ms(deadline))
            .await?
        else {
            return Ok(());
        };
        let outcome = match delivery(&job) {
            // Those whose sender died count too.
            Some(delivery) if job.callback_attempt <= MAX_ATTEMPTS => self.callbacks.deliver(&delivery).await,
            _ => Outcome::Failed {
                status: None,
                why: "nothing was heard of the last tries".to_owned(),
                is_final: true,
            },
        };
        let (attempt, now) = (job.callback_attempt, now_ms());
        match outcome {
            Outcome::Delivered { status } => {
                self.jobs.callback_delivered(id, attempt, status, now).await?;
            }
            Outcome::Failed {
                status,
                why,
                is_final,
            } => {
                let wait = if is_final {
                    None
                } else {
                    next_try(attempt, random())
                };
                let failed = FailedTry {
                    next_at_ms: wait.map(|wait| now + milliseconds(wait)),
                    http_status: status,
                    error: &why,
                };
                tracing::info!(job_id = id, attempt, status, why, ?wait, "a callback failed");
                self.jobs.callback_failed(id, attempt, &failed, now).await?;
            }
        }
        Ok(())
    }
}

/// What is sent. Its id is the same at each try, so that a receiver can tell a repetition.
fn delivery(job: &Job) -> Option<Delivery> {
    Some(Delivery {
        url: job.callback_url.clone()?,
        id: format!("job_{}", job.id),
        timestamp: i64::try_from(now_ms() / 1000).unwrap_or_default(),
        body: serde_json::to_string(&event(job)).ok()?,
        caller: job.caller.as_str().to_owned(),
    })
}

/// From 0 to 1, so that failed callbacks do not all come back at once.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}
