//! Creating a job, once for an idempotency key.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use time::Duration as TimeDuration;

use super::refused::{Refused, refused};
use super::{
    CallbackStatus, DUE_AT, DUE_SHARD, EXPIRES_AT, IDEMPOTENCY_HOURS, Job, JobKind, JobStatus, Jobs,
    KEPT_DAYS, QUEUED_DUE, SHARDS, TABLE, after, idempotency_id, input,
};
use crate::item::{Item, to_item};
use crate::pause::pause;
use crate::shard::shard;
use crate::timestamp::instant_of;
use crate::{CallerId, StoreError};

const CREATE: &str = "create a job";
/// While another request with the same idempotency key is being written; that takes some 20 ms.
const MAX_ATTEMPTS: u32 = 5;

/// A job to be created.
#[derive(Clone)]
pub struct NewJob {
    /// A hyphenated UUIDv7.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// Whose it is.
    pub caller: CallerId,
    /// Of the request that creates it.
    pub request_id: String,
    /// The most tokens that its caller may have written for an answer.
    pub max_output_tokens: Option<u32>,
    /// What it works on, [`super::MAX_INPUT_BYTES`] at most.
    pub input: String,
    /// Who is told of its end.
    pub callback_url: Option<String>,
    /// So that the same request, sent again, is the same job.
    pub idempotency: Option<Idempotency>,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// What a request is known again by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Of the caller and its key: other callers' same keys are others.
    pub key_hash: String,
    /// Of everything that the request asks for.
    pub body_hash: String,
}

/// What became of a job to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there, and queued.
    New,
    /// The same request has created a job before.
    Replayed {
        /// That one's id.
        job_id: String,
    },
    /// The key stands for a request with another body.
    OtherBody,
    /// A request with the same key is being answered just now.
    InFlight,
}

impl Jobs {
    /// Creates a job, its input, and the record of its idempotency key, all or nothing.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The job may still be there: sent again with the same
    /// id, it is found.
    pub async fn create(&self, job: &NewJob) -> Result<Created, StoreError> {
        let items = self.items(job)?;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(&job.id, attempt)).await;
            }
            // The SDK gives each call a token, by which its own retries are the same transaction.
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            match sent.map_err(|error| refused(error, job)) {
                Ok(_) => return Ok(Created::New),
                Err(Refused::Because(created)) => return Ok(created),
                Err(Refused::Meanwhile) => {}
                Err(Refused::Other(error)) => return Err(StoreError::call(CREATE, *error)),
            }
        }
        Ok(Created::InFlight)
    }

    /// In this order, on which [`super::refused`] relies.
    fn items(&self, job: &NewJob) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut input = input::items(&job.id, &job.input).into_iter().map(|mut item| {
            item.extend([expires_at(job, TimeDuration::days(KEPT_DAYS))]);
            Put::builder().set_item(Some(item))
        });
        let mut puts = vec![
            Put::builder()
                .set_item(Some(job_item(job)?))
                .condition_expression("attribute_not_exists(#id)")
                .expression_attribute_names("#id", TABLE.key.partition.name),
        ];
        puts.extend(input.next());
        if let Some(idempotency) = &job.idempotency {
            let put = Put::builder()
                .set_item(Some(record(job, idempotency)))
                .condition_expression("attribute_not_exists(#id) OR #expires_at <= :now")
                .expression_attribute_names("#id", TABLE.key.partition.name)
                .expression_attribute_names("#expires_at", EXPIRES_AT)
                .expression_attribute_values(":now", AttributeValue::N((job.now_ms / 1000).to_string()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            puts.push(put);
        }
        puts.extend(input);
        let write = |put: Put| TransactWriteItem::builder().put(put).build();
        puts.into_iter()
            .map(|put| put.table_name(&self.table).build().map(write))
            .collect::<Result<_, BuildError>>()
            .map_err(|source| StoreError::Build {
                operation: CREATE,
                source: Box::new(source),
            })
    }
}

fn job_item(new: &NewJob) -> Result<Item, StoreError> {
    let job = Job {
        id: new.id.clone(),
        kind: new.kind,
        caller: new.caller.clone(),
        status: JobStatus::Queued,
        attempt: 0,
        created_at: instant_of(new.now_ms),
        started_at: None,
        finished_at: None,
        request_id: new.request_id.clone(),
        max_output_tokens: new.max_output_tokens,
        lock: None,
        lease_until: None,
        cancel_requested: false,
        input_tokens: 0,
        output_tokens: 0,
        cost_tokens: 0,
        cost_compute: 0,
        result: None,
        error: None,
        callback_url: new.callback_url.clone(),
        callback_status: new.callback_url.as_ref().map(|_| CallbackStatus::Waiting),
        callback_attempt: 0,
        callback_next_at: None,
        callback_http_status: None,
        callback_error: None,
        callback_at: None,
    };
    let mut item = to_item(&job).map_err(|error| StoreError::item(CREATE, error))?;
    item.extend([
        text(DUE_SHARD, shard(&new.id, SHARDS).to_string()),
        number(DUE_AT, after(new.now_ms, QUEUED_DUE)),
        expires_at(new, TimeDuration::days(KEPT_DAYS)),
    ]);
    Ok(item)
}

fn record(job: &NewJob, idempotency: &Idempotency) -> Item {
    Item::from([
        text(TABLE.key.partition.name, idempotency_id(&idempotency.key_hash)),
        text("job_id", job.id.clone()),
        text("body_hash", idempotency.body_hash.clone()),
        expires_at(job, TimeDuration::hours(IDEMPOTENCY_HOURS)),
    ])
}

fn text(name: &str, text: String) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(text))
}

fn number(name: &str, number: impl ToString) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(number.to_string()))
}

fn expires_at(job: &NewJob, kept: TimeDuration) -> (String, AttributeValue) {
    number(EXPIRES_AT, (instant_of(job.now_ms) + kept).unix_timestamp())
}
