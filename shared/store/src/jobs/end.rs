//! How a job ends, or an attempt at it.

use std::time::Duration;

use serde_json::Value;

use super::change::{Changed, instant};
use super::{CALLBACK_DUE, CallbackStatus, Job, JobStatus, Jobs, Spent, after};
use crate::StoreError;
use crate::expression::Expression;
use crate::item::to_attribute;
use crate::timestamp::instant_of;

const FINISH: &str = "finish a job";
const RELEASE: &str = "release a job";
const POSTPONE: &str = "postpone a job";
const REQUEUE: &str = "put a job back into the queue";

/// The end of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub status: JobStatus,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// What came of it, as JSON text, [`super::MAX_RESULT_BYTES`] at most.
    pub result: Option<String>,
    /// Why it failed. `None` also takes away what an attempt before left.
    pub error: Option<Value>,
    /// What the last attempt took.
    pub spent: Spent,
    /// Whether the job has a `callback_url`, which becomes due.
    pub has_callback: bool,
}

impl Jobs {
    /// Ends a job that is held with this lock. `false` if it is not any more: then nothing is changed, and whoever holds it now ends it.
    /// Written twice, the same end is one.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job may still have ended.
    pub async fn finish(&self, id: &str, lock: &str, ending: &Ending) -> Result<bool, StoreError> {
        let mut finishing = ending_of(ending)?;
        finishing.require_lock(lock);
        self.end(id, finishing, ending).await
    }

    /// Ends a job that nobody works on: its attempts are used up, or its caller does not want it any more. `false` if somebody does, or
    /// it has ended.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job may still have ended.
    pub async fn finish_free(&self, id: &str, ending: &Ending) -> Result<bool, StoreError> {
        let mut finishing = ending_of(ending)?;
        finishing.require_free(ending.now_ms);
        self.end(id, finishing, ending).await
    }

    async fn end(&self, id: &str, finishing: Expression, ending: &Ending) -> Result<bool, StoreError> {
        Ok(match self.change(id, finishing, FINISH).await? {
            Changed::Done(_) => true,
            // An attempt before did it, and its answer was lost on the way.
            Changed::Refused(Some(job)) => job.has_ended_so(ending),
            Changed::Refused(None) => false,
        })
    }

    /// Gives a job back after a failed attempt: nobody takes it before `until_ms`, in milliseconds since 1970, and then the sweeper puts
    /// it into the queue. `false` if it is not held with this lock any more. It stays `running`: putting it into the queue would
    /// start a worker at once.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job is then free when its lease ends.
    pub async fn release(
        &self,
        id: &str,
        lock: &str,
        spent: &Spent,
        error: Option<Value>,
        until_ms: u64,
    ) -> Result<bool, StoreError> {
        let mut releasing = Expression::default();
        releasing.require_lock(lock);
        releasing.forget(&["lock"]);
        releasing.set_number("lease_until", until_ms);
        releasing.add(spent);
        if let Some(error) = error {
            releasing.set_value("error", error);
        }
        releasing.look_at(until_ms);
        self.change_if(id, releasing, RELEASE).await
    }

    /// Gives a job back that could not be begun, as if it had not been taken: nobody takes it before `until_ms`, in milliseconds since
    /// 1970, and then the sweeper puts it into the queue. `false` if it is not held with this lock any more.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job is then free when its lease ends.
    pub async fn postpone(&self, id: &str, lock: &str, until_ms: u64) -> Result<bool, StoreError> {
        let mut postponing = Expression::default();
        postponing.require_lock(lock);
        postponing.forget(&["lock"]);
        postponing.set_number("lease_until", until_ms);
        let (attempt, one) = (postponing.name("attempt"), postponing.number("one", 1));
        postponing.set(&attempt, format!("{attempt} - {one}"));
        postponing.look_at(until_ms);
        self.change_if(id, postponing, POSTPONE).await
    }

    /// Puts a job that nobody works on into the queue, also when it is there already: the stream then starts a worker. The sweeper looks at
    /// it again after `due_in`. `false` if somebody works on it, or it has ended.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job is then as due as before.
    pub async fn requeue(&self, id: &str, now_ms: u64, due_in: Duration) -> Result<bool, StoreError> {
        let mut queueing = Expression::default();
        queueing.require_free(now_ms);
        queueing.set_text("status", JobStatus::Queued.as_str());
        queueing.forget(&["lock", "lease_until"]);
        // A write that changes nothing makes no record in the stream; this time changes.
        queueing.look_at(after(now_ms, due_in));
        self.change_if(id, queueing, REQUEUE).await
    }
}

/// The update that ends a job, without the condition.
pub(super) fn ending_of(ending: &Ending) -> Result<Expression, StoreError> {
    let mut change = Expression::default();
    change.set_text("status", ending.status.as_str());
    change.set_text("finished_at", &instant(ending.now_ms, FINISH)?);
    if let Some(result) = &ending.result {
        change.set_text("result", result);
    }
    match &ending.error {
        Some(error) => change.set_value("error", error.clone()),
        None => change.forget(&["error"]),
    }
    change.add(&ending.spent);
    change.forget(&["lock", "lease_until", "cancel_requested"]);
    if ending.has_callback {
        change.set_text("callback_status", CallbackStatus::Due.as_str());
        change.set_number("callback_next_at", ending.now_ms);
        change.look_at(after(ending.now_ms, CALLBACK_DUE));
    } else {
        change.look_no_more();
    }
    Ok(change)
}

impl Expression {
    fn set_value(&mut self, attribute: &str, value: Value) {
        let (name, value) = (self.name(attribute), self.value(attribute, to_attribute(value)));
        self.set(name, value);
    }
}

impl Job {
    fn has_ended_so(&self, ending: &Ending) -> bool {
        self.status == ending.status
            && self.finished_at == Some(instant_of(ending.now_ms))
            && self.result == ending.result
            && self.error == ending.error
    }
}
