//! An event source mapping: what Lambda does between a table's stream and a function, as far as the function can notice it.
//!
//! ```text
//! StreamSource -> shards -> filter -> lanes -> batches -> Invoke -> done, tried again, or given up: OnFailure
//! ```
//!
//! Every shard is read from its oldest record on, a parent's before its children's. A record that a filter lets through goes
//! into one of the shard's lanes, chosen by its item's key: a lane has one batch at the function at a time, so records of an item
//! arrive in the order in which they were written, and a batch that fails holds up its own lane only. An answer with
//! `batchItemFailures` counts as Lambda counts it where `ReportBatchItemFailures` is set; there is no mapping without that here.
//!
//! What differs from Lambda:
//! - Lambda keeps its position. This one starts at the oldest record that DynamoDB would still have (24 hours) each time it is
//!   started, so handlers see records again; they must be idempotent anyway, since Lambda too hands a record on at least once.
//! - Lambda asks an idle shard for records four times a second, this one ten times.
//! - How long Lambda waits before it tries a batch again is not documented. Here it doubles from [`MappingConfig::backoff`]'s start
//!   to its end, with up to half of it left to chance.
//! - There are no batching windows, tumbling windows or consumers with a throughput of their own.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

mod answer;
mod batch;
mod discarded;
mod filter;
mod lane;
mod shards;
mod source;
mod table_stream;

use std::{future::Future, ops::RangeInclusive, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, future::BoxFuture};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    function::{Function, InvokeError},
    runtime::{Answer, MAX_PAYLOAD_BYTES},
};

pub use filter::PatternError;
pub use source::{Page, Record, Shard, SourceError, StreamSource};
pub use table_stream::TableStream;

use filter::Filters;

/// How long DynamoDB keeps a record in a stream.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives the function an event, and resolves with its answer.
pub type Invoke = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Bytes, InvokeError>> + Send + Sync>;

/// Takes what is known of a batch that was given up: the JSON that Lambda sends to a queue or topic, without the records.
pub type OnFailure = Arc<dyn Fn(Value) + Send + Sync>;

/// How records reach the function. The names are those of Lambda's `CreateEventSourceMapping`.
#[derive(Debug, Clone)]
pub struct MappingConfig {
    /// The function's ARN, for [`OnFailure`] and the log.
    pub function_arn: String,
    /// Event patterns. A record is handed on if any of them matches it, or if there is none. They see the record as the function
    /// does, with its `dynamodb` member: `{"dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}}`.
    pub filters: Vec<Value>,
    /// The most records in an event; 0 counts as 1. Fewer, if they are larger than an event may be together.
    pub batch_size: usize,
    /// Batches of one shard that the function may have at once; 0 counts as 1.
    pub parallelization_factor: usize,
    /// Whether a batch at which the function fails is tried again in two halves. That uses up no attempt.
    pub bisect_batch_on_function_error: bool,
    /// How often a batch is tried again. `None`: until its records are too old.
    pub maximum_retry_attempts: Option<u32>,
    /// How old a record may be to be handed on. `None`, or more than that: 24 hours.
    pub maximum_record_age: Option<Duration>,
    /// What is waited before a batch is tried again: at first, and at most.
    pub backoff: RangeInclusive<Duration>,
}

impl MappingConfig {
    /// A mapping with Lambda's defaults: 100 records in an event, one event of a shard at a time, no filter, attempts until records
    /// are too old. Between attempts 100 ms to 5 s.
    #[must_use]
    pub fn new(function_arn: impl Into<String>) -> Self {
        Self {
            function_arn: function_arn.into(),
            filters: Vec::new(),
            batch_size: 100,
            parallelization_factor: 1,
            bisect_batch_on_function_error: false,
            maximum_retry_attempts: None,
            maximum_record_age: None,
            backoff: Duration::from_millis(100)..=Duration::from_secs(5),
        }
    }

    /// How old a record may be.
    fn age_limit(&self) -> Duration {
        self.maximum_record_age
            .map_or(RETENTION, |age| age.min(RETENTION))
    }

    /// What to wait after so many failures in a row. Half of it is left to chance, so that lanes that failed together do not come
    /// back together.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let most = self
            .backoff
            .start()
            .saturating_mul(doubled)
            .min(*self.backoff.end());
        let chance = getrandom::u32().map_or(1.0, |bits| f64::from(bits) / f64::from(u32::MAX));
        most.mul_f64(0.5 + chance / 2.0)
    }
}

/// What all tasks of a mapping share.
struct Mapping {
    config: MappingConfig,
    filters: Filters,
    source: Box<dyn StreamSource>,
    invoke: Invoke,
    on_failure: OnFailure,
    stop: CancellationToken,
}

/// Hands the stream's records to the function until `stop`. It must run on a tokio runtime, where its lanes are tasks; they have
/// ended when it has. Invocations under way are let go of, not ended: whose function it is waits for them.
///
/// # Errors
/// A filter is no event pattern, or has an operator that Lambda does not document.
pub fn mapping(
    config: MappingConfig,
    source: impl StreamSource,
    invoke: Invoke,
    on_failure: OnFailure,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + 'static, PatternError> {
    let filters = Filters::new(&config.filters)?;
    Ok(shards::follow(Arc::new(Mapping {
        config,
        filters,
        source: Box::new(source),
        invoke,
        on_failure,
        stop,
    })))
}

/// An [`Invoke`] of a function that runs here. A streamed answer is collected, up to the size of one that is not.
#[must_use]
pub fn invoke_function(function: Function) -> Invoke {
    Arc::new(move |event| {
        let function = function.clone();
        Box::pin(async move { collected(function.invoke(event).await?).await })
    })
}

async fn collected(answer: Answer) -> Result<Bytes, InvokeError> {
    let mut body = match answer {
        Answer::Whole(answer) => return Ok(answer),
        Answer::Streamed(body) => body,
    };
    let mut collected = BytesMut::new();
    while let Some(piece) = body.next().await {
        collected.extend_from_slice(&piece.map_err(|_| InvokeError::Exited)?);
        if collected.len() > MAX_PAYLOAD_BYTES {
            return Err(InvokeError::AnswerTooLarge);
        }
    }
    Ok(collected.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Body;

    #[test]
    fn pauses_double_to_their_end_and_never_are_less_than_half() {
        let config = MappingConfig {
            backoff: Duration::from_millis(100)..=Duration::from_secs(1),
            ..MappingConfig::new("arn")
        };
        for (failures, most) in [(1, 100), (2, 200), (4, 800), (5, 1000), (u32::MAX, 1000)] {
            let most = Duration::from_millis(most);
            let pause = config.pause(failures);
            assert!(pause >= most / 2 && pause <= most, "{failures}: {pause:?}");
        }
    }

    #[test]
    fn no_record_is_older_than_the_stream_keeps_it() {
        let mut config = MappingConfig::new("arn");
        assert_eq!(config.age_limit(), RETENTION);
        config.maximum_record_age = Some(RETENTION * 7);
        assert_eq!(config.age_limit(), RETENTION);
        config.maximum_record_age = Some(Duration::from_secs(60));
        assert_eq!(config.age_limit(), Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_streamed_answer_is_collected_if_it_ends_and_is_not_too_large() {
        let (sender, body) = tokio::sync::mpsc::channel(4);
        for piece in ["{\"batchItem", "Failures\": []}"] {
            sender.send(Ok(piece.into())).await.unwrap();
        }
        drop(sender);
        let answer = collected(Answer::Streamed(Body(body))).await.unwrap();
        assert_eq!(answer, "{\"batchItemFailures\": []}");

        let (sender, body) = tokio::sync::mpsc::channel(4);
        sender.send(Err(std::io::Error::other("cut"))).await.unwrap();
        let cut = collected(Answer::Streamed(Body(body))).await;
        assert!(matches!(cut, Err(InvokeError::Exited)));

        let (sender, body) = tokio::sync::mpsc::channel(4);
        let piece = Bytes::from(vec![b' '; MAX_PAYLOAD_BYTES + 1]);
        sender.send(Ok(piece)).await.unwrap();
        let large = collected(Answer::Streamed(Body(body))).await;
        assert!(matches!(large, Err(InvokeError::AnswerTooLarge)));
    }
}
