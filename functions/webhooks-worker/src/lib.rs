//! Handles the events that others have sent: started by the stream of the table that `functions/webhooks` keeps them in.
//!
//! # Once in effect
//! The stream delivers at least once, and workers die. What follows from an event is written in one transaction with its end, so that it needs no
//! lease: two workers that come to one event do the same reading twice, and one of them the writing (`lambent_store::webhooks`).
//!
//! # Tried again
//! An event of a type that nothing handles, or that has no effect here, is `ignored`, with the reason. One that cannot be read is `failed` at once, one whose
//! handling fails after [`MAX_WEBHOOK_ATTEMPTS`] attempts; its record fails then until it goes where such records go, so that somebody
//! hears of it. Sent again by its source, it is handled anew. Nothing else looks after events: until the stream gives a record up it is tried again.

mod config;
mod handlers;

pub use config::{ConfigError, Rates};

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use lambent_schema::background::MAX_WEBHOOK_ATTEMPTS;
use lambent_service::{BatchAnswer, StreamEvent, Text, chain};
use lambent_store::{
    StoreError, now_ms,
    webhooks::{Event, EventStatus, Ledger, Posted},
};
use serde::Deserialize;

use handlers::{Malformed, Step};

/// What handles the events. One for all invocations of a process.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The events, and the budgets that they change.
    pub ledger: Ledger,
    /// What currencies are worth.
    pub rates: Rates,
}

/// What is read of a record: the key of the event.
#[derive(Debug, Clone, Deserialize)]
pub struct Image {
    /// It.
    pub id: Text,
}

/// A record is to be tried again.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("a table does not answer")]
    Store(#[from] StoreError),
    #[error("the event cannot be read")]
    Malformed(#[from] Malformed),
    #[error("a panic")]
    Panic,
    #[error("the event has failed")]
    GivenUp,
}

impl Worker {
    /// Handles the events of a batch of records. Ends at the first one that has to be tried again.
    pub async fn handle(&self, batch: StreamEvent<Image>) -> BatchAnswer {
        for record in &batch.records {
            let Some(image) = &record.dynamodb.image else {
                continue;
            };
            let id = &image.id.text;
            if let Err(error) = self.follow(id).await {
                tracing::warn!(event = id, cause = chain(&error), "a record is to be tried again");
                return BatchAnswer::failed_at(record);
            }
        }
        BatchAnswer::default()
    }

    async fn follow(&self, id: &str) -> Result<(), Failed> {
        let webhooks = &self.ledger.webhooks;
        let Some(event) = webhooks.find(id).await? else {
            return Ok(());
        };
        match event.status {
            EventStatus::Received => {}
            EventStatus::Failed => return Err(Failed::GivenUp),
            EventStatus::Handled | EventStatus::Ignored => return Ok(()),
        }
        let attempt = AssertUnwindSafe(self.attempt(&event)).catch_unwind().await;
        let Err(error) = attempt.unwrap_or(Err(Failed::Panic)) else {
            return Ok(());
        };
        let most = match error {
            // It will not be any different the next time.
            Failed::Malformed(_) => 0,
            _ => MAX_WEBHOOK_ATTEMPTS,
        };
        let reason = error.to_string();
        let counted = webhooks.attempt_failed(&event, &reason, most, now_ms());
        if let Err(error) = counted.await {
            tracing::warn!(event = id, cause = chain(&error), "could not count an attempt");
        }
        Err(error)
    }

    async fn attempt(&self, event: &Event) -> Result<(), Failed> {
        let posted = match handlers::step(event, &self.rates)? {
            Step::Post(fact) => self.ledger.post(&event.id, &fact, now_ms()).await?,
            Step::Ignore(reason) => {
                let status = EventStatus::Ignored;
                let ended = self
                    .ledger
                    .webhooks
                    .end(&event.id, status, Some(reason), now_ms());
                ended.await?;
                Posted::Ignored(reason)
            }
        };
        tracing::info!(
            event = event.id,
            kind = event.kind,
            ?posted,
            "an event was handled"
        );
        Ok(())
    }
}
