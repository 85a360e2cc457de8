//! One call to the provider, read event by event, no wait unbounded.

use std::time::Duration;

use futures::StreamExt;
use genai::chat::{ChatStream, ChatStreamEvent, StopReason, StreamEnd};
use lambent_schema::{Spending, Usage, stream::FinishReason};
use tokio::time::{Instant, timeout_at};

use crate::error::{ModelError, ModelErrorKind, TimeoutPhase, UpstreamFault};
use crate::failure::{Failure, classify};
use crate::meter::Meter;
use crate::stream::Chunk;

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It reached the most tokens allowed: the answer is cut.
    Length,
    /// A filter of the provider's ended it, or the model refused.
    Filtered,
    /// Anything else: a word of the provider's own.
    Other,
}

impl From<Finish> for FinishReason {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Stop => Self::Stop,
            Finish::Length => Self::Length,
            Finish::Filtered | Finish::Other => Self::Other,
        }
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) first_token_by: Instant,
    pub(crate) between_tokens: Duration,
    pub(crate) deadline: Instant,
}

impl Waits {
    /// When a wait that ends at `by` is over, and what it is called then: the request's deadline comes first if it is nearer.
    fn bounded(&self, by: Instant, phase: TimeoutPhase) -> (Instant, TimeoutPhase) {
        if self.deadline <= by {
            (self.deadline, TimeoutPhase::Deadline)
        } else {
            (by, phase)
        }
    }

    /// The bound for everything up to the first token.
    pub(crate) fn first(&self) -> (Instant, TimeoutPhase) {
        self.bounded(self.first_token_by, TimeoutPhase::FirstToken)
    }

    pub(crate) fn next(&self) -> (Instant, TimeoutPhase) {
        self.bounded(Instant::now() + self.between_tokens, TimeoutPhase::BetweenTokens)
    }
}

/// An answer under way. Dropping it closes the connection, which stops the provider.
pub(crate) struct Reader {
    stream: ChatStream,
    waits: Waits,
    meter: Meter,
    begun: bool,
    /// The request is on its way. Its provider may still refuse it.
    is_sent: bool,
    /// Its end is known: an answer, or an error.
    is_over: bool,
}

/// Whoever drops it before its end leaves a provider that reads, and asks for that.
impl Drop for Reader {
    fn drop(&mut self) {
        if self.is_sent && !self.is_over {
            self.meter.opened();
        }
    }
}

impl Reader {
    pub(crate) fn new(stream: ChatStream, waits: Waits, meter: Meter) -> Self {
        Self {
            stream,
            waits,
            meter,
            begun: false,
            is_sent: false,
            is_over: false,
        }
    }

    /// What this answer and those before it have cost.
    pub(crate) fn spending(&self) -> Spending {
        self.meter.spending()
    }

    /// The next piece of the answer, or its end. After the end or an error there is nothing more to ask for.
    pub(crate) async fn next(&mut self) -> Result<Chunk, Failure> {
        let next = self.read().await;
        match &next {
            Ok(Chunk::Delta(text)) => self.meter.piece(text),
            Ok(Chunk::End { usage, .. }) => {
                self.is_over = true;
                self.meter.counted(*usage);
            }
            Err(failure) => {
                self.is_over = true;
                // Silence and an end without one come from a provider that has taken the request; a refusal costs nothing.
                if matches!(
                    failure.error.kind,
                    ModelErrorKind::Timeout { .. } | ModelErrorKind::Truncated
                ) && self.is_sent
                {
                    self.meter.opened();
                }
                self.meter.counted(failure.error.usage);
            }
        }
        next
    }

    async fn read(&mut self) -> Result<Chunk, Failure> {
        let mut bound = if self.begun {
            self.waits.next()
        } else {
            self.waits.first()
        };
        loop {
            // A provider that always has something to say would never let the timer fire.
            if Instant::now() >= self.waits.deadline {
                return Err(timed_out(TimeoutPhase::Deadline));
            }
            let (by, phase) = bound;
            let event = timeout_at(by, self.stream.next())
                .await
                .map_err(|_| timed_out(phase))?;
            match event {
                None => return Err(Failure::last(ModelError::new(ModelErrorKind::Truncated))),
                Some(Err(error)) => return Err(classify(error)),
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    self.begun = true;
                    return Ok(Chunk::Delta(chunk.content));
                }
                Some(Ok(ChatStreamEvent::End(end))) => return ended(&end),
                Some(Ok(ChatStreamEvent::Start)) => self.is_sent = true,
                // Pings keep a connection alive; they say nothing about the model.
                Some(Ok(ChatStreamEvent::Heartbeat | ChatStreamEvent::Chunk(_))) => {}
                // Thinking is not part of the answer but it is a sign of life, and billed as output.
                Some(Ok(ChatStreamEvent::ReasoningChunk(thought))) => {
                    self.meter.piece(&thought.content);
                    self.begun = true;
                    bound = self.waits.next();
                }
                Some(Ok(ChatStreamEvent::ThoughtSignatureChunk(_) | ChatStreamEvent::ToolCallChunk(_))) => {
                    self.begun = true;
                    bound = self.waits.next();
                }
            }
        }
    }
}

pub(crate) fn timed_out(phase: TimeoutPhase) -> Failure {
    Failure::last(ModelError::new(ModelErrorKind::Timeout { phase }))
}

fn ended(end: &StreamEnd) -> Result<Chunk, Failure> {
    let usage = end.captured_usage.as_ref().map(|usage| Usage {
        input_tokens: count(usage.prompt_tokens),
        output_tokens: count(usage.completion_tokens),
    });
    let usage = usage.unwrap_or_default();
    let finish = match &end.captured_stop_reason {
        // For Gemini, Bedrock and OpenAI's Responses genai reports an end also when the connection just closed; what tells
        // the two apart is that a model which ended says why.
        None => {
            return Err(Failure::last(
                ModelError::new(ModelErrorKind::Truncated).spent(usage),
            ));
        }
        Some(StopReason::Other(reason)) if reason == "failed" || reason == "cancelled" => {
            return Err(Failure::last(
                ModelError::upstream(UpstreamFault::ErrorEvent).spent(usage),
            ));
        }
        Some(StopReason::Completed(_) | StopReason::StopSequence(_)) => Finish::Stop,
        Some(StopReason::MaxTokens(_)) => Finish::Length,
        Some(reason) if is_filter(reason) => Finish::Filtered,
        Some(_) => Finish::Other,
    };
    Ok(Chunk::End { usage, finish })
}

fn is_filter(reason: &StopReason) -> bool {
    match reason {
        StopReason::ContentFilter(_) => true,
        // Bedrock's words, which genai does not know.
        StopReason::Other(reason) => reason == "content_filtered" || reason == "guardrail_intervened",
        _ => false,
    }
}

fn count(tokens: Option<i32>) -> u64 {
    tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0)
}
