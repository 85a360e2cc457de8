//! A job's item.

pub use lambent_schema::endpoints::jobs::JobKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::item::{Item, from_item, is_false};
use crate::{CallerId, StoreError, timestamp};

/// What is known of a job, apart from its input. What is not known has no attribute. Lists show it without `max_output_tokens`,
/// `lock`, `lease_until`, `result`, and of the callback's last try without when it is repeated and how it went.
///
/// As an attribute, `error` does not keep the order of its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// A hyphenated UUIDv7, so that ids are in the order of creation.
    pub id: String,
    /// What it does; an analysis, in items without it.
    #[serde(default)]
    pub kind: JobKind,
    /// Whose it is.
    pub caller: CallerId,
    /// How far it has come.
    pub status: JobStatus,
    /// How often it has been taken: 0 until it is.
    pub attempt: u32,
    /// When it was created; kept to the millisecond, as all times are.
    #[serde(with = "timestamp")]
    pub created_at: OffsetDateTime,
    /// When its first attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Of the request that created it.
    pub request_id: String,
    /// The most tokens that its caller may have written for an answer, where that is less than the API's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// Of whoever works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Until when it is that one's, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<u64>,
    /// Whether whoever works on it is to stop.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cancel_requested: bool,
    /// Tokens the model read, over all attempts.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens the model wrote, over all attempts.
    #[serde(default)]
    pub output_tokens: u64,
    /// What the tokens cost, over all attempts, in millionths of a dollar.
    #[serde(default)]
    pub cost_tokens: u64,
    /// What Lambda asks for its functions' time, over all attempts, in millionths of a dollar.
    #[serde(default)]
    pub cost_compute: u64,
    /// What came of it, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it failed, or its last attempt did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// Who is told of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// How far that has come; only with a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_status: Option<CallbackStatus>,
    /// How often it has been tried.
    #[serde(default)]
    pub callback_attempt: u32,
    /// When to try it next, or when it became due, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_next_at: Option<u64>,
    /// The HTTP status that the last try was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_http_status: Option<u16>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_error: Option<String>,
    /// When the last try began, or ended if it has.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub callback_at: Option<OffsetDateTime>,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Nobody works on it yet, or anybody may again.
    Queued,
    /// It has been taken. Where the lease has ended, by somebody who failed or died.
    Running,
    /// Ended, with a result.
    Succeeded,
    /// Ended, with an error.
    Failed,
    /// Ended because its caller wanted it to.
    Cancelled,
}

impl JobStatus {
    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it stays as it is.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How far a callback has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStatus {
    /// Until the job has ended.
    Waiting,
    /// To be sent now.
    Due,
    /// Being sent.
    Sending,
    /// A try failed; the next one is at `callback_next_at`.
    Retrying,
    /// Sent, and answered as it should be.
    Delivered,
    /// Given up.
    Failed,
}

impl CallbackStatus {
    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// What an attempt took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens the model read.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
    /// What they cost, in millionths of a dollar.
    pub cost_tokens: u64,
    /// What Lambda asks for the function's time, in millionths of a dollar.
    pub cost_compute: u64,
}

/// Reads a job; `None` for an item that is not one, an input for example.
pub(super) fn read_job(item: Option<Item>, operation: &'static str) -> Result<Option<Box<Job>>, StoreError> {
    item.filter(|item| item.contains_key("status"))
        .map(|item| from_item(item).map(Box::new))
        .transpose()
        .map_err(|error| StoreError::item(operation, error))
}
