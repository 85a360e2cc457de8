//! Telling somebody of a job's end: one try at a time, fenced by its number.

use super::change::{Changed, instant};
use super::{CALLBACK_DUE, CallbackStatus, DUE_AT, Job, Jobs, after};
use crate::StoreError;
use crate::expression::Expression;

const TAKE: &str = "take a callback";
const DELIVERED: &str = "write that a callback is delivered";
const FAILED: &str = "write that a callback failed";
const AGAIN: &str = "make a callback due again";

/// A try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedTry<'a> {
    /// When to try again, in milliseconds since 1970; `None` to give up.
    pub next_at_ms: Option<u64>,
    /// The HTTP status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// Why it failed, in words for the caller.
    pub error: &'a str,
}

impl Jobs {
    /// Takes a callback that is due, to send it; the job's `callback_attempt` is the number of this try. `None` if it is not due, or
    /// another one has taken it. If nothing is heard of the try until `due_at_ms`, the sweeper looks at it.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. It may still be taken.
    pub async fn take_callback(
        &self,
        id: &str,
        now_ms: u64,
        due_at_ms: u64,
    ) -> Result<Option<Job>, StoreError> {
        let mut taking = Expression::default();
        taking.require_callback(CallbackStatus::Due);
        taking.set_text("callback_status", CallbackStatus::Sending.as_str());
        taking.set_text("callback_at", &instant(now_ms, TAKE)?);
        let (attempt, one) = (taking.name("callback_attempt"), taking.number("one", 1));
        taking.set(&attempt, format!("{attempt} + {one}"));
        taking.look_at(due_at_ms);
        match self.change(id, taking, TAKE).await? {
            Changed::Done(job) => Ok(job.map(|job| *job)),
            Changed::Refused(_) => Ok(None),
        }
    }

    /// Writes that this try was answered as it should be. `false` if it is not the last one any more.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. Then it is tried again.
    pub async fn callback_delivered(
        &self,
        id: &str,
        attempt: u32,
        http_status: u16,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let mut delivered = tried(attempt, CallbackStatus::Delivered);
        delivered.set_text("callback_at", &instant(now_ms, DELIVERED)?);
        delivered.set_number("callback_http_status", http_status);
        delivered.forget(&["callback_error", "callback_next_at"]);
        delivered.look_no_more();
        self.change_if(id, delivered, DELIVERED).await
    }

    /// Writes that this try failed, and when the next one is. `false` if it is not the last one any more.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. Then it is tried again.
    pub async fn callback_failed(
        &self,
        id: &str,
        attempt: u32,
        failed: &FailedTry<'_>,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let status = match failed.next_at_ms {
            Some(_) => CallbackStatus::Retrying,
            None => CallbackStatus::Failed,
        };
        let mut change = tried(attempt, status);
        change.set_text("callback_at", &instant(now_ms, FAILED)?);
        change.set_text("callback_error", failed.error);
        match failed.http_status {
            Some(status) => change.set_number("callback_http_status", status),
            None => change.forget(&["callback_http_status"]),
        }
        match failed.next_at_ms {
            Some(next_at) => {
                change.set_number("callback_next_at", next_at);
                change.look_at(next_at);
            }
            None => {
                change.forget(&["callback_next_at"]);
                change.look_no_more();
            }
        }
        self.change_if(id, change, FAILED).await
    }

    /// Makes a callback due whose next try has come, or of whose last one nothing has been heard: the stream then starts a sender. `false`
    /// if it is not that time.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job is then as due as before.
    pub async fn callback_again(&self, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let mut change = Expression::default();
        let is =
            |change: &mut Expression, status: CallbackStatus| change.is("callback_status", status.as_str());
        let [retrying, sending, due] = [
            CallbackStatus::Retrying,
            CallbackStatus::Sending,
            CallbackStatus::Due,
        ]
        .map(|status| is(&mut change, status));
        let (next_at, due_at) = (change.name("callback_next_at"), change.name(DUE_AT));
        let now = change.number("now", now_ms);
        change.require(format!(
            "(({retrying} AND {next_at} <= {now}) OR (({sending} OR {due}) AND {due_at} <= {now}))"
        ));
        change.set_text("callback_status", CallbackStatus::Due.as_str());
        // A write that changes nothing makes no record in the stream; this time changes.
        change.look_at(after(now_ms, CALLBACK_DUE));
        self.change_if(id, change, AGAIN).await
    }
}

/// What a try comes to, if it is still the last one.
fn tried(attempt: u32, status: CallbackStatus) -> Expression {
    let mut change = Expression::default();
    change.require_callback(CallbackStatus::Sending);
    let (name, number) = (
        change.name("callback_attempt"),
        change.number("callback_attempt", attempt),
    );
    change.require(format!("{name} = {number}"));
    change.set_text("callback_status", status.as_str());
    change
}
