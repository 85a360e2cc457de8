//! The table `conversations`: who is behind a socket, what was said over it, and the tickets that open one.
//!
//! # Keys
//! | | partition key | sort key |
//! |---|---|---|
//! | table | `id` | `sort` |
//! | index `by_due`, keys only | `due_shard` = `0` to `3` of messages that wait, `later-0` to `later-3` of all else | `due_at`, in ms since 1970 |
//!
//! There are three kinds of items:
//!
//! | `id` | `sort` | |
//! |---|---|---|
//! | `<caller> <conversation id>` | the message's id, a UUIDv7 | a [`Message`], and the answer to it once there is one |
//! | `connection#<connection id>` | `-` | a [`Connection`] |
//! | `ticket#<hash>` | `-` | a [`Session`] that may open a socket |
//!
//! A conversation is a partition: its messages in the order in which they were said. There is no item of its own. The caller is part of its key, so
//! that another caller's conversation is one that there is not.
//!
//! # States of a message
//! `queued` → `running` → `done` or `failed`. Putting one is one write, whose record in the table's stream starts a worker. That one takes it
//! ([`Conversations::take`]) by a lock with a lease, renews the lease every two seconds, which also tells it whether it is to stop, and
//! ends the message by a write that asks for the lock. A message is answered once: one whose lease has ended is not taken again but given up
//! ([`Conversations::give_up`]), since its client has read a part of the answer.
//!
//! # Cost
//! In write units, of which a million are $0.625, for messages and answers of up to 1 KB together; more for longer ones, KB by KB.
//!
//! | | table | `by_due` |
//! |---|---|---|
//! | put a message | 1 | 1 |
//! | take it | 1 | 2 |
//! | renew, every two seconds | 1 | |
//! | end it | 1 | 1 |
//! | open and close a socket | 2 | 2 |
//! | make and take a ticket | 2 | |
//!
//! An answer of 10 seconds is 12 units, $7.5 per million answers. Reading what was said before is a read unit for each 4 KB.
//!
//! # Expiry
//! DynamoDB deletes messages some time after `expires_at` (seconds since 1970), [`KEPT_DAYS`] days after they were said; sockets and tickets that
//! nobody has deleted, after a day.

mod connection;
mod end;
mod message;
mod take;
mod ticket;

pub use connection::{Connection, Session};
pub use end::{Answered, Ended};
pub use message::{Key as MessageKey, Message, MessageStatus, NewMessage, Said};
pub use take::{Renewal, Take, Taking};

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::Deserialize;

use crate::StoreError;
use crate::definition::{Attribute, Key, TableDefinition};
use crate::due::{self, Part};
use crate::expression::Expression;
use crate::item::Item;
use crate::update::{Target, Updated};

/// The table's keys, and its stream.
pub const TABLE: TableDefinition = TableDefinition {
    name: "conversations",
    key: Key {
        partition: Attribute::string(ID),
        sort: Some(Attribute::string(SORT)),
    },
    indexes: &[due::INDEX],
    vector: None,
    ttl_attribute: Some(EXPIRES_AT),
    stream: true,
};

/// How many days a message is kept.
pub const KEPT_DAYS: u64 = 30;

const ID: &str = "id";
const SORT: &str = "sort";
/// The sort key of items that are alone in their partition.
const ALONE: &str = "-";
const EXPIRES_AT: &str = "expires_at";
const DAY_SECS: u64 = 24 * 60 * 60;
/// How long after a message was taken somebody else looks whether its worker lives, in ms.
const DUE_AFTER_MS: u64 = 30_000;
/// Messages that wait: what workers look for, again and again, so that nothing else may stand before it.
const WAITING: Part = Part("");
/// Messages that are being answered, and sockets.
const LATER: Part = Part("later-");

/// What is said over sockets.
#[derive(Debug, Clone)]
pub struct Conversations {
    client: Client,
    table: String,
}

/// What somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A message that waits, or whose worker may have died.
    Message(MessageKey),
    /// A socket that may be near its end: the connection's id.
    Connection(String),
}

/// An item of the index, in the order of time.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct DueItem {
    due_at: u64,
    id: String,
    sort: String,
}

impl Conversations {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What is due at this time, in ms since 1970, `limit` at most, what has been due for longest first.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        const OPERATION: &str = "find what is due of conversations";
        let due = self.due_of(&[WAITING, LATER], now_ms, limit, OPERATION).await?;
        let due = due.into_iter().map(|item| match connection::of_id(&item.id) {
            Some(connection) => Due::Connection(connection.to_owned()),
            None => Due::Message(MessageKey {
                id: item.id,
                sort: item.sort,
            }),
        });
        Ok(due.collect())
    }

    /// Messages that have waited for a worker for a while at this time, in ms since 1970, `limit` at most, those that have waited for longest first.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn waiting(&self, now_ms: u64, limit: usize) -> Result<Vec<MessageKey>, StoreError> {
        const OPERATION: &str = "find messages that wait";
        let waiting = self.due_of(&[WAITING], now_ms, limit, OPERATION).await?;
        let keys = waiting.into_iter().map(|item| MessageKey {
            id: item.id,
            sort: item.sort,
        });
        Ok(keys.collect())
    }

    async fn due_of(
        &self,
        parts: &[Part],
        now_ms: u64,
        limit: usize,
        operation: &'static str,
    ) -> Result<Vec<DueItem>, StoreError> {
        due::due_as(&self.client, &self.table, parts, now_ms, limit, operation).await
    }

    /// Updates an item if it is as the expression requires.
    async fn update(
        &self,
        id: &str,
        sort: &str,
        expression: Expression,
        operation: &'static str,
    ) -> Result<Updated, StoreError> {
        let target = Target::new(&self.client, &self.table, &TABLE, id).sorted(SORT, sort);
        target.update(expression, ReturnValue::AllNew, operation).await
    }

    async fn get(&self, id: &str, sort: &str, operation: &'static str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get
            .set_key(Some(key(id, sort)))
            .consistent_read(true)
            .send()
            .await;
        Ok(got.map_err(|error| StoreError::call(operation, error))?.item)
    }

    async fn put(&self, item: Item, operation: &'static str) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map(|_| ())
            .map_err(|error| StoreError::call(operation, error))
    }
}

fn key(id: &str, sort: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([text(ID, id), text(SORT, sort)])
}

fn text(name: &str, text: impl Into<String>) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(text.into()))
}

fn number(name: &str, number: impl ToString) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(number.to_string()))
}
