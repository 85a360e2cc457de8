//! Sockets that are open, and who is behind them.

use serde::{Deserialize, Serialize};

use super::{ALONE, Conversations, DAY_SECS, EXPIRES_AT, ID, LATER, SORT, key, number, text};
use crate::due::{DUE_AT, DUE_SHARD};
use crate::expression::Expression;
use crate::item::{from_item, to_item};
use crate::{CallerId, StoreError};

const OPEN: &str = "open a connection";
const READ: &str = "read a connection";
const CLOSE: &str = "close a connection";
const LOOK: &str = "look at a connection";
const PREFIX: &str = "connection#";

/// Who has shown who they are, and may open a socket or has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose things may be read and written.
    pub caller: CallerId,
    /// What they may, as it was when they showed who they are.
    pub scopes: Vec<String>,
}

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The gateway's id of it.
    pub connection: String,
    /// Who is behind it.
    #[serde(flatten)]
    pub session: Session,
    /// Since when it is open, in ms since 1970.
    pub connected_at: u64,
    /// When its client was told that it has been idle for long, in ms since 1970, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_idle_at: Option<u64>,
    /// Whether its client was told that it has been open for long.
    #[serde(default)]
    pub told_age: bool,
}

impl Conversations {
    /// Keeps a connection, to be looked at at a time in ms since 1970.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn open(&self, connection: &Connection, due_at_ms: u64) -> Result<(), StoreError> {
        let mut item = to_item(connection).map_err(|error| StoreError::item(OPEN, error))?;
        item.extend([
            text(ID, id(&connection.connection)),
            text(SORT, ALONE),
            text(DUE_SHARD, LATER.shard_of(&connection.connection)),
            number(DUE_AT, due_at_ms),
            number(EXPIRES_AT, connection.connected_at / 1000 + DAY_SECS),
        ]);
        self.put(item, OPEN).await
    }

    /// A connection; `None` if it is closed, or never was.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn connection(&self, connection: &str) -> Result<Option<Connection>, StoreError> {
        let item = self.get(&id(connection), ALONE, READ).await?;
        let read = item.map(from_item).transpose();
        read.map_err(|error| StoreError::item(READ, error))
    }

    /// Forgets a connection.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn close(&self, connection: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let deleted = delete.set_key(Some(key(&id(connection), ALONE))).send().await;
        deleted
            .map(|_| ())
            .map_err(|error| StoreError::call(CLOSE, error))
    }

    /// Keeps what the client of a connection was told, and when to look at it again.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn told(&self, connection: &Connection, due_at_ms: u64) -> Result<(), StoreError> {
        let mut telling = Expression::default();
        let there = telling.name(ID);
        telling.require(format!("attribute_exists({there})"));
        match connection.told_idle_at {
            Some(at) => telling.set_number("told_idle_at", at),
            None => telling.forget(&["told_idle_at"]),
        }
        let (told_age, value) = (
            telling.name("told_age"),
            telling.value(
                "told_age",
                aws_sdk_dynamodb::types::AttributeValue::Bool(connection.told_age),
            ),
        );
        telling.set(told_age, value);
        telling.set_number(DUE_AT, due_at_ms);
        self.update(&id(&connection.connection), ALONE, telling, LOOK)
            .await
            .map(|_| ())
    }
}

fn id(connection: &str) -> String {
    format!("{PREFIX}{connection}")
}

/// The connection whose item this is.
pub(super) fn of_id(id: &str) -> Option<&str> {
    id.strip_prefix(PREFIX)
}
