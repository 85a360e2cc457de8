//! What changes of jobs have in common: they are conditional, and written of the same few parts.

use aws_sdk_dynamodb::types::ReturnValue;

use super::item::read_job;
use super::{CallbackStatus, DUE_AT, DUE_SHARD, Job, JobStatus, Jobs, Spent, TABLE};
use crate::StoreError;
use crate::expression::Expression;
use crate::timestamp::{format_instant, instant_of};
use crate::update::{Target, Updated};

/// What became of a change.
#[derive(Debug)]
pub(super) enum Changed {
    /// Done: the job as it is now, unless it is gone by now.
    Done(Option<Box<Job>>),
    /// The condition does not hold: the job as it is, if there is one.
    Refused(Option<Box<Job>>),
}

impl Jobs {
    pub(super) async fn change(
        &self,
        id: &str,
        change: Expression,
        operation: &'static str,
    ) -> Result<Changed, StoreError> {
        let target = Target::new(&self.client, &self.table, &TABLE, id);
        match target.update(change, ReturnValue::AllNew, operation).await? {
            Updated::Done(item) => Ok(Changed::Done(read_job(item, operation)?)),
            Updated::Refused(item) => Ok(Changed::Refused(read_job(item, operation)?)),
        }
    }

    /// Whether the condition held.
    pub(super) async fn change_if(
        &self,
        id: &str,
        change: Expression,
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let changed = self.change(id, change, operation).await?;
        Ok(matches!(changed, Changed::Done(_)))
    }
}

/// A time as the attributes for people have it.
pub(super) fn instant(ms: u64, operation: &'static str) -> Result<String, StoreError> {
    format_instant(instant_of(ms)).map_err(|error| StoreError::item(operation, error))
}

impl Expression {
    /// Adds what an attempt took to the totals, which every job has from its creation on.
    pub(super) fn add(&mut self, spent: &Spent) {
        for (attribute, amount) in [
            ("input_tokens", spent.input_tokens),
            ("output_tokens", spent.output_tokens),
            ("cost_tokens", spent.cost_tokens),
            ("cost_compute", spent.cost_compute),
        ] {
            let (name, amount) = (self.name(attribute), self.number(attribute, amount));
            self.set(&name, format!("{name} + {amount}"));
        }
    }

    /// Somebody has to look at the job at this time. It is in the index already: only what has ended leaves it.
    pub(super) fn look_at(&mut self, due_at_ms: u64) {
        self.set_number(DUE_AT, due_at_ms);
    }

    pub(super) fn look_no_more(&mut self) {
        self.forget(&[DUE_SHARD, DUE_AT]);
    }

    /// Only a job in this status.
    pub(super) fn require_status(&mut self, status: JobStatus) {
        let is = self.is("status", status.as_str());
        self.require(is);
    }

    /// Only a callback in this status.
    pub(super) fn require_callback(&mut self, status: CallbackStatus) {
        let is = self.is("callback_status", status.as_str());
        self.require(is);
    }

    /// Only the job that is worked on with this lock.
    pub(super) fn require_lock(&mut self, lock: &str) {
        let (name, value) = (self.name("lock"), self.text("lock", lock));
        self.require(format!("{name} = {value}"));
        self.require_status(JobStatus::Running);
    }

    /// Only a job whose lock and lease are still these.
    pub(super) fn require_lock_as_in(&mut self, job: &Job) {
        let lock = self.name("lock");
        if let (Some(held), Some(until)) = (&job.lock, job.lease_until) {
            let lease_until = self.name("lease_until");
            let (held, until) = (self.text("held", held), self.number("held_until", until));
            self.require(format!("{lock} = {held} AND {lease_until} = {until}"));
        } else {
            self.require(format!("attribute_not_exists({lock})"));
        }
    }

    /// Only a job that nobody works on, and that has not ended.
    pub(super) fn require_free(&mut self, now_ms: u64) {
        let queued = self.is("status", JobStatus::Queued.as_str());
        let running = self.is("status", JobStatus::Running.as_str());
        let (lease_until, now) = (self.name("lease_until"), self.number("now", now_ms));
        self.require(format!("({queued} OR ({running} AND {lease_until} <= {now}))"));
    }
}

impl Job {
    /// How long ago it was created, in milliseconds.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        let age = instant_of(now_ms) - self.created_at;
        u64::try_from(age.whole_milliseconds()).unwrap_or(0)
    }

    /// Whether somebody works on it, as far as can be known: it has a lock whose lease has not ended.
    #[must_use]
    pub fn is_held(&self, now_ms: u64) -> bool {
        let is_leased = self.lease_until.is_some_and(|until| until > now_ms);
        self.status == JobStatus::Running && self.lock.is_some() && is_leased
    }

    /// Whether nobody works on it, and it has not ended.
    pub(super) fn is_free(&self, now_ms: u64) -> bool {
        match self.status {
            JobStatus::Queued => true,
            JobStatus::Running => self.lease_until.is_some_and(|until| until <= now_ms),
            _ => false,
        }
    }
}
