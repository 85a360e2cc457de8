//! Taking a message, holding it, and giving up those that nobody holds any more.

use std::time::Duration;

use lambent_chat::{error_frame, lost};
use lambent_schema::{Problem, background::CHAT_WORKER, endpoints::chat::ROUTE};
use lambent_service::{Hold, Outcome, Record, Work, chain};
use lambent_store::{
    conversations::{Message, MessageKey, Renewal, Take, Taking},
    now_ms,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{ChatWorker, Failed};

/// How often a worker says that it lives.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How often it looks whether it is to stop. These reads add a few hundredths to what the pieces of an answer cost.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why an answer is not written any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its client has asked for that.
    Cancelled,
    /// Nobody will hear it, or somebody else has given it up.
    Gone,
}

/// Whether a lock is that of somebody who took the message by this record.
fn is_of(lock: &str, record: &str) -> bool {
    !record.is_empty() && lock.split('/').next() == Some(record)
}

impl ChatWorker {
    /// Answers a message that waits. `record` is the number of the record that it came with, which is in the lock too: where that is held, the record is
    /// handed out again since its worker died, and this one waits until the lease is over. Who else answers it lives; should it die, the sweeper comes.
    pub(crate) async fn work(&self, key: &MessageKey, record: &str, deadline: Instant) -> Result<(), Failed> {
        let lock = format!("{record}/{}", Uuid::now_v7().simple());
        let mut has_waited = false;
        loop {
            match self.conversations.take(key, &self.take(&lock)).await? {
                Taking::Taken(message) => return self.answer(&message, &lock, deadline).await,
                Taking::Lost(message) => return self.give_up(&message).await,
                Taking::Held { until_ms, lock } if !has_waited && is_of(&lock, record) => {
                    has_waited = true;
                    let wait = Duration::from_millis(until_ms.saturating_sub(now_ms()) + 100);
                    if Instant::now() + wait > deadline {
                        return Ok(());
                    }
                    sleep(wait).await;
                }
                Taking::Held { .. } | Taking::Over => return Ok(()),
            }
        }
    }

    fn take<'a>(&self, lock: &'a str) -> Take<'a> {
        Take {
            lock,
            now_ms: now_ms(),
            lease_ms: self.config.lease_ms(),
        }
    }

    /// Says that this worker lives, again and again, until the answer is to stop.
    pub(crate) async fn hold(&self, message: &Message, lock: &str) -> Stop {
        let renew_every = RENEW_EVERY.min(self.config.lease / 4);
        let mut renewed = Instant::now();
        loop {
            sleep(LOOK_EVERY.min(renew_every)).await;
            if renewed.elapsed() < renew_every {
                match self.conversations.is_cancelled(&message.key()).await {
                    Ok(false) => {}
                    Ok(true) => return Stop::Cancelled,
                    Err(error) => tracing::warn!(cause = chain(&error), "could not look at a message"),
                }
                continue;
            }
            renewed = Instant::now();
            match self.conversations.renew(&message.key(), &self.take(lock)).await {
                Ok(Renewal::Renewed {
                    cancel_requested: false,
                }) => {}
                Ok(Renewal::Renewed {
                    cancel_requested: true,
                }) => return Stop::Cancelled,
                Ok(Renewal::Lost) => return Stop::Gone,
                // The lease may run out meanwhile: then the end of the message will say so.
                Err(error) => tracing::warn!(cause = chain(&error), "could not renew a message's lease"),
            }
        }
    }

    /// Ends a message whose worker died, and tells its client. What that one spent nobody knows: what was reserved is given back.
    async fn give_up(&self, message: &Message) -> Result<(), Failed> {
        let problem = lost().request_id(message.request_id.as_str());
        if !self.conversations.give_up(message, &problem.code).await? {
            return Ok(());
        }
        let record = self.record(message);
        let ended = record.finish(problem.status, Outcome::Error(problem.code.clone().into_owned()));
        self.tell(message, problem).await;
        let _ = ended.await;
        Ok(())
    }

    /// Tells a client that there is no answer, or no more of it.
    pub(crate) async fn tell(&self, message: &Message, problem: Problem) {
        let frame = error_frame(Some(&message.sort), problem);
        if let Err(error) = self.sockets.send(&message.connection, &frame).await {
            tracing::info!(cause = chain(&error), "a client could not be told of an error");
        }
    }

    /// The record of an answer. What is reserved for it is settled when it ends.
    pub(crate) fn record(&self, message: &Message) -> Record {
        let held = message.held.clone();
        self.service.work(
            Work {
                id: &message.request_id,
                function: CHAT_WORKER.function,
                route: ROUTE,
                caller: message.caller.clone(),
            },
            held.map(|held| Hold::new(self.callers.clone(), held)),
        )
    }
}
