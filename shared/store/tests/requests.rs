//! The request log against a DynamoDB server, through the real SDK.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod common;

use std::time::{Duration as StdDuration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use common::{raw_client, store};
use lambent_store::requests::{KEPT_DAYS, TABLE};
use lambent_store::{CallerId, RequestRecord, State, Store, StoreConfig, StoreError, create_tables};
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;

const NOON: OffsetDateTime = datetime!(2026-11-21 12:00:00.250 UTC);

/// The record of a request that starts at `started_at`.
fn record(request_id: &str, caller: &str, started_at: OffsetDateTime) -> RequestRecord {
    RequestRecord::started(
        request_id,
        "analyse",
        "POST /analyse",
        crate::caller(caller),
        started_at,
    )
}

fn caller(id: &str) -> CallerId {
    CallerId::for_operator(id)
}

fn done(mut record: RequestRecord) -> RequestRecord {
    record.state = State::Done;
    record.status = Some(200);
    record.model = Some("openai::gpt-4o-mini".to_owned());
    record.attempts = Some(2);
    record.input_tokens = Some(1_234);
    record.output_tokens = Some(u64::from(u32::MAX) * 1_000);
    record.cost_micro_dollars = Some(417);
    record.first_token_ms = Some(310);
    record.total_ms = Some(2_750);
    record.text_chars = Some(50_000);
    record.text_sha256 = Some("ab".repeat(32));
    record
}

#[tokio::test]
async fn a_request_is_seen_as_started_and_then_as_done_with_everything_known_of_it() {
    let (store, _) = store().await;
    let started = record("r1", "alice", NOON);
    store.requests().started(&started).await.unwrap();
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("alice"), 10)
            .await
            .unwrap(),
        vec![started.clone()]
    );

    let done = done(started);
    store.requests().finished(&done).await.unwrap();
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("alice"), 10)
            .await
            .unwrap(),
        vec![done.clone()]
    );
    assert_eq!(
        store.requests().of_day(date!(2026 - 11 - 21), 10).await.unwrap(),
        vec![done]
    );
}

#[tokio::test]
async fn a_late_start_does_not_undo_the_end() {
    let (store, _) = store().await;
    let started = record("r1", "alice", NOON);
    let mut failed = started.clone();
    failed.state = State::Error;
    failed.error_code = Some("model_busy".to_owned());
    store.requests().finished(&failed).await.unwrap();
    store.requests().started(&started).await.unwrap();
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("alice"), 10)
            .await
            .unwrap(),
        vec![failed]
    );
}

#[tokio::test]
async fn starting_twice_is_one_record() {
    let (store, _) = store().await;
    let started = record("r1", "alice", NOON);
    store.requests().started(&started).await.unwrap();
    store.requests().started(&started).await.unwrap();
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("alice"), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_latest_of_a_caller_come_newest_first_and_are_the_caller_s_own() {
    let (store, _) = store().await;
    for second in [3, 1, 4, 0, 2] {
        let at = NOON + Duration::seconds(second);
        store
            .requests()
            .started(&record(&format!("a{second}"), "alice", at))
            .await
            .unwrap();
        store
            .requests()
            .started(&record(&format!("b{second}"), "bob", at))
            .await
            .unwrap();
    }
    let latest = store
        .requests()
        .last_of_caller(&caller("alice"), 3)
        .await
        .unwrap();
    let ids: Vec<_> = latest.iter().map(|record| record.request_id.as_str()).collect();
    assert_eq!(ids, ["a4", "a3", "a2"]);
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("alice"), 0)
            .await
            .unwrap(),
        vec![]
    );
    assert_eq!(
        store
            .requests()
            .last_of_caller(&caller("carol"), 3)
            .await
            .unwrap(),
        vec![]
    );
}

#[tokio::test]
async fn a_day_is_merged_from_its_shards_newest_first_without_the_next_day() {
    let (store, raw) = store().await;
    for minute in 0..40 {
        let at = NOON + Duration::minutes(minute);
        let caller = format!("caller-{}", minute % 5);
        store
            .requests()
            .started(&record(&format!("r{minute}"), &caller, at))
            .await
            .unwrap();
    }
    let midnight = record("tomorrow", "alice", datetime!(2026-11-22 00:00 UTC));
    store.requests().started(&midnight).await.unwrap();

    let all = store.requests().of_day(date!(2026 - 11 - 21), 100).await.unwrap();
    let expected: Vec<_> = (0..40).rev().map(|minute| format!("r{minute}")).collect();
    let ids =
        |records: &[RequestRecord]| -> Vec<_> { records.iter().map(|r| r.request_id.clone()).collect() };
    assert_eq!(ids(&all), expected);
    let some = store.requests().of_day(date!(2026 - 11 - 21), 7).await.unwrap();
    assert_eq!(ids(&some), expected[..7]);
    let next = store.requests().of_day(date!(2026 - 11 - 22), 7).await.unwrap();
    assert_eq!(next, vec![midnight]);

    let items = raw
        .scan()
        .table_name(TABLE.name)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    let shards: std::collections::BTreeSet<_> = items
        .iter()
        .map(|item| item["day"].as_s().unwrap().clone())
        .collect();
    assert!(
        shards.len() > 5,
        "40 requests fall into more than a few of the eight shards: {shards:?}"
    );
}

#[tokio::test]
async fn a_start_in_another_time_zone_counts_for_the_day_in_utc() {
    let (store, _) = store().await;
    let early = record("r1", "alice", datetime!(2026-11-22 00:30 +01:00));
    store.requests().started(&early).await.unwrap();
    assert_eq!(
        store.requests().of_day(date!(2026 - 11 - 21), 10).await.unwrap(),
        vec![early]
    );
}

#[tokio::test]
async fn an_item_has_its_keys_and_expires_thirty_days_after_its_start() {
    let (store, raw) = store().await;
    store
        .requests()
        .finished(&done(record("r1", "alice", NOON)))
        .await
        .unwrap();
    let items = raw
        .scan()
        .table_name(TABLE.name)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    let [item] = &items[..] else {
        panic!("one item, not {}", items.len())
    };
    assert_eq!(item["caller"], AttributeValue::S("alice".to_owned()));
    assert_eq!(
        item["sort"],
        AttributeValue::S("2026-11-21T12:00:00.250Z#r1".to_owned())
    );
    assert!(
        item["day"].as_s().unwrap().starts_with("2026-11-21#"),
        "{:?}",
        item["day"]
    );
    let expires_at = (NOON + Duration::days(KEPT_DAYS)).unix_timestamp();
    assert_eq!(item["expires_at"], AttributeValue::N(expires_at.to_string()));
    assert_eq!(item["state"], AttributeValue::S("done".to_owned()));
    assert_eq!(item["total_ms"], AttributeValue::N("2750".to_owned()));
    assert!(
        !item.contains_key("error_code"),
        "what is not known is not stored"
    );
}

#[tokio::test]
async fn creating_the_tables_twice_is_fine_and_expiry_is_on() {
    let (store, raw) = store().await;
    create_tables(&store).await.unwrap();
    let ttl = raw
        .describe_time_to_live()
        .table_name(TABLE.name)
        .send()
        .await
        .unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    assert_eq!(ttl.attribute_name.as_deref(), TABLE.ttl_attribute);
    assert_eq!(ttl.time_to_live_status, Some(TimeToLiveStatus::Enabled));
}

#[tokio::test]
async fn a_refused_call_says_what_could_not_be_done_and_why() {
    let config = StoreConfig::local(common::endpoint().await);
    let error = Store::connect(&config)
        .requests()
        .finished(&record("r1", "alice", NOON))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "could not write the request record");
    let StoreError::Call { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("ResourceNotFound"), "{source}");
    assert!(
        raw_client(&config)
            .list_tables()
            .send()
            .await
            .unwrap()
            .table_names()
            .is_empty()
    );
}

#[tokio::test]
async fn a_database_that_refuses_connections_fails_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (error, took) = time_to_fail(&url).await;
    assert!(took < StdDuration::from_millis(1_000), "{took:?}: {error}");
}

#[tokio::test]
async fn a_database_that_never_answers_fails_within_three_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    let (error, took) = time_to_fail(&url).await;
    assert!(
        took >= StdDuration::from_millis(1_900),
        "the first attempt is given its two seconds: {took:?}"
    );
    assert!(took < StdDuration::from_millis(3_800), "{took:?}: {error}");
    silent.abort();
}

async fn time_to_fail(url: &str) -> (StoreError, StdDuration) {
    let store = Store::connect(&StoreConfig::local(url));
    let begin = Instant::now();
    let error = store
        .requests()
        .started(&record("r1", "alice", NOON))
        .await
        .unwrap_err();
    (error, begin.elapsed())
}
