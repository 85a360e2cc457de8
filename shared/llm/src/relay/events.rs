//! The events of a stream that is passed on, no wait unbounded.

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::chunk::{Meaning, Rewriter};
use super::{RelayError, truncated};
use crate::error::{ModelError, TimeoutPhase, UpstreamFault};
use crate::failure::of_reqwest;
use crate::meter::Meter;
use crate::reader::{Waits, timed_out};

/// A longer line is no chunk.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// What is passed on next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One event or several.
    Events(Bytes),
    /// The last ones: the answer is complete.
    End(Bytes),
}

/// The events of an answer under way. Dropping it closes the connection, which stops the provider.
pub struct Frames {
    response: reqwest::Response,
    waits: Waits,
    meter: Meter,
    rewriter: Rewriter,
    /// What has come and is not a whole line yet.
    rest: Vec<u8>,
    /// What came before the first piece of the answer, and with it.
    held: Option<Frame>,
    begun: bool,
}

impl Frames {
    pub(super) fn new(response: reqwest::Response, waits: Waits, meter: Meter, rewriter: Rewriter) -> Self {
        Self {
            response,
            waits,
            meter,
            rewriter,
            rest: Vec::new(),
            held: None,
            begun: false,
        }
    }

    /// Waits for the first piece of the answer: who only says that it will speak may still fail.
    pub(super) async fn begin(&mut self) -> Result<(), RelayError> {
        let mut before = Vec::new();
        while !self.begun {
            match self.read().await? {
                Frame::Events(events) => before.extend_from_slice(&events),
                Frame::End(events) => {
                    before.extend_from_slice(&events);
                    self.held = Some(Frame::End(before.into()));
                    return Ok(());
                }
            }
        }
        self.held = Some(Frame::Events(before.into()));
        Ok(())
    }

    /// The next events: all that have come. After [`Frame::End`] or an error there is nothing more to ask for.
    ///
    /// # Errors
    /// The provider fell silent, broke off, or said that it failed.
    pub async fn next(&mut self) -> Result<Frame, RelayError> {
        match self.held.take() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<Frame, RelayError> {
        let (by, phase) = if self.begun {
            self.waits.next()
        } else {
            self.waits.first()
        };
        loop {
            // A provider that always has something to say would never let the timer fire.
            if Instant::now() >= self.waits.deadline {
                return Err(timed_out(TimeoutPhase::Deadline).error.into());
            }
            let read = timeout_at(by, self.response.chunk()).await;
            let read = read.map_err(|_elapsed| timed_out(phase).error)?;
            let Some(bytes) = read.map_err(|error| of_reqwest(error).error)? else {
                return Err(truncated());
            };
            if let Some(frame) = self.take(&bytes)? {
                return Ok(frame);
            }
        }
    }

    /// Passes on the whole lines that are here. `None` if nothing of them is an event to pass on.
    fn take(&mut self, bytes: &[u8]) -> Result<Option<Frame>, RelayError> {
        let buffered;
        let mut lines = if self.rest.is_empty() {
            bytes
        } else {
            self.rest.extend_from_slice(bytes);
            buffered = std::mem::take(&mut self.rest);
            &buffered
        };
        let mut out = Vec::with_capacity(lines.len() + 64);
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let (line, after) = lines.split_at(end);
            lines = after.get(1..).unwrap_or_default();
            // OpenAI's protocol has one line of data an event, and nothing else that means something.
            let Some(data) = line.strip_prefix(b"data:") else {
                continue;
            };
            let data = data.trim_ascii();
            if data == b"[DONE]" {
                self.rewriter.end(self.meter.spending().usage, &mut out);
                return Ok(Some(Frame::End(out.into())));
            }
            let malformed = || ModelError::upstream(UpstreamFault::Malformed);
            let data = std::str::from_utf8(data).map_err(|_| malformed())?;
            match self
                .rewriter
                .pass(data, &mut self.meter, &mut out)
                .map_err(|_| malformed())?
            {
                Meaning::Piece => self.begun = true,
                Meaning::Nothing => {}
                Meaning::Error => return Err(ModelError::upstream(UpstreamFault::ErrorEvent).into()),
            }
        }
        if lines.len() > MAX_LINE {
            return Err(ModelError::upstream(UpstreamFault::Malformed).into());
        }
        self.rest = lines.to_vec();
        Ok((!out.is_empty()).then(|| Frame::Events(out.into())))
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").finish_non_exhaustive()
    }
}
