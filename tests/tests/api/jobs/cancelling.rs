//! Taking a job back.

use std::time::Duration;

use lambent_tests::{
    api::Api,
    upstream::{Answer, Behaviour},
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::numbered;

async fn cancel(api: &Api, id: &str) -> Response {
    let url = api.url(&format!("/jobs/{id}"));
    api.client.delete(url).send().await.unwrap()
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_at_once() {
    let api = Api::start().await;
    api.upstream.otherwise(Behaviour::Hang);
    // More than are worked at together: one of them waits behind another.
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(api.job(&numbered(number)).await);
    }
    api.upstream.until(|counts| counts.open >= 5).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut waiting = None;
    for id in &ids {
        if api.told(id).await["status"] == "queued" {
            waiting = Some(id);
        }
    }
    let waiting = waiting.expect("a job that waits");
    let calls = api.upstream.counts().requests;
    let cancelled = cancel(&api, waiting).await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    let job: Value = cancelled.json().await.unwrap();
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("cancelled"), &json!(0))
    );
    assert!(job["finished_at"].is_string() && job.get("started_at").is_none());
    assert_eq!(cancel(&api, waiting).await.status(), StatusCode::OK);
    assert_eq!(api.told(waiting).await, job);
    assert_eq!(api.upstream.counts().requests, calls);
}

#[tokio::test]
async fn a_job_that_runs_stops_and_so_does_its_model() {
    let api = Api::start().await;
    let endless = Answer::text("word ".repeat(10_000)).paced(Duration::ZERO, Duration::from_millis(50));
    api.upstream.otherwise(endless);
    let id = api.job(&numbered(1)).await;
    api.until(&id, |job| job["status"] == "running").await;
    api.upstream.until(|counts| counts.written_tokens > 5).await;
    let asked = cancel(&api, &id).await;
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    assert_eq!(asked.json::<Value>().await.unwrap()["cancel_requested"], true);
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("cancelled"), &json!(1))
    );
    assert!(job.get("result").is_none() && job["usage"]["output_tokens"].as_u64() > Some(5));
    let counts = api.upstream.until(|counts| counts.open == 0).await;
    assert_eq!((counts.requests, counts.cancelled), (1, 1));
}

#[tokio::test]
async fn a_job_that_has_ended_stays_as_it_is() {
    let api = Api::start().await;
    let id = api.job(&numbered(1)).await;
    let job = api.ended(&id).await;
    let refused = cancel(&api, &id).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "job_ended");
    assert_eq!(api.told(&id).await, job);
}
