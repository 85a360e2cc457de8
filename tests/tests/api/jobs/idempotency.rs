//! The same request, sent twice, is one job.

use std::time::Duration;

use futures::future::join_all;
use lambent_tests::api::Api;
use serde_json::Value;

use super::{by, listed, numbered};

/// Sends a job with an idempotency key; status, whether it is a replay, and body.
async fn send(api: &Api, key: &str, number: usize) -> (u16, bool, Value) {
    let sent = api.posting("/analyse/async", &numbered(number));
    let answer = sent.header("idempotency-key", key).send().await.unwrap();
    let replayed = answer.headers().get("idempotency-replayed");
    let replayed = replayed.is_some_and(|value| value == "true");
    (answer.status().as_u16(), replayed, answer.json().await.unwrap())
}

#[tokio::test]
async fn ten_identical_requests_at_once_make_one_job() {
    let api = Api::start().await;
    let answers = join_all((0..10).map(|_| send(&api, "one-and-the-same", 1))).await;
    assert!(answers.iter().all(|(status, ..)| *status == 202), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, replayed, _)| !replayed).count(), 1);
    let (_, _, first) = &answers[0];
    assert!(answers.iter().all(|(_, _, body)| body == first));
    let id = first["job_id"].as_str().unwrap();
    api.ended(id).await;
    assert_eq!(listed(&api).await, [id]);
    // The first answer again, though the job is done.
    assert_eq!(
        send(&api, "\"one-and-the-same\"", 1).await,
        (202, true, first.clone())
    );
    assert_eq!(api.upstream.counts().requests, 1);
}

#[tokio::test]
async fn a_key_is_for_one_body_and_one_caller() {
    let api = Api::start().await;
    let (_, _, first) = send(&api, "k", 1).await;
    let (status, _, problem) = send(&api, "k", 2).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (422, Some("idempotency_mismatch"))
    );
    let stranger = api.new_key(|_| {}).await;
    let sent = by(&stranger, |client| {
        client.post(api.url("/analyse/async")).json(&numbered(2))
    });
    let other = sent.header("idempotency-key", "k").send().await.unwrap();
    assert_eq!(other.status(), 202);
    assert_ne!(other.json::<Value>().await.unwrap()["job_id"], first["job_id"]);
    let long = "k".repeat(256);
    for wrong in ["", "\"\"", long.as_str()] {
        let (status, _, problem) = send(&api, wrong, 1).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("invalid_request")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_client_that_lost_the_answer_and_sends_again_has_one_job() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let key = format!("lost-{number}");
        let sent = api.posting("/analyse/async", &numbered(number));
        // Gone before the write, or after it and before the answer, as it happens.
        let patience = Duration::from_micros(250 * number as u64);
        let sent = sent.header("idempotency-key", &key).timeout(patience).send();
        let _ = sent.await;
        let (status, _, body) = send(&api, &key, number).await;
        assert_eq!(status, 202);
        ids.push(body["job_id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        api.ended(id).await;
    }
    ids.sort();
    let mut all = listed(&api).await;
    all.sort();
    assert_eq!(all, ids);
}
