//! When to repeat a call that failed before its first token.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The repetitions that one request may still use, over all its attempts and repairs.
#[derive(Debug)]
pub(crate) struct Retries {
    left: u32,
    pause: Duration,
}

impl Retries {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            left: max,
            pause: FIRST_PAUSE,
        }
    }

    /// How long to wait before repeating, or `None` if this failure stands: it is not worth repeating, the repetitions are
    /// used up, or the wait would outlast the deadline.
    pub(crate) fn after(&mut self, failure: &Failure, deadline: Instant) -> Option<Duration> {
        if !failure.retryable || self.left == 0 {
            return None;
        }
        let pause = failure.retry_after.unwrap_or_else(|| with_jitter(self.pause));
        let left = deadline.saturating_duration_since(Instant::now());
        if pause >= left {
            return None;
        }
        self.left -= 1;
        self.pause *= 2;
        Some(pause)
    }
}

/// Between half and the whole of it, so that clients which failed together do not return together.
fn with_jitter(pause: Duration) -> Duration {
    // std's hash keys are random per process and differ per call: enough chance for this, and no dependency.
    let random = RandomState::new().hash_one(0_u8) % 1000;
    pause / 2 + pause.mul_f64(random as f64 / 2000.0)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
