//! Messages: putting one, and reading what was said before.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{Conversations, DAY_SECS, EXPIRES_AT, ID, KEPT_DAYS, SORT, TABLE, WAITING, number, text};
use crate::callers::Held;
use crate::due::{DUE_AT, DUE_SHARD, first};
use crate::expression::Expression;
use crate::item::{Item, from_item, is_false, to_item};
use crate::put::put_if;
use crate::{CallerId, StoreError};

const PUT: &str = "put a message";
const READ: &str = "read a conversation";
/// How long a message may wait, in ms, until somebody else than its own worker looks at it.
const QUEUED_DUE_MS: u64 = 1000;

/// Where a message is in the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The conversation's key.
    pub id: String,
    /// The message's id.
    pub sort: String,
}

/// What is said, and to be answered.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// A hyphenated UUIDv7: messages are in the order of their ids.
    pub message_id: String,
    /// Whose it is.
    pub caller: CallerId,
    /// What it is a part of.
    pub conversation_id: String,
    /// Where the answer goes to.
    pub connection: String,
    /// Of the request.
    pub request_id: String,
    /// What is said.
    pub text: String,
    /// The most tokens that its caller may have written for an answer.
    pub max_output_tokens: Option<u32>,
    /// The money that is reserved for the answer.
    pub held: Option<Held>,
    /// Until when it is, in ms since 1970.
    pub held_until: u64,
    /// In ms since 1970.
    pub now_ms: u64,
}

/// A message as it is kept, with the answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The conversation's key.
    pub id: String,
    /// The message's id.
    pub sort: String,
    /// Whose it is.
    pub caller: CallerId,
    /// What it is a part of.
    pub conversation_id: String,
    /// Where the answer goes to.
    pub connection: String,
    /// Of the request.
    pub request_id: String,
    /// When it was said, in ms since 1970.
    pub created_at: u64,
    /// How far it has come.
    pub status: MessageStatus,
    /// What is said.
    pub text: String,
    /// The most tokens that its caller may have written for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The money that is reserved for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Until when it is, in ms since 1970.
    pub held_until: u64,
    /// Of whoever answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Until when it is that one's, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<u64>,
    /// Whether whoever answers it is to stop.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cancel_requested: bool,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// It waits for a worker.
    Queued,
    /// It is being answered.
    Running,
    /// It is answered.
    Done,
    /// It will not be answered.
    Failed,
}

impl MessageStatus {
    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether it stays as it is.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// What was said, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What was said.
    pub text: String,
    /// What was answered.
    pub answer: String,
}

impl Message {
    /// Where it is in the table.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            id: self.id.clone(),
            sort: self.sort.clone(),
        }
    }
}

impl Conversations {
    /// Puts a message. Its record in the table's stream starts a worker. One that is there already is left as it is: it was put by an attempt whose
    /// answer was lost on the way, and may be being answered.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The message may be there all the same, unless
    /// [`StoreError::is_refusal`] says that it is not.
    pub async fn say(&self, new: &NewMessage) -> Result<(), StoreError> {
        let message = Message {
            id: partition(&new.caller, &new.conversation_id),
            sort: new.message_id.clone(),
            caller: new.caller.clone(),
            conversation_id: new.conversation_id.clone(),
            connection: new.connection.clone(),
            request_id: new.request_id.clone(),
            created_at: new.now_ms,
            status: MessageStatus::Queued,
            text: new.text.clone(),
            max_output_tokens: new.max_output_tokens,
            held: new.held.clone(),
            held_until: new.held_until,
            lock: None,
            lease_until: None,
            cancel_requested: false,
            answer: None,
        };
        let mut item = to_item(&message).map_err(|error| StoreError::item(PUT, error))?;
        item.extend([
            text(DUE_SHARD, WAITING.shard_of(&new.message_id)),
            number(DUE_AT, new.now_ms + QUEUED_DUE_MS),
            number(EXPIRES_AT, new.now_ms / 1000 + KEPT_DAYS * DAY_SECS),
        ]);
        let condition = Expression::is_new(&TABLE);
        put_if(&self.client, &self.table, item, condition, PUT).await?;
        Ok(())
    }

    /// The last message of a caller's conversation; `None` if the caller has no such conversation.
    ///
    /// # Errors
    /// The table could not be read, or holds what this version does not know.
    pub async fn last(&self, caller: &CallerId, conversation: &str) -> Result<Option<Message>, StoreError> {
        let id = partition(caller, conversation);
        let items = self.newest(&id, None, 1).await?;
        items.into_iter().next().map(read).transpose()
    }

    /// What was said and answered before a message, the oldest first: the newest turns whose bytes together are at most `max_bytes`.
    ///
    /// # Errors
    /// The table could not be read, or holds what this version does not know.
    pub async fn before(&self, message: &Message, max_bytes: usize) -> Result<Vec<Said>, StoreError> {
        /// Read at once; few conversations have more turns that fit.
        const AT_MOST: usize = 200;
        let items = self.newest(&message.id, Some(&message.sort), AT_MOST).await?;
        let mut turns = Vec::new();
        let mut bytes = 0;
        for item in items {
            let Message { text, answer, .. } = read(item)?;
            let Some(answer) = answer.filter(|answer| !answer.trim().is_empty()) else {
                continue;
            };
            bytes += text.len() + answer.len();
            if bytes > max_bytes {
                break;
            }
            turns.push(Said { text, answer });
        }
        turns.reverse();
        Ok(turns)
    }

    /// A message as it is now.
    ///
    /// # Errors
    /// The table could not be read, or holds what this version does not know.
    pub async fn message(&self, key: &Key) -> Result<Option<Message>, StoreError> {
        let item = self.get(&key.id, &key.sort, READ).await?;
        item.map(read).transpose()
    }

    async fn newest(&self, id: &str, before: Option<&str>, limit: usize) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_names("#id", ID)
            .expression_attribute_values(":id", AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .scan_index_forward(false);
        let query = match before {
            None => query.key_condition_expression("#id = :id"),
            Some(sort) => query
                .key_condition_expression("#id = :id AND #sort < :sort")
                .expression_attribute_names("#sort", SORT)
                .expression_attribute_values(":sort", AttributeValue::S(sort.to_owned())),
        };
        first(query, limit, READ).await
    }
}

pub(super) fn read(item: Item) -> Result<Message, StoreError> {
    from_item(item).map_err(|error| StoreError::item(READ, error))
}

/// Conversations' ids have a length, so that no caller's id makes it look like another one's.
fn partition(caller: &CallerId, conversation: &str) -> String {
    format!("{caller} {conversation}")
}
