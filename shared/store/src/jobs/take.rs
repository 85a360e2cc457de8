//! Taking a job to work on it, and keeping it.

use super::change::{Changed, instant};
use super::{Job, JobStatus, Jobs};
use crate::StoreError;
use crate::expression::Expression;

const TAKE: &str = "take a job";
const RENEW: &str = "renew the lease of a job";

/// Who takes a job, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Take<'a> {
    /// An id that no other taking has.
    pub lock: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// How long the job is held without being renewed, in milliseconds.
    pub lease_ms: u64,
    /// When the sweeper is to look at it, in milliseconds since 1970.
    pub due_at_ms: u64,
    /// How often a job may be taken.
    pub max_attempts: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Taking {
    /// It is to be worked on, under the lock.
    Taken(Box<Job>),
    /// Somebody else works on it.
    Held {
        /// Until then, in milliseconds since 1970, unless the lease is renewed.
        until_ms: u64,
        /// With this lock.
        lock: String,
    },
    /// Nobody works on it, and it has been tried as often as it may. To be ended.
    UsedUp(Box<Job>),
    /// Nobody works on it, and its caller does not want it any more. To be ended.
    CancelRequested(Box<Job>),
    /// It has ended.
    Ended(Box<Job>),
    /// It is gone.
    Gone,
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It is longer.
    Renewed {
        /// Whether the work is to stop.
        cancel_requested: bool,
    },
    /// The job is not held with this lock any more.
    Lost,
}

impl Jobs {
    /// Takes a job that nobody works on, if it may be tried once more. At most one of those who try at once gets it.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. It may still be taken, with this lock.
    pub async fn take(&self, id: &str, take: &Take<'_>) -> Result<Taking, StoreError> {
        match self.change(id, taking(take)?, TAKE).await? {
            Changed::Done(Some(job)) => Ok(Taking::Taken(job)),
            Changed::Done(None) | Changed::Refused(None) => Ok(Taking::Gone),
            Changed::Refused(Some(job)) => Ok(judge(job, take)),
        }
    }

    /// Makes a lease last this long from now on.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The lease goes on until it ends.
    pub async fn renew(
        &self,
        id: &str,
        lock: &str,
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Renewal, StoreError> {
        let mut renewing = Expression::default();
        renewing.set_number("lease_until", now_ms.saturating_add(lease_ms));
        renewing.require_lock(lock);
        match self.change(id, renewing, RENEW).await? {
            Changed::Done(job) => Ok(Renewal::Renewed {
                cancel_requested: job.is_some_and(|job| job.cancel_requested),
            }),
            Changed::Refused(_) => Ok(Renewal::Lost),
        }
    }
}

fn taking(take: &Take<'_>) -> Result<Expression, StoreError> {
    let mut taking = Expression::default();
    taking.require_free(take.now_ms);
    let (attempt, cancel_requested) = (taking.name("attempt"), taking.name("cancel_requested"));
    let most = taking.number("most", take.max_attempts);
    taking.require(format!("{attempt} < {most}"));
    taking.require(format!("attribute_not_exists({cancel_requested})"));

    taking.set_text("status", JobStatus::Running.as_str());
    taking.set_text("lock", take.lock);
    taking.set_number("lease_until", take.lease_until());
    let one = taking.number("one", 1);
    taking.set(&attempt, format!("{attempt} + {one}"));
    let (started_at, now) = (
        taking.name("started_at"),
        taking.text("started_at", &instant(take.now_ms, TAKE)?),
    );
    taking.set(&started_at, format!("if_not_exists({started_at}, {now})"));
    taking.look_at(take.due_at_ms);
    Ok(taking)
}

/// Why a job could not be taken.
fn judge(job: Box<Job>, take: &Take<'_>) -> Taking {
    if job.status.is_ended() {
        return Taking::Ended(job);
    }
    let lock = job.lock.clone().unwrap_or_default();
    if !job.is_free(take.now_ms) {
        // An attempt before took it, and its answer was lost on the way.
        if lock == take.lock && job.lease_until == Some(take.lease_until()) {
            return Taking::Taken(job);
        }
        let until_ms = job.lease_until.unwrap_or(take.now_ms);
        return Taking::Held { until_ms, lock };
    }
    match job.cancel_requested {
        true => Taking::CancelRequested(job),
        false => Taking::UsedUp(job),
    }
}

impl Take<'_> {
    fn lease_until(&self) -> u64 {
        self.now_ms.saturating_add(self.lease_ms)
    }
}
