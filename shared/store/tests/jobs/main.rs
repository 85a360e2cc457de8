//! The jobs against a DynamoDB server, through the real SDK.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod common;

mod callbacks;
mod cancel;
mod create;
mod end;
mod lists;
mod sweep;
mod take;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use lambent_store::jobs::{
    CallbackStatus, Created, Ending, Idempotency, Job, JobKind, NewJob, Spent, TABLE, Take, Taking,
};
use lambent_store::{CallerId, JobStatus, Jobs};
use serde_json::Value;

/// 2026-11-21 12:00 UTC.
const NOON: u64 = 1_795_262_400_000;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const LEASE: u64 = 30 * SECOND;

/// A database with the table.
struct Fixture {
    jobs: Jobs,
    raw: Client,
    database: Database,
}

impl Fixture {
    async fn start() -> Self {
        let database = Database::memory().unwrap();
        let (store, raw) = common::store_at(common::serve(database.clone()).await).await;
        Self {
            jobs: store.jobs().unwrap(),
            raw,
            database,
        }
    }

    /// One with alice's first job, created at noon.
    async fn with_job() -> Self {
        let fixture = Self::start().await;
        fixture.create(&job(1)).await;
        fixture
    }

    /// One with a job that has a callback.
    async fn with_callback() -> Self {
        let fixture = Self::start().await;
        fixture.create(&job_with_callback(1)).await;
        fixture
    }

    async fn create(&self, job: &NewJob) {
        assert_eq!(self.jobs.create(job).await.unwrap(), Created::New);
    }

    async fn find(&self, number: u64) -> Job {
        self.jobs.find(&id(number)).await.unwrap().unwrap()
    }

    /// Tries to take the first job.
    async fn take(&self, lock: &str, now_ms: u64) -> Taking {
        self.jobs.take(&id(1), &take(lock, now_ms)).await.unwrap()
    }

    /// Takes the first job, which is to be had.
    async fn taken(&self, lock: &str, now_ms: u64) -> Job {
        match self.take(lock, now_ms).await {
            Taking::Taken(job) => *job,
            other => panic!("{other:?}"),
        }
    }

    /// Finishes the first job.
    async fn finish(&self, lock: &str, ending: &Ending) -> bool {
        self.jobs.finish(&id(1), lock, ending).await.unwrap()
    }

    /// Releases the first job.
    async fn release(&self, lock: &str, error: Option<Value>, now_ms: u64) -> bool {
        let released = self.jobs.release(&id(1), lock, &spent(), error, now_ms).await;
        released.unwrap()
    }

    async fn is_due(&self, now_ms: u64) -> bool {
        !self.jobs.due(now_ms, 10).await.unwrap().is_empty()
    }

    /// The item as it is in the table.
    async fn item(&self, id: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        let get = self.raw.get_item().table_name(TABLE.name);
        let got = get.key("id", AttributeValue::S(id.to_owned())).send().await;
        got.unwrap().item
    }

    async fn count(&self) -> i32 {
        self.raw.scan().table_name(TABLE.name).send().await.unwrap().count
    }

    /// How many of the stream's records start something: workers, senders.
    fn started(&self) -> (usize, usize) {
        let shard = dynoxide::streams::shard_id(TABLE.name);
        let records = self.database.get_records(GetRecordsRequest {
            shard_iterator: encode_shard_iterator(TABLE.name, &shard, 0),
            limit: None,
        });
        let images: Vec<Value> = records
            .unwrap()
            .records
            .iter()
            .map(|record| serde_json::to_value(record.dynamodb.new_image.as_ref()).unwrap())
            .collect();
        let count = |attribute: &str, value: &str| {
            let images = images.iter().filter(|image| image[attribute]["S"] == value);
            images.count()
        };
        (count("status", "queued"), count("callback_status", "due"))
    }
}

/// Ids in the order of their numbers.
fn id(number: u64) -> String {
    format!("0199a000-0000-7000-8000-{number:012x}")
}

fn caller(id: &str) -> CallerId {
    CallerId::for_operator(id)
}

fn job(number: u64) -> NewJob {
    NewJob {
        id: id(number),
        kind: JobKind::Analysis,
        caller: caller("alice"),
        request_id: format!("r{number}"),
        max_output_tokens: None,
        input: format!(r#"{{"text": "{number}"}}"#),
        callback_url: None,
        idempotency: None,
        now_ms: NOON,
    }
}

fn job_with_callback(number: u64) -> NewJob {
    NewJob {
        callback_url: Some("https://example.com/ended".to_owned()),
        ..job(number)
    }
}

fn job_with_key(number: u64, key_hash: &str, body_hash: &str) -> NewJob {
    let idempotency = Idempotency {
        key_hash: key_hash.to_owned(),
        body_hash: body_hash.to_owned(),
    };
    NewJob {
        idempotency: Some(idempotency),
        ..job(number)
    }
}

fn take(lock: &str, now_ms: u64) -> Take<'_> {
    Take {
        lock,
        now_ms,
        lease_ms: LEASE,
        due_at_ms: now_ms + HOUR,
        max_attempts: 3,
    }
}

fn spent() -> Spent {
    Spent {
        input_tokens: 1000,
        output_tokens: 200,
        cost_tokens: 70,
        cost_compute: 3,
    }
}

fn succeeded(now_ms: u64) -> Ending {
    Ending {
        status: JobStatus::Succeeded,
        now_ms,
        result: Some(r#"{"title": "A"}"#.to_owned()),
        error: None,
        spent: spent(),
        has_callback: false,
    }
}

fn failed(now_ms: u64) -> Ending {
    Ending {
        status: JobStatus::Failed,
        result: None,
        error: Some(
            serde_json::json!({"code": "model_busy", "status": 503, "errors": [{"pointer": "/text"}]}),
        ),
        ..succeeded(now_ms)
    }
}

fn callback_status(job: &Job) -> Option<CallbackStatus> {
    job.callback_status
}
