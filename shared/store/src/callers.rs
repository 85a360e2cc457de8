//! The table `callers`: who may call, how often, and for how much money.
//!
//! # Keys
//! One item a caller; the partition key `caller` is the id of an API key, or `token:<issuer> <subject>` for whoever comes with a
//! token. There is no sort key.
//!
//! # One write decides
//! [`Callers::admit`] is one conditional `UpdateItem` in the usual case: the condition holds the key's hash, that it is not revoked,
//! its scope, its rate, its budget and how many of its requests are under way; the update takes one request from the rate and
//! reserves the money. What a condition compares has to be an attribute, since conditions cannot compute. So an item holds
//!
//! | attribute | |
//! |---|---|
//! | `tat`, `ready` | GCRA's theoretical arrival time, and the time from which one more request conforms, in ms since 1970; `ready` = `tat` - (burst - 1) * interval |
//! | `interval`, `offset` | ms between requests at the rate; `interval` - (burst - 1) * `interval`, which makes `ready` of a time |
//! | `remaining`, `period` | what is left of the budget of this month (`2026-11`), reservations taken off, in millionths of a dollar |
//! | `prepaid` | what was paid in beforehand, part of `remaining`, in millionths of a dollar; absent where nothing ever was (`callers/credit.rs`) |
//! | `calls` | the requests under way: id to `{a: amount, u: until, p: period}` |
//! | `work` | the jobs being worked at, the same: their money is reserved when they are begun, and they do not count as requests at once |
//!
//! The update differs by whether the caller was idle (`tat` is past), and by whether this is its first request of a month. Each
//! process remembers how it found a caller and guesses by that. A wrong guess is a refused condition, whose answer brings the
//! item: the process then knows why, and tries again or refuses. That makes two writes for a process that does not know the caller
//! and finds it busy, and for the first request of a month (three if there is prepaid money to carry over); one otherwise.
//!
//! [`Callers::settle`] is a second write, after the answer, for requests that spend: it gives back what was not spent.
//! A function that died leaves its reservation in `calls`; whoever would be refused because of it releases it, once `until` is past.
//!
//! # Cost
//! An item has some 500 bytes, and 50 more for each request under way: up to ten of them, a write unit for the decision and one for
//! the settlement, $1.25 per million requests at $0.625 per million units; with 200 under way, eleven units each. A refused condition costs one too, which is why refusals are remembered.
//!
//! # Expiry
//! The items of tokens are deleted [`TOKEN_KEPT_DAYS`] days after their last request; those of keys stay.

mod admit;
mod credit;
mod item;
mod judge;
mod keys;
mod settle;

pub use admit::{Admission, Ask, Credential, Decision, Held};
pub use judge::Refusal;
pub use keys::{KeyRecord, NewKey};

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};

use crate::definition::{Attribute, Key, TableDefinition};
use judge::Path;

/// The table's key.
pub const TABLE: TableDefinition = TableDefinition {
    name: "callers",
    key: Key {
        partition: Attribute::string("caller"),
        sort: None,
    },
    indexes: &[],
    vector: None,
    ttl_attribute: Some("expires_at"),
    stream: false,
};

/// How many days after its last request a token's item is kept.
pub const TOKEN_KEPT_DAYS: u64 = 90;

/// The callers.
#[derive(Debug, Clone)]
pub struct Callers {
    client: Client,
    table: String,
    /// How each caller was found the last time.
    remembered: Arc<Mutex<HashMap<String, Path>>>,
}

impl Callers {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self {
            client,
            table,
            remembered: Arc::default(),
        }
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<String, Path>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ids of those begin with who come with a token; keys' ids have no colon.
pub const TOKEN_PREFIX: &str = "token:";

/// Whose things they are: the id of a caller that has been admitted. What belongs to a caller is read and written by this, and no
/// request can name one: it comes from [`Callers::admit`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallerId(String);

impl CallerId {
    pub(super) fn admitted(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// Everybody who calls where nobody has to say who they are, or has not said it.
    #[must_use]
    pub fn anonymous() -> Self {
        Self("anonymous".to_owned())
    }

    /// Any caller, for those who run the API: commands, tests. **Never of anything that a request says.**
    #[must_use]
    pub fn for_operator(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Whether it is the subject of tokens, and not an API key.
    #[must_use]
    pub fn is_of_a_token(&self) -> bool {
        self.0.starts_with(TOKEN_PREFIX)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How often.
    pub rate: Rate,
    /// Millionths of a dollar that it may spend in a calendar month (UTC); `None` for no bound.
    pub budget: Option<u64>,
    /// Requests that spend and may be under way at once.
    pub concurrency: u32,
    /// The most tokens that a model may write for one of its answers, where that is less than the API's own limit.
    pub max_output_tokens: Option<u32>,
}

/// How often: one request an interval, and some at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Milliseconds between requests, at least 1.
    pub interval_ms: u64,
    /// Requests at once after a time of silence, at least 1.
    pub burst: u32,
}

impl Rate {
    /// How long it takes until as many as ever can come at once again, in milliseconds.
    #[must_use]
    pub fn window_ms(self) -> u64 {
        self.interval_ms * u64::from(self.burst)
    }

    /// What makes GCRA's `ready` of a time: one interval forward, all but one request of the burst back.
    fn offset_ms(self) -> i64 {
        let interval = i64::try_from(self.interval_ms).unwrap_or(i64::MAX / 2);
        interval - interval.saturating_mul(i64::from(self.burst) - 1)
    }
}
