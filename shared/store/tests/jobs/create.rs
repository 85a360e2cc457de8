//! A job is created whole, and once for an idempotency key.

use aws_sdk_dynamodb::types::{AttributeValue, StreamViewType};
use futures::future::join_all;
use lambent_store::jobs::{
    CallbackStatus, Created, Job, JobKind, KEPT_DAYS, MAX_INPUT_BYTES, MAX_PART_BYTES, NewJob, TABLE,
};
use lambent_store::{JobStatus, Store, StoreConfig};
use time::macros::datetime;

use crate::{Fixture, HOUR, NOON, caller, id, job, job_with_callback, job_with_key};

const DAY: u64 = 24 * HOUR;

#[tokio::test]
async fn a_new_job_is_queued_with_its_input_and_its_record_and_all_of_them_expire() {
    let fixture = Fixture::start().await;
    let new = NewJob {
        kind: JobKind::Document,
        max_output_tokens: Some(500),
        callback_url: Some("https://example.com/ended".to_owned()),
        ..job_with_key(1, "key", "body")
    };
    fixture.create(&new).await;
    let expected = Job {
        id: id(1),
        kind: JobKind::Document,
        caller: caller("alice"),
        status: JobStatus::Queued,
        attempt: 0,
        created_at: datetime!(2026-11-21 12:00 UTC),
        started_at: None,
        finished_at: None,
        request_id: "r1".to_owned(),
        max_output_tokens: Some(500),
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
        callback_status: Some(CallbackStatus::Waiting),
        callback_attempt: 0,
        callback_next_at: None,
        callback_http_status: None,
        callback_error: None,
        callback_at: None,
    };
    assert_eq!(fixture.find(1).await, expected);
    assert_eq!(fixture.jobs.input(&id(1)).await.unwrap(), Some(new.input));

    let expires = |at: u64| AttributeValue::N((at / 1000).to_string());
    let kept = DAY * u64::try_from(KEPT_DAYS).unwrap();
    for (id, at) in [
        (id(1), NOON + kept),
        (format!("input#{}", id(1)), NOON + kept),
        ("idempotency#key".to_owned(), NOON + DAY),
    ] {
        assert_eq!(
            fixture.item(&id).await.unwrap()["expires_at"],
            expires(at),
            "{id}"
        );
    }
    assert_eq!(fixture.started(), (1, 0), "only the job starts a worker");
}

#[tokio::test]
async fn the_same_request_with_the_same_key_is_the_job_that_it_created() {
    let fixture = Fixture::start().await;
    fixture.create(&job_with_key(1, "key", "body")).await;
    let again = |new: NewJob| {
        let jobs = fixture.jobs.clone();
        async move { jobs.create(&new).await.unwrap() }
    };
    let replayed = Created::Replayed { job_id: id(1) };
    assert_eq!(again(job_with_key(2, "key", "body")).await, replayed);
    assert_eq!(again(job_with_key(3, "key", "another")).await, Created::OtherBody);
    // What is refused leaves nothing: there are the first job, its input and its record.
    assert_eq!(fixture.count().await, 3);
    // Another caller's key has another hash.
    assert_eq!(again(job_with_key(4, "another", "body")).await, Created::New);
}

#[tokio::test]
async fn after_24_hours_a_key_is_free_though_its_record_may_still_be_there() {
    let fixture = Fixture::start().await;
    fixture.create(&job_with_key(1, "key", "body")).await;
    let at = |number, now_ms| NewJob {
        now_ms,
        ..job_with_key(number, "key", "body")
    };
    let created = fixture.jobs.create(&at(2, NOON + DAY - 1000)).await.unwrap();
    assert_eq!(created, Created::Replayed { job_id: id(1) });
    fixture.create(&at(3, NOON + DAY)).await;
    let created = fixture.jobs.create(&at(4, NOON + DAY)).await.unwrap();
    assert_eq!(created, Created::Replayed { job_id: id(3) });
}

#[tokio::test]
async fn ten_at_once_with_one_key_are_one_job() {
    let fixture = Fixture::start().await;
    let created = join_all((1..=10).map(|number| {
        let jobs = fixture.jobs.clone();
        async move { jobs.create(&job_with_key(number, "key", "body")).await.unwrap() }
    }))
    .await;
    let new = created.iter().filter(|created| **created == Created::New);
    assert_eq!(new.count(), 1, "{created:?}");
    let page = fixture.jobs.list(&caller("alice"), 20, None).await.unwrap();
    let [job] = &page.jobs[..] else { panic!("{page:?}") };
    for created in created {
        match created {
            Created::New => {}
            other => assert_eq!(
                other,
                Created::Replayed {
                    job_id: job.id.clone()
                }
            ),
        }
    }
    assert_eq!(fixture.count().await, 3);
}

#[tokio::test]
async fn a_job_created_again_under_its_own_id_is_new_and_left_as_it_is() {
    let fixture = Fixture::start().await;
    let first = job_with_key(1, "key", "body");
    let second = job_with_callback(2);
    fixture.create(&first).await;
    fixture.create(&second).await;
    // The answers were lost, and the first one has been taken since.
    let taken = fixture.taken("w1", NOON).await;
    fixture.create(&first).await;
    fixture.create(&second).await;
    let later = NewJob {
        now_ms: NOON + 1,
        ..first
    };
    fixture.create(&later).await;
    assert_eq!(fixture.find(1).await, taken);
    assert_eq!(fixture.count().await, 5);
    assert_eq!(fixture.started(), (2, 0));
}

#[tokio::test]
async fn inputs_of_any_length_are_kept_whole_and_forgotten_whole() {
    let fixture = Fixture::start().await;
    // The longest one that one item holds; one byte more, whose cut is in the middle of a character; and the longest of all.
    let multibyte = format!("a{}", "é".repeat(MAX_PART_BYTES / 2));
    let inputs = [
        ("x".repeat(MAX_PART_BYTES), 1),
        (multibyte, 2),
        ("\u{1}\u{10ffff}é".repeat(MAX_INPUT_BYTES / 7), 6),
    ];
    for (number, (input, items)) in (1..).zip(inputs) {
        let new = NewJob {
            input: input.clone(),
            ..job_with_key(number, &format!("key-{number}"), "body")
        };
        fixture.create(&new).await;
        assert_eq!(
            fixture.count().await,
            1 + 1 + items,
            "the job, its key and its input"
        );
        assert!(fixture.jobs.input(&id(number)).await.unwrap() == Some(input));
        let replayed = fixture.jobs.create(&NewJob { id: id(99), ..new }).await.unwrap();
        assert_eq!(replayed, Created::Replayed { job_id: id(number) });

        fixture.jobs.forget_input(&id(number)).await.unwrap();
        fixture.jobs.forget_input(&id(number)).await.unwrap();
        assert_eq!(fixture.jobs.input(&id(number)).await.unwrap(), None);
        assert_eq!(fixture.find(number).await.status, JobStatus::Queued);
        assert_eq!(fixture.count().await, 2);
        for id in [id(number), format!("idempotency#key-{number}")] {
            let delete = fixture.raw.delete_item().table_name(TABLE.name);
            delete.key("id", AttributeValue::S(id)).send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_written_before_there_were_kinds_and_parts_is_read() {
    let fixture = Fixture::with_job().await;
    let update = fixture.raw.update_item().table_name(TABLE.name);
    let update = update
        .key("id", AttributeValue::S(id(1)))
        .update_expression("REMOVE #kind");
    update
        .expression_attribute_names("#kind", "kind")
        .send()
        .await
        .unwrap();
    assert_eq!(fixture.find(1).await.kind, JobKind::Analysis);
    assert_eq!(
        fixture.item(&format!("input#{}", id(1))).await.unwrap().len(),
        3,
        "an input that fits has no parts"
    );
}

#[tokio::test]
async fn the_table_has_a_stream_of_new_images_and_indexes_of_what_is_needed() {
    let fixture = Fixture::start().await;
    let described = fixture.raw.describe_table().table_name(TABLE.name).send().await;
    let table = described.unwrap().table.unwrap();
    let stream = table.stream_specification.unwrap();
    assert_eq!(stream.stream_view_type, Some(StreamViewType::NewImage));

    fixture.create(&job(1)).await;
    let index = fixture
        .raw
        .scan()
        .table_name(TABLE.name)
        .index_name("by_due")
        .send();
    let items = index.await.unwrap().items.unwrap();
    let names: std::collections::BTreeSet<_> = items[0].keys().map(String::as_str).collect();
    assert_eq!((items.len(), names), (1, ["due_at", "due_shard", "id"].into()));
}

#[test]
fn a_function_that_was_told_no_table_has_no_jobs() {
    let config = StoreConfig {
        jobs_table: None,
        ..StoreConfig::local("http://127.0.0.1:1")
    };
    let error = Store::connect(&config).jobs().unwrap_err().to_string();
    assert!(error.starts_with("LAMBENT_JOBS_TABLE is not set"), "{error}");
}
