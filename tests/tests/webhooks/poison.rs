//! Events that cannot be handled: given up, told of, and taken anew when they are sent again.

use std::time::Duration;

use lambent_store::webhooks::EventStatus;
use serde_json::Value;

use crate::{SECRET, Till, signed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read_fails_is_given_up_and_handled_when_it_is_right() {
    let till = Till::start().await;
    let right = till.session("evt_1", "pi_1", 1000);
    let mut wrong = right.clone();
    wrong["data"]["object"]["amount_total"] = "hunter2".into();
    assert_eq!(till.tell(&wrong).await, "received");
    let failed = till.ended("stripe", "evt_1").await;
    assert_eq!(
        (failed.status, failed.reason.as_deref()),
        (EventStatus::Failed, Some("the event cannot be read"))
    );
    let given_up: Vec<Value> = {
        let mut kept = till.api.failed_jobs();
        for _ in 0..400 {
            if !kept.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            kept = till.api.failed_jobs();
        }
        kept
    };
    assert_eq!(given_up.len(), 1);
    assert!(
        given_up[0].to_string().contains("webhooks-worker"),
        "{given_up:?}"
    );
    // Its id is free again, since it has had no effect.
    let body = right.to_string();
    let answer = till.send(&body, &signed(&body, SECRET, 0)).await;
    assert!(answer.text().await.unwrap().contains("received"));
    assert_eq!(till.ended("stripe", "evt_1").await.status, EventStatus::Handled);
    assert_eq!(till.topped_up().await, 1000);
}
