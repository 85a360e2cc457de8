//! What an on-failure destination is told of a batch that was given up: where it is in the stream, not its records.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::batch::{Batch, Failure};

const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Why a batch was given up, by Lambda's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// The record of an invocation, as a queue or topic gets it.
///
/// Of a function that answered, however, but named failures there is no `functionError`, and of one that was never invoked no
/// `responseContext`. Lambda documents neither case.
pub(super) fn discarded(
    batch: &Batch,
    condition: Condition,
    function_arn: &str,
    stream_arn: &str,
    shard: &str,
) -> Value {
    let mut record = json!({
        "requestContext": {
            "requestId": Uuid::new_v4().to_string(),
            "functionArn": function_arn,
            "condition": match condition {
                Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
                Condition::RecordAgeExceeded => "RecordAgeExceeded",
            },
            "approximateInvokeCount": batch.invocations,
        },
        "version": "1.0",
        "timestamp": format(OffsetDateTime::now_utc(), MILLISECONDS),
        "DDBStreamBatchInfo": batch_info(batch, stream_arn, shard),
    });
    if let Some(failure) = batch.failure {
        record["responseContext"] = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if failure == Failure::Error {
            record["responseContext"]["functionError"] = json!("Unhandled");
        }
    }
    record
}

fn batch_info(batch: &Batch, stream_arn: &str, shard: &str) -> Value {
    let (first, last) = (batch.records.first(), batch.records.last());
    json!({
        "shardId": shard,
        "startSequenceNumber": first.map(|record| &record.sequence_number),
        "endSequenceNumber": last.map(|record| &record.sequence_number),
        "approximateArrivalOfFirstRecord": first.map(|record| format(record.created, SECONDS)),
        "approximateArrivalOfLastRecord": last.map(|record| format(record.created, SECONDS)),
        "batchSize": batch.records.len(),
        "streamArn": stream_arn,
    })
}

/// A time in UTC.
fn format(time: OffsetDateTime, form: &[BorrowedFormatItem<'_>]) -> String {
    time.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}
