//! One answer being written: its key-value cache, its constraint, its place in the text.

use tokio::sync::mpsc::UnboundedSender;

use super::sampler::{Sampler, SamplingOptions};
use super::text::Text;
use crate::constraint::{Constraint, ConstraintError};
use crate::model::network::{Cache, Network};
use crate::model::vocabulary::Vocabulary;

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinishReason {
    /// The model was done, a stop text came, or the document is complete.
    Stop,
    /// The token limit was reached.
    Length,
}

/// What the writer of an answer tells its reader.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// More text.
    Delta(String),
    /// The end, with the number of tokens that were written.
    Finished(FinishReason, usize),
    /// The end, for a reason that is the server's fault.
    Failed,
}

/// An answer to write.
pub(crate) struct Job {
    pub(crate) prompt: Vec<u32>,
    /// At least 1; prompt and answer fit the context.
    pub(crate) max_tokens: usize,
    pub(crate) sampling: SamplingOptions,
    pub(crate) stops: Vec<String>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) events: UnboundedSender<Event>,
}

/// The computation or the grammar engine failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GenerationError {
    #[error("the model's computation failed")]
    Compute(#[from] candle_core::Error),
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
}

/// Tokens of a prompt that are read in one batch. Larger batches are no faster, and hold up the other answers.
const BATCH: usize = 512;

/// A job under way.
pub(crate) struct Generation<'a> {
    network: &'a Network,
    cache: Cache,
    events: UnboundedSender<Event>,
    constraint: Option<Constraint>,
    sampler: Sampler,
    text: Text,
    /// Tokens that the model has not read yet: first the prompt, then what was written last.
    unread: Vec<u32>,
    written: usize,
    max_tokens: usize,
}

impl<'a> Generation<'a> {
    pub(crate) fn new(network: &'a Network, job: Job) -> Self {
        Self {
            network,
            cache: network.cache(job.prompt.len() + job.max_tokens),
            events: job.events,
            constraint: job.constraint,
            sampler: Sampler::new(job.sampling),
            text: Text::new(job.stops),
            unread: job.prompt,
            written: 0,
            max_tokens: job.max_tokens,
        }
    }

    /// Whether the reader has gone.
    pub(crate) fn abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// Tells the reader that nothing more comes.
    pub(crate) fn fail(&self) {
        // A reader that has gone needs no telling.
        let _ = self.events.send(Event::Failed);
    }

    /// Reads a batch, and after the last one writes on. True when the answer is finished.
    pub(crate) fn step(&mut self, vocabulary: &Vocabulary) -> Result<bool, GenerationError> {
        let rest = self.unread.split_off(self.unread.len().min(BATCH));
        let batch = std::mem::replace(&mut self.unread, rest);
        let mut logits = self.network.read_tokens(&batch, &mut self.cache)?;
        if !self.unread.is_empty() {
            return Ok(false);
        }
        self.sampler.penalise(&mut logits, vocabulary);
        let left = self.max_tokens - self.written;
        let (tokens, done) = match &mut self.constraint {
            Some(constraint) => {
                let step = constraint.next(&mut logits, left, |allowed| self.sampler.pick(allowed))?;
                (step.tokens, step.done)
            }
            None => (vec![self.sampler.pick(&logits)], false),
        };
        Ok(self.write(tokens, done, vocabulary))
    }

    fn write(&mut self, tokens: Vec<u32>, done: bool, vocabulary: &Vocabulary) -> bool {
        self.sampler.wrote(&tokens);
        self.written += tokens.len();
        let ended = tokens.iter().any(|token| vocabulary.ends().contains(token));
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|token| vocabulary.bytes(*token))
            .copied()
            .collect();
        let (delta, stopped) = self.text.push(&bytes);
        self.send(delta);
        self.unread = tokens;
        let complete = done || ended || stopped;
        let full = self.written >= self.max_tokens;
        if complete || full {
            let whole = complete || self.constraint.as_mut().is_some_and(Constraint::is_complete);
            self.finish(if whole {
                FinishReason::Stop
            } else {
                FinishReason::Length
            });
        }
        complete || full
    }

    fn finish(&mut self, reason: FinishReason) {
        let rest = self.text.finish();
        self.send(rest);
        let _ = self.events.send(Event::Finished(reason, self.written));
    }

    fn send(&self, delta: String) {
        if !delta.is_empty() {
            let _ = self.events.send(Event::Delta(delta));
        }
    }
}
