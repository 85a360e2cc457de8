//! What the sweeper looks after, and that nothing keeps it from the rest.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

use jobs_sweeper::{Swept, sweep};
use lambent_store::{
    CallerId, Documents,
    documents::{Begun, Metadata, NewDocument},
    jobs::{Created, FailedTry, Job, JobKind, JobStatus, Jobs, NewJob, Spent, Take, Taking},
};
use lambent_tests::database::Database;

/// 2026-11-21 12:00 UTC.
const NOON: u64 = 1_795_262_400_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

async fn tables() -> (Jobs, Documents) {
    let database = Database::start().await;
    // It ends with the runtime, and not with its handle.
    (
        database.store.jobs().unwrap(),
        database.store.documents().unwrap(),
    )
}

fn id(number: u64) -> String {
    format!("0199a000-0000-7000-8000-{number:012x}")
}

async fn create(jobs: &Jobs, number: u64, callback_url: Option<&str>) {
    let new = NewJob {
        id: id(number),
        kind: JobKind::Analysis,
        caller: CallerId::for_operator("alice"),
        request_id: "r".to_owned(),
        max_output_tokens: None,
        input: "{}".to_owned(),
        callback_url: callback_url.map(str::to_owned),
        idempotency: None,
        now_ms: NOON,
    };
    assert_eq!(jobs.create(&new).await.unwrap(), Created::New);
}

/// Takes a job whose worker is gone two minutes later.
async fn take(jobs: &Jobs, number: u64, lock: &str, now_ms: u64) {
    let take = Take {
        lock,
        now_ms,
        lease_ms: 1000,
        due_at_ms: now_ms + 2 * MINUTE,
        max_attempts: 3,
    };
    let taking = jobs.take(&id(number), &take).await.unwrap();
    assert!(matches!(taking, Taking::Taken(_)), "{taking:?}");
}

async fn find(jobs: &Jobs, number: u64) -> Job {
    jobs.find(&id(number)).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_kind_of_job_that_nobody_looks_after_is_brought_on_its_way() {
    let (jobs, documents) = tables().await;
    for number in 0..5 {
        create(&jobs, number, Some("https://example.com/")).await;
    }
    // 0 waits in the queue for too long. 1: its worker died. 2: the same, and its caller does not want it any more.
    take(&jobs, 1, "one", NOON).await;
    take(&jobs, 2, "two", NOON).await;
    let caller = CallerId::for_operator("alice");
    jobs.cancel(&caller, &id(2), NOON).await.unwrap();
    // 3: a callback whose next try has come. 4: an attempt failed, and its time has not come.
    jobs.cancel(&caller, &id(3), NOON).await.unwrap();
    jobs.take_callback(&id(3), NOON, NOON + MINUTE)
        .await
        .unwrap()
        .unwrap();
    let failed = FailedTry {
        next_at_ms: Some(NOON + MINUTE),
        http_status: None,
        error: "no answer",
    };
    jobs.callback_failed(&id(3), 1, &failed, NOON).await.unwrap();
    take(&jobs, 4, "four", NOON).await;
    let later = NOON + 30 * MINUTE;
    jobs.release(&id(4), "four", &Spent::default(), None, later)
        .await
        .unwrap();

    assert_eq!(sweep(&jobs, &documents, NOON).await.unwrap(), Swept::default());
    let swept = sweep(&jobs, &documents, NOON + 11 * MINUTE).await.unwrap();
    let expected = Swept {
        queued: 2,
        cancelled: 1,
        callbacks: 1,
        documents: 0,
    };
    assert_eq!(swept, expected);
    assert_eq!(find(&jobs, 1).await.status, JobStatus::Queued);
    assert_eq!(find(&jobs, 2).await.status, JobStatus::Cancelled);
    assert_eq!(find(&jobs, 4).await.status, JobStatus::Running);
    // What it did is done: it does not do it again at once.
    let again = sweep(&jobs, &documents, NOON + 11 * MINUTE).await.unwrap();
    assert_eq!(again, Swept::default());
    assert_eq!(sweep(&jobs, &documents, later).await.unwrap().queued, 3);
}

#[tokio::test]
async fn a_job_that_waits_is_looked_at_less_and_less_often() {
    let (jobs, documents) = tables().await;
    create(&jobs, 0, None).await;
    let mut looked = 0;
    for minute in 0..24 * 60 {
        looked += sweep(&jobs, &documents, NOON + minute * MINUTE)
            .await
            .unwrap()
            .queued;
    }
    assert!((5..10).contains(&looked), "{looked} times in a day");
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_no_other_waiting() {
    let database = Database::start().await;
    let jobs = database.store.jobs().unwrap();
    for number in 0..3 {
        create(&jobs, number, None).await;
    }
    let documents = database.store.documents().unwrap();
    begin(&documents, 0).await;
    // As a later version may have written it; and it is the first of them.
    damage(&database, &id(0)).await;
    let error = sweep(&jobs, &documents, NOON + 11 * MINUTE).await.unwrap_err();
    assert!(error.to_string().contains("job"), "{error}");
    for number in [1, 2] {
        let due = jobs.due(NOON + 11 * MINUTE, 10).await.unwrap();
        assert!(!due.contains(&id(number)), "{due:?}");
    }
    let version = documents.leftovers(NOON + 2 * HOUR, 10).await.unwrap();
    assert_eq!(version.len(), 1);
    // An hour later the document that was begun is given up, whatever the job is.
    sweep(&jobs, &documents, NOON + 2 * HOUR).await.unwrap_err();
    assert!(documents.leftovers(NOON + 9 * HOUR, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_left_of_documents_is_deleted_some_at_a_time() {
    let (jobs, documents) = tables().await;
    for number in 0..25 {
        begin(&documents, number).await;
    }
    let swept = sweep(&jobs, &documents, NOON + HOUR / 2).await.unwrap();
    assert_eq!(swept, Swept::default(), "they may still be published");
    let swept = async |at| sweep(&jobs, &documents, at).await.unwrap().documents;
    assert_eq!(swept(NOON + HOUR).await, 20);
    assert_eq!(swept(NOON + HOUR).await, 5);
    assert_eq!(swept(NOON + 2 * HOUR).await, 0);
}

/// Begins a version of a document, and dies.
async fn begin(documents: &Documents, number: u64) {
    let new = NewDocument {
        version: id(number),
        caller: CallerId::for_operator("alice"),
        id: "handbook".to_owned(),
        title: "Handbook".to_owned(),
        metadata: Metadata::new(),
        embedding_model: "model".to_owned(),
        chunks: 30,
        now_ms: NOON,
    };
    assert!(matches!(documents.begin(&new).await.unwrap(), Begun::Open(_)));
}

/// Writes a status that nobody knows.
async fn damage(database: &Database, id: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let client = lambent_tests::database::client(&database.config);
    let update = client
        .update_item()
        .table_name(lambent_store::jobs::TABLE.name)
        .key("id", AttributeValue::S(id.to_owned()))
        .update_expression("SET #status = :status, #due_at = :due_at")
        .expression_attribute_names("#status", "status")
        .expression_attribute_names("#due_at", "due_at")
        .expression_attribute_values(":status", AttributeValue::S("dreaming".to_owned()))
        .expression_attribute_values(":due_at", AttributeValue::N((NOON + 1).to_string()));
    update.send().await.unwrap();
}
