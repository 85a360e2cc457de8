//! Taking a message to answer it, and keeping it.

use aws_sdk_dynamodb::types::AttributeValue;

use super::message::{Key, Message, MessageStatus, read};
use super::{Conversations, DUE_AFTER_MS, LATER};
use crate::StoreError;
use crate::due::{DUE_AT, DUE_SHARD};
use crate::expression::Expression;
use crate::update::Updated;

const TAKE: &str = "take a message";
const RENEW: &str = "renew the lease of a message";
const LOOK: &str = "look at a message";
const CANCEL: &str = "cancel an answer";
/// The attribute of a message whose answer is to stop.
const CANCEL_REQUESTED: &str = "cancel_requested";

/// Who takes a message, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Take<'a> {
    /// An id that no other taking has.
    pub lock: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// How long it is held without being renewed, in milliseconds.
    pub lease_ms: u64,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// It is to be answered, under the lock.
    Taken(Box<Message>),
    /// Somebody else answers it.
    Held {
        /// Until then at least, in milliseconds since 1970.
        until_ms: u64,
        /// With this lock.
        lock: String,
    },
    /// Somebody was answering it, and has not been heard of. To be given up.
    Lost(Box<Message>),
    /// It has ended, or is gone.
    Over,
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It is longer.
    Renewed {
        /// Whether the answer is to stop.
        cancel_requested: bool,
    },
    /// The message is not held with this lock any more.
    Lost,
}

impl Conversations {
    /// Takes a message that nobody has answered. At most one of those who try at once gets it.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. It may be taken all the same, with this lock.
    pub async fn take(&self, key: &Key, take: &Take<'_>) -> Result<Taking, StoreError> {
        let mut taking = Expression::default();
        let queued = taking.is("status", MessageStatus::Queued.as_str());
        taking.require(queued);
        taking.set_text("status", MessageStatus::Running.as_str());
        taking.set_text("lock", take.lock);
        taking.set_number("lease_until", take.now_ms + take.lease_ms);
        taking.set_text(DUE_SHARD, &LATER.shard_of(&key.sort));
        taking.set_number(DUE_AT, take.now_ms + DUE_AFTER_MS);
        match self.update(&key.id, &key.sort, taking, TAKE).await? {
            Updated::Done(Some(item)) => Ok(Taking::Taken(Box::new(read(item)?))),
            Updated::Done(None) | Updated::Refused(None) => Ok(Taking::Over),
            Updated::Refused(Some(item)) => Ok(judge(read(item)?, take)),
        }
    }

    /// Makes a lease last this long from now on.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The lease goes on until it ends.
    pub async fn renew(&self, key: &Key, take: &Take<'_>) -> Result<Renewal, StoreError> {
        let mut renewing = Expression::default();
        renewing.require_holder(take.lock);
        renewing.set_number("lease_until", take.now_ms + take.lease_ms);
        match self.update(&key.id, &key.sort, renewing, RENEW).await? {
            Updated::Done(item) => Ok(Renewal::Renewed {
                cancel_requested: item
                    .map(read)
                    .transpose()?
                    .is_some_and(|message| message.cancel_requested),
            }),
            Updated::Refused(_) => Ok(Renewal::Lost),
        }
    }

    /// Somebody looks at a message again later: whoever answers it lives, or nobody has come to it. The latter starts a worker anew, since the write
    /// is in the table's stream; and it stays due, for workers that look for messages that wait.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn look_later(&self, message: &Message, now_ms: u64) -> Result<(), StoreError> {
        let mut looking = Expression::default();
        let is_as_it_was = looking.is("status", message.status.as_str());
        looking.require(is_as_it_was);
        match message.status {
            MessageStatus::Queued => looking.set_number("looked_at", now_ms),
            _ => looking.set_number(DUE_AT, now_ms + DUE_AFTER_MS),
        }
        self.update(&message.id, &message.sort, looking, LOOK)
            .await
            .map(|_| ())
    }

    /// Whether somebody has asked for an answer to stop, as far as is known by now.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn is_cancelled(&self, key: &Key) -> Result<bool, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get
            .set_key(Some(super::key(&key.id, &key.sort)))
            .projection_expression(CANCEL_REQUESTED)
            .send()
            .await;
        let item = got.map_err(|error| StoreError::call(LOOK, error))?.item;
        let is_requested = item.and_then(|mut item| item.remove(CANCEL_REQUESTED));
        Ok(is_requested == Some(AttributeValue::Bool(true)))
    }

    /// Asks whoever answers a message, or will, to stop. `false` if it has ended.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn cancel(&self, key: &Key) -> Result<bool, StoreError> {
        let mut cancelling = Expression::default();
        let queued = cancelling.is("status", MessageStatus::Queued.as_str());
        let running = cancelling.is("status", MessageStatus::Running.as_str());
        cancelling.require(format!("({queued} OR {running})"));
        let (name, yes) = (
            cancelling.name(CANCEL_REQUESTED),
            cancelling.value("yes", AttributeValue::Bool(true)),
        );
        cancelling.set(name, yes);
        let updated = self.update(&key.id, &key.sort, cancelling, CANCEL).await?;
        Ok(matches!(updated, Updated::Done(_)))
    }
}

impl Expression {
    /// Only the message that is answered with this lock.
    pub(super) fn require_holder(&mut self, lock: &str) {
        let (name, value) = (self.name("lock"), self.text("lock", lock));
        self.require(format!("{name} = {value}"));
        let running = self.is("status", MessageStatus::Running.as_str());
        self.require(running);
    }
}

/// Why a message could not be taken.
fn judge(message: Message, take: &Take<'_>) -> Taking {
    if message.status.is_ended() {
        return Taking::Over;
    }
    // An attempt before took it, and its answer was lost on the way.
    if message.lock.as_deref() == Some(take.lock) {
        return Taking::Taken(Box::new(message));
    }
    match message.lease_until {
        Some(until_ms) if until_ms > take.now_ms => Taking::Held {
            until_ms,
            lock: message.lock.unwrap_or_default(),
        },
        _ => Taking::Lost(Box::new(message)),
    }
}
