//! Where records come from: a stream with its shards.

use std::error::Error;

use futures::future::BoxFuture;
use serde_json::Value;
use time::OffsetDateTime;

/// A stream as DynamoDB Streams has it, whatever is behind it.
pub trait StreamSource: Send + Sync + 'static {
    /// The stream's ARN.
    fn arn(&self) -> &str;

    /// All shards, open and closed, that still have records or may get some.
    fn shards(&self) -> BoxFuture<'_, Result<Vec<Shard>, SourceError>>;

    /// An iterator that begins after a record's sequence number, or at the oldest record.
    fn iterator<'a>(
        &'a self,
        shard: &'a str,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<String, SourceError>>;

    /// The records at an iterator, oldest first; maybe none.
    fn records<'a>(&'a self, iterator: &'a str) -> BoxFuture<'a, Result<Page, SourceError>>;
}

/// A part of a stream, whose records are in order.
#[derive(Debug, Clone)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shard that it continues.
    pub parent: Option<String>,
}

/// Records that were read at once.
#[derive(Debug)]
pub struct Page {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Where to read on; `None` at the end of a closed shard.
    pub next: Option<String>,
}

/// One change of an item.
#[derive(Debug, Clone)]
pub struct Record {
    /// The record as the function gets it: a member of the event's `Records`.
    pub event: Value,
    /// Its `SequenceNumber`.
    pub sequence_number: String,
    /// Its `ApproximateCreationDateTime`.
    pub created: OffsetDateTime,
}

/// A stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The table has no stream.
    #[error("the table {0} has no stream")]
    NoStream(String),
    /// The record to begin after is no longer in the stream.
    #[error("the stream no longer has the record to begin after")]
    Trimmed(#[source] Box<dyn Error + Send + Sync>),
    /// The call was refused, or nobody answered in time.
    #[error("could not {operation}: {source}")]
    Call {
        /// The operation, as a verb: "get records".
        operation: &'static str,
        /// What the stream's side or the connection said.
        source: Box<dyn Error + Send + Sync>,
    },
}
