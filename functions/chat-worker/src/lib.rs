//! Has the model answer what is said over sockets, and sends the answers as they are written.
//!
//! # At once
//! A table's stream has ten lanes a shard, and a lane waits for its invocation's end. So that nobody waits for other people's answers, an
//! invocation answers all messages of its batch at once, and while it does, it takes over messages that wait in lanes which are busy
//! ([`ChatWorker::handle`]): where a lane is busy, a worker lives.
//!
//! # Once
//! A message is taken by a conditional write with a lock, which the worker renews every two seconds while it lives, and ended by one that asks for the
//! lock. It is answered once at most: a message whose worker died is not begun anew, since its client has read a part of the answer, but
//! ends in an `error` frame. Its record is handed out again, and then the lease is over; or the sweeper finds it.

mod answer;
mod hold;
mod pieces;
mod prompt;
mod record;

pub use record::Image;

use std::{collections::HashSet, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lambent_chat::{ChatConfig, Sockets};
use lambent_llm::Models;
use lambent_service::{BatchAnswer, Service, StreamEvent, chain};
use lambent_store::{Callers, Conversations, StoreError, conversations::MessageKey, now_ms};
use tokio::time::{Instant, interval};

/// Messages that one invocation answers at once, at most.
const AT_ONCE: usize = 25;
/// How often an invocation looks for messages that wait.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Others' messages are not taken by an invocation with less time left.
const ENOUGH: Duration = Duration::from_secs(150);

/// What answers messages. One for all invocations of a process.
#[derive(Debug)]
pub struct ChatWorker {
    /// The request log.
    pub service: Service,
    /// Whose money is spent.
    pub callers: Callers,
    /// What is said.
    pub conversations: Conversations,
    /// Where the answers go to.
    pub sockets: Sockets,
    /// The model that answers.
    pub models: Models,
    /// What else is configured.
    pub config: ChatConfig,
}

/// A record is to be tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("the table of conversations does not answer")]
    Store(#[from] StoreError),
    #[error("a panic")]
    Panic,
}

/// What goes on in an invocation, once it is over.
enum Step {
    /// A message; with the place of its record, if that is to be tried again.
    Ended(Option<usize>),
    /// A look for messages that wait.
    Found(Vec<MessageKey>),
}

impl ChatWorker {
    /// Answers a batch of messages at once, until `deadline`, and others that wait meanwhile.
    pub async fn handle(&self, event: StreamEvent<Image>, deadline: Instant) -> BatchAnswer {
        let mut known = HashSet::new();
        let mut running = FuturesUnordered::new();
        for (place, record) in event.records.iter().enumerate() {
            if let Some(key) = record::asked(record)
                && known.insert(key.clone())
            {
                let place = Some((place, &*record.dynamodb.sequence_number));
                running.push(self.follow(place, key, deadline).boxed());
            }
        }
        // Answers, and not the look that goes on beside them.
        let mut answers = running.len();
        let mut is_looking = false;
        let mut looks = interval(LOOK_EVERY);
        // The first one is at once.
        looks.tick().await;
        let mut failed: Option<usize> = None;
        while answers > 0 {
            let may_look =
                !is_looking && answers < AT_ONCE && deadline.duration_since(Instant::now()) > ENOUGH;
            tokio::select! {
                Some(step) = running.next() => match step {
                    Step::Ended(place) => {
                        answers -= 1;
                        failed = failed.into_iter().chain(place).min();
                    }
                    Step::Found(waiting) => {
                        is_looking = false;
                        let new: Vec<_> = waiting.into_iter().filter(|key| !known.contains(key)).collect();
                        for key in new.into_iter().take(AT_ONCE.saturating_sub(answers)) {
                            known.insert(key.clone());
                            answers += 1;
                            running.push(self.follow(None, key, deadline).boxed());
                        }
                    }
                },
                _ = looks.tick(), if may_look => {
                    is_looking = true;
                    running.push(self.waiting().boxed());
                }
            }
        }
        match failed.and_then(|place| event.records.get(place)) {
            Some(record) => BatchAnswer::failed_at(record),
            None => BatchAnswer::default(),
        }
    }

    /// Answers a message, with the place and the number of the record that it came with, if it was not taken from another lane. Gives the place of a record that
    /// is to be tried again.
    async fn follow(&self, place: Option<(usize, &str)>, key: MessageKey, deadline: Instant) -> Step {
        let (place, record) = place.unzip();
        let working = self.work(&key, record.unwrap_or_default(), deadline);
        let answered = AssertUnwindSafe(working).catch_unwind().await;
        let Err(error) = answered.unwrap_or(Err(Failed::Panic)) else {
            return Step::Ended(None);
        };
        tracing::warn!(
            message = key.sort,
            cause = chain(&error),
            "a message is to be tried again"
        );
        Step::Ended(place)
    }

    /// Messages that wait for a worker, with those that this invocation knows and has not taken yet.
    async fn waiting(&self) -> Step {
        let waiting = self.conversations.waiting(now_ms(), 2 * AT_ONCE).await;
        Step::Found(waiting.unwrap_or_else(|error| {
            // Their own lane will come to them.
            tracing::warn!(cause = chain(&error), "could not look for messages that wait");
            Vec::new()
        }))
    }
}
