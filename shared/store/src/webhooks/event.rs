//! An event: received once, and ended once.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use super::{KEPT_DAYS, TABLE, Webhooks};
use crate::StoreError;
use crate::expression::Expression;
use crate::item::{Item, from_item, to_item};
use crate::put::put_if;
use crate::timestamp::{instant_of, instant_text};
use crate::update::Target;

const KEEP: &str = "keep an event";
const READ: &str = "read an event";
const END: &str = "end an event";
const COUNT: &str = "count a failed attempt at an event";

/// After this time nothing hands out an event's record any more that was tried in vain, in ms: six attempts, within some minutes.
const GIVEN_UP_MS: u64 = 60 * 60 * 1000;

/// An event that was received and verified.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// Who sent it.
    pub source: &'a str,
    /// Its id, which the source gives to no other.
    pub event_id: &'a str,
    /// What has happened, if it says so.
    pub kind: Option<&'a str>,
    /// Its body, as it was sent.
    pub payload: &'a str,
    /// The request that brought it.
    pub request_id: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// An event as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Source and id, `stripe#evt_1`.
    pub id: String,
    /// Who sent it.
    pub source: String,
    /// What has happened, if it says so.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How far it has come.
    pub status: EventStatus,
    /// Why it is ignored, or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Attempts that failed.
    pub attempts: u32,
    /// Its body, as it was sent.
    pub payload: String,
    /// The request that brought it.
    pub request_id: String,
    /// RFC 3339.
    pub received_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Seconds since 1970.
    expires_at: u64,
}

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// It is to be handled.
    Received,
    /// It has had its effect.
    Handled,
    /// It has none here.
    Ignored,
    /// It could not be handled.
    Failed,
}

impl EventStatus {
    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Handled => "handled",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
        }
    }
}

/// What became of an event that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is new, or had failed, or was given up.
    New,
    /// It came before.
    Duplicate,
}

impl Webhooks {
    /// Keeps an event, to be handled; unless it is there and has not failed. One write. One that was received an hour ago or before and has not ended is
    /// kept anew too: the stream has given it up without anybody having been able to say so, and putting it starts the worker again. It is
    /// still handled once, since only one that is received can end.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. It may be kept all the same: sent again, it is a duplicate.
    pub async fn keep(&self, new: &NewEvent<'_>) -> Result<Kept, StoreError> {
        let event = Event {
            id: Self::id(new.source, new.event_id),
            source: new.source.to_owned(),
            kind: new.kind.map(str::to_owned),
            status: EventStatus::Received,
            reason: None,
            attempts: 0,
            payload: new.payload.to_owned(),
            request_id: new.request_id.to_owned(),
            received_at: instant_text(instant_of(new.now_ms)),
            ended_at: None,
            expires_at: new.now_ms / 1000 + KEPT_DAYS * 24 * 60 * 60,
        };
        let mut condition = Expression::default();
        let id = condition.name(TABLE.key.partition.name);
        let has_failed = condition.is("status", EventStatus::Failed.as_str());
        let is_received = condition.is("status", EventStatus::Received.as_str());
        let given_up = instant_text(instant_of(new.now_ms.saturating_sub(GIVEN_UP_MS)));
        let (received_at, given_up) = (
            condition.name("received_at"),
            condition.text("given_up", &given_up),
        );
        condition.require(format!(
            "attribute_not_exists({id}) OR {has_failed} OR ({is_received} AND {received_at} < {given_up})"
        ));
        let item = to_item(&event).map_err(|error| StoreError::item(KEEP, error))?;
        Ok(
            match put_if(&self.client, &self.table, item, condition, KEEP).await? {
                true => Kept::New,
                false => Kept::Duplicate,
            },
        )
    }

    /// The key of an event.
    #[must_use]
    pub fn id(source: &str, event_id: &str) -> String {
        format!("{source}#{event_id}")
    }

    /// The event with this key, as it is now.
    ///
    /// # Errors
    /// The database does not answer, or refuses, or holds something else.
    pub async fn find(&self, id: &str) -> Result<Option<Event>, StoreError> {
        let item = self.read(id, READ).await?;
        item.map(|item| from_item(item).map_err(|error| StoreError::item(READ, error)))
            .transpose()
    }

    /// Ends an event that has no effect, if it is still to be handled.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn end(
        &self,
        id: &str,
        status: EventStatus,
        reason: Option<&str>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let ending = ending(status, reason, now_ms);
        self.target(id).update(ending, ReturnValue::None, END).await?;
        Ok(())
    }

    /// Counts an attempt that failed; the last of them, `most`, ends the event as failed.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn attempt_failed(
        &self,
        event: &Event,
        reason: &str,
        most: u32,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let attempts = event.attempts + 1;
        let status = if attempts < most {
            EventStatus::Received
        } else {
            EventStatus::Failed
        };
        let mut counting = ending(status, Some(reason), now_ms);
        counting.set_number("attempts", attempts);
        self.target(&event.id)
            .update(counting, ReturnValue::None, COUNT)
            .await?;
        Ok(())
    }

    /// The item with this key as it is now.
    pub(super) async fn read(&self, id: &str, operation: &'static str) -> Result<Option<Item>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        let read = read.map_err(|error| StoreError::call(operation, error))?;
        Ok(read.item)
    }

    fn target<'a>(&'a self, id: &'a str) -> Target<'a> {
        Target::new(&self.client, &self.table, &TABLE, id)
    }
}

/// What ends an event, if it is still to be handled.
pub(super) fn ending(status: EventStatus, reason: Option<&str>, now_ms: u64) -> Expression {
    let mut ending = Expression::default();
    let is_received = ending.is("status", EventStatus::Received.as_str());
    ending.require(is_received);
    ending.set_text("status", status.as_str());
    match reason {
        Some(reason) => ending.set_text("reason", reason),
        None => ending.forget(&["reason"]),
    }
    if status != EventStatus::Received {
        ending.set_text("ended_at", &instant_text(instant_of(now_ms)));
    }
    ending
}

impl std::fmt::Debug for Event {
    /// Without its body.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("type", &self.kind)
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
