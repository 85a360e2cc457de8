//! Events are kept once, and payments are worth what they are, whatever happens at once and in whatever order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod months;
mod payments;

use lambent_store::callers::{Limits, NewKey, Rate};
use lambent_store::webhooks::{EventStatus, Kept, Ledger, NewEvent, Webhooks};
use lambent_store::{Callers, Store, now_ms};

const CENT: i64 = 10_000;
const BUDGET: u64 = 5_000_000;

fn event(event_id: &str) -> NewEvent<'_> {
    NewEvent {
        source: "stripe",
        event_id,
        kind: Some("charge.refunded"),
        payload: r#"{"id":  "evt", "amount": 1.0}"#,
        request_id: "r1",
        now_ms: now_ms(),
    }
}

async fn keep(webhooks: &Webhooks, event_id: &str) -> String {
    assert_eq!(webhooks.keep(&event(event_id)).await.unwrap(), Kept::New);
    Webhooks::id("stripe", event_id)
}

/// A ledger with a key of a budget of 5 dollars a month.
async fn ledger() -> (Store, Ledger) {
    let (store, _) = common::store().await;
    let callers = store.callers().unwrap();
    insert(&callers, "alice", now_ms()).await;
    let ledger = store.ledger().unwrap();
    (store, ledger)
}

async fn insert(callers: &Callers, id: &str, created_at_ms: u64) {
    let key = NewKey {
        id: id.to_owned(),
        hash: "hash".to_owned(),
        name: "test".to_owned(),
        scopes: vec!["analyse".to_owned()],
        limits: Limits {
            rate: Rate {
                interval_ms: 1,
                burst: 1000,
            },
            budget: Some(BUDGET),
            concurrency: 10,
            max_output_tokens: None,
        },
        created_at_ms,
    };
    assert!(callers.create_key(&key).await.unwrap());
}

/// What the caller has left, beyond its month's own budget.
async fn extra(callers: &Callers, now_ms: u64) -> i64 {
    let keys = callers.keys(now_ms).await.unwrap();
    keys[0].remaining.unwrap() - i64::try_from(BUDGET).unwrap()
}

#[tokio::test]
async fn an_event_is_kept_as_it_is_and_once() {
    let (store, _) = common::store().await;
    let webhooks = store.webhooks().unwrap();
    let id = keep(&webhooks, "evt_1").await;
    assert_eq!(webhooks.keep(&event("evt_1")).await.unwrap(), Kept::Duplicate);
    let kept = webhooks.find(&id).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.attempts, kept.payload.as_str()),
        (EventStatus::Received, 0, event("evt_1").payload)
    );
    // Another source may use the same id.
    let other = NewEvent {
        source: "acme",
        ..event("evt_1")
    };
    assert_eq!(webhooks.keep(&other).await.unwrap(), Kept::New);
    // Its body is nobody's to see.
    assert!(!format!("{kept:?}").contains("amount"), "{kept:?}");
}

#[tokio::test]
async fn an_event_that_the_stream_has_given_up_is_received_anew_when_it_is_sent_again() {
    let (store, _) = common::store().await;
    let webhooks = store.webhooks().unwrap();
    let ago = |minutes: u64| NewEvent {
        now_ms: now_ms() - minutes * 60_000,
        ..event("evt_1")
    };
    assert_eq!(webhooks.keep(&ago(70)).await.unwrap(), Kept::New);
    assert_eq!(webhooks.keep(&ago(15)).await.unwrap(), Kept::Duplicate);
    assert_eq!(webhooks.keep(&ago(0)).await.unwrap(), Kept::New);
    assert_eq!(webhooks.keep(&ago(0)).await.unwrap(), Kept::Duplicate);
    // Not one that has ended, however long ago.
    let id = Webhooks::id("stripe", "evt_2");
    let handled = NewEvent {
        event_id: "evt_2",
        ..ago(70)
    };
    assert_eq!(webhooks.keep(&handled).await.unwrap(), Kept::New);
    let end = webhooks.end(&id, EventStatus::Handled, None, now_ms());
    end.await.unwrap();
    assert_eq!(webhooks.keep(&event("evt_2")).await.unwrap(), Kept::Duplicate);
}

#[tokio::test]
async fn an_event_fails_with_its_last_attempt_and_is_received_anew_when_it_is_sent_again() {
    let (store, _) = common::store().await;
    let webhooks = store.webhooks().unwrap();
    let id = keep(&webhooks, "evt_1").await;
    for (attempts, expected) in [(1, EventStatus::Received), (2, EventStatus::Failed)] {
        let kept = webhooks.find(&id).await.unwrap().unwrap();
        webhooks
            .attempt_failed(&kept, "broken", 2, now_ms())
            .await
            .unwrap();
        let kept = webhooks.find(&id).await.unwrap().unwrap();
        assert_eq!((kept.attempts, kept.status), (attempts, expected));
        assert_eq!(kept.reason.as_deref(), Some("broken"));
    }
    let failed = webhooks.find(&id).await.unwrap().unwrap();
    // Late ends of others change nothing.
    webhooks
        .end(&id, EventStatus::Handled, None, now_ms())
        .await
        .unwrap();
    assert_eq!(webhooks.find(&id).await.unwrap().unwrap(), failed);
    assert_eq!(keep(&webhooks, "evt_1").await, id);
    let again = webhooks.find(&id).await.unwrap().unwrap();
    assert_eq!(
        (again.status, again.attempts, again.reason),
        (EventStatus::Received, 0, None)
    );
}
