//! Cancelling a job.

use super::change::Changed;
use super::end::ending_of;
use super::{Ending, Job, JobStatus, Jobs, Spent};
use crate::expression::Expression;
use crate::timestamp::instant_of;
use crate::{CallerId, StoreError};

const CANCEL: &str = "cancel a job";
/// Each one that is refused means that the job has moved on meanwhile, which it does not often.
const MAX_ATTEMPTS: usize = 5;

/// What became of a job that its caller does not want any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancelling {
    /// It has ended: nobody works on it.
    Cancelled(Box<Job>),
    /// Whoever works on it is asked to stop. It may still succeed before that is noticed.
    Asked(Box<Job>),
    /// It had ended before.
    Ended(Box<Job>),
    /// There is none of that id, or it is another caller's.
    Unknown,
}

impl Jobs {
    /// Cancels a caller's job: at once if nobody works on it, else by asking whoever does.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. It may still be cancelled.
    pub async fn cancel(&self, caller: &CallerId, id: &str, now_ms: u64) -> Result<Cancelling, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(job) = self.get(caller, id).await?.map(Box::new) else {
                return Ok(Cancelling::Unknown);
            };
            if job.status.is_ended() {
                return Ok(ended(job, now_ms));
            }
            let is_held = job.is_held(now_ms);
            if is_held && job.cancel_requested {
                return Ok(Cancelling::Asked(job));
            }
            let cancelling = cancelling(&job, is_held, now_ms)?;
            if let Changed::Done(Some(now)) = self.change(id, cancelling, CANCEL).await? {
                return Ok(match is_held {
                    false => Cancelling::Cancelled(now),
                    true => Cancelling::Asked(now),
                });
            }
        }
        Err(StoreError::Contended { operation: CANCEL })
    }
}

/// The update that cancels a job that has not ended, on condition that it is as it was read.
fn cancelling(job: &Job, is_held: bool, now_ms: u64) -> Result<Expression, StoreError> {
    let mut change = match is_held {
        false => ending_of(&Ending {
            status: JobStatus::Cancelled,
            now_ms,
            result: None,
            error: None,
            spent: Spent::default(),
            has_callback: job.callback_url.is_some(),
        })?,
        true => asking(),
    };
    change.require_status(job.status);
    if !is_held {
        change.require_lock_as_in(job);
    }
    let (name, caller) = (change.name("caller"), change.text("caller", job.caller.as_str()));
    change.require(format!("{name} = {caller}"));
    Ok(change)
}

/// If its worker dies before it notices, the sweeper ends the job, when it would have looked at it anyway.
fn asking() -> Expression {
    let mut change = Expression::default();
    let (name, yes) = (
        change.name("cancel_requested"),
        change.value("yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true)),
    );
    change.set(name, yes);
    change
}

/// Of this very moment it is this call's own doing: an attempt before, whose answer was lost on the way.
fn ended(job: Box<Job>, now_ms: u64) -> Cancelling {
    match job.status {
        JobStatus::Cancelled if job.finished_at == Some(instant_of(now_ms)) => Cancelling::Cancelled(job),
        _ => Cancelling::Ended(job),
    }
}
