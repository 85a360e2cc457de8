//! The thread that computes. Answers wait in a queue, and a few are written in turns, a token each, so that a short
//! question does not wait for a long document.

pub(crate) mod generation;
pub(crate) mod sampler;
mod text;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::model::gguf::LoadError;
use crate::model::network::Network;
use crate::model::vocabulary::Vocabulary;
use generation::{Generation, Job};

/// Answers that are written at once. Each holds a key-value cache: up to 90 MB for the default model.
const MAX_ACTIVE: usize = 4;
/// Answers that wait their turn. Beyond it callers are asked to come again.
const MAX_WAITING: usize = 64;

/// The queue is full.
#[derive(Debug, thiserror::Error)]
#[error("{MAX_WAITING} requests are waiting for the local model")]
pub(crate) struct Busy;

/// The door to the model's thread, which ends when the last of these is dropped.
pub(crate) struct Engine {
    jobs: SyncSender<Job>,
}

impl Engine {
    /// Starts the thread.
    pub(crate) fn start(network: Network, vocabulary: Arc<Vocabulary>) -> Result<Self, LoadError> {
        let (jobs, queue) = sync_channel(MAX_WAITING);
        let work = move || run(&network, &vocabulary, &queue);
        thread::Builder::new()
            .name("local-model".to_owned())
            .spawn(work)
            .map_err(LoadError::Thread)?;
        Ok(Self { jobs })
    }

    /// Queues an answer. Whoever holds the other end of `job.events` may drop it at any time; the writing then stops.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Busy> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })
    }
}

/// Writes answers until nobody can ask for more.
fn run(network: &Network, vocabulary: &Vocabulary, queue: &Receiver<Job>) {
    let mut active: VecDeque<Generation<'_>> = VecDeque::new();
    loop {
        while active.len() < MAX_ACTIVE {
            let job = if active.is_empty() {
                queue.recv().ok()
            } else {
                queue.try_recv().ok()
            };
            match job {
                Some(job) => active.push_back(Generation::new(network, job)),
                None if active.is_empty() => return,
                None => break,
            }
        }
        if let Some(mut generation) = active.pop_front()
            && !advance(&mut generation, vocabulary)
        {
            active.push_back(generation);
        }
    }
}

/// One step of one answer; true when it needs no more. A panic in the computation ends this answer, not the thread.
fn advance(generation: &mut Generation<'_>, vocabulary: &Vocabulary) -> bool {
    if generation.abandoned() {
        return true;
    }
    match catch_unwind(AssertUnwindSafe(|| generation.step(vocabulary))) {
        Ok(Ok(finished)) => finished,
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the local model failed");
            generation.fail();
            true
        }
        Err(_) => {
            tracing::error!("the local model panicked");
            generation.fail();
            true
        }
    }
}
