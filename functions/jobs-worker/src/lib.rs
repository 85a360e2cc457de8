//! Does the jobs that the table's stream tells of, and tells their ends to whoever wants to be called back.
//!
//! # Once in effect
//! The stream delivers at least once, workers die, and two may come to one job. A job is therefore taken by a conditional write that
//! also gives it a lock, which the worker renews while it lives (`hold`), and ended by one that asks for that lock
//! (`work`): whoever has lost it changes nothing. What is done twice at most is the call of the model, once for each
//! worker that died. A document is published as the version that is the job, which is the same one however often it is done.
//!
//! # Tried again
//! What goes wrong with the question itself ends the job as `failed`. Where the model's provider fails, the job waits, longer each time, and the
//! sweeper starts the next attempt. Where a worker dies, the stream hands out the record again, and the sweeper comes if that is
//! used up. After [`MAX_JOB_ATTEMPTS`] attempts the job is `failed`, and its record fails until it goes where such records go.

mod analysis;
mod callback;
mod config;
mod document;
mod end;
mod hold;
mod money;
mod record;
mod work;

pub use config::{ConfigError, WorkerConfig};
pub use record::Image;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use lambent_callbacks::Callbacks;
use lambent_llm::Models;
use lambent_retrieval::Library;
use lambent_schema::background::MAX_JOB_ATTEMPTS;
use lambent_service::{BatchAnswer, Service, StreamEvent, chain};
use lambent_store::{Callers, StoreError, callers::Limits, jobs::Jobs};
use tokio::time::Instant;

use record::Asked;

/// What does the jobs. One for all invocations of a process.
#[derive(Debug)]
pub struct Worker {
    /// The request log.
    pub service: Service,
    /// The jobs.
    pub jobs: Jobs,
    /// Whose money is spent.
    pub callers: Callers,
    /// How much the bearers of tokens may spend.
    pub token_limits: Limits,
    /// The model that analyses.
    pub models: Models,
    /// The documents, and the model that embeds them.
    pub library: Library,
    /// The way to callers' servers.
    pub callbacks: Callbacks,
    /// What else is configured.
    pub config: WorkerConfig,
}

/// A record is to be tried again.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the table of jobs does not answer")]
    Store(#[from] StoreError),
    #[error("a panic")]
    Panic,
    #[error("{MAX_JOB_ATTEMPTS} attempts are used up")]
    UsedUp,
}

impl Worker {
    /// Does what a batch of records asks for, until `deadline`. Ends at the first one that has to be tried again.
    pub async fn handle(&self, event: StreamEvent<Image>, deadline: Instant) -> BatchAnswer {
        for record in &event.records {
            let asked = Asked::of(record);
            let done = AssertUnwindSafe(self.follow(&asked, deadline))
                .catch_unwind()
                .await;
            if let Err(error) = done.unwrap_or(Err(Failed::Panic)) {
                tracing::warn!(?asked, cause = chain(&error), "a record is to be tried again");
                return BatchAnswer::failed_at(record);
            }
        }
        BatchAnswer::default()
    }

    async fn follow(&self, asked: &Asked, deadline: Instant) -> Result<(), Failed> {
        match asked {
            Asked::Work(id) => self.work(id, deadline).await,
            Asked::CallBack(id) => self.call_back(id, deadline).await,
            Asked::Nothing => Ok(()),
        }
    }
}
