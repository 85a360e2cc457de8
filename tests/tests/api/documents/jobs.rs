//! Documents that are kept as jobs.

use std::time::Duration;

use lambent_callers::ApiKey;
use lambent_tests::{
    api::Api,
    upstream::{Behaviour, Fault},
};
use serde_json::{Value, json};

use super::{AT_ONCE, by, document, found, listed, put, status};

/// Has a document put as a job, and gives the job's id and the answer's headers.
async fn accepted(
    api: &Api,
    document: &Value,
    headers: &[(&str, &str)],
) -> (String, reqwest::header::HeaderMap) {
    let mut posting = api.posting("/documents", document);
    for (name, value) in headers {
        posting = posting.header(*name, *value);
    }
    let answer = posting.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (status.as_u16(), &body["status"]),
        (202, &json!("queued")),
        "{body:#}"
    );
    (body["job_id"].as_str().unwrap().to_owned(), headers)
}

#[tokio::test]
async fn a_long_text_is_a_job_whose_result_is_the_document() {
    let api = Api::start().await;
    let mut long = document("book", "glaciers", 200_000);
    let text: String = long["text"].as_str().unwrap().chars().take(200_000).collect();
    long["text"] = json!(text);
    let (id, headers) = accepted(&api, &long, &[]).await;
    assert_eq!(headers["location"], format!("jobs/{id}"));
    assert!(!headers.contains_key("preference-applied"));
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["kind"], &job["attempt"]),
        (&json!("succeeded"), &json!("document"), &json!(1)),
        "{job:#}"
    );
    let told: Value = api.get("/documents/book").await.json().await.unwrap();
    assert_eq!(job["result"], told);
    assert!(job["usage"]["input_tokens"].as_u64() > Some(30_000), "{job:#}");
    assert_eq!(job["usage"]["output_tokens"], 0);
    println!("{} chunks of 200,000 characters", told["chunks"]);
    assert_eq!(found(&api, "glaciers").await.len(), 50);
    // Lists say what it is, and its input is gone.
    let jobs: Value = api.get("/jobs").await.json().await.unwrap();
    assert_eq!(jobs["jobs"][0]["kind"], "document");
    let input = api.store.jobs().unwrap().input(&id).await.unwrap();
    assert!(input.is_none());
    let records = api.recorded().await;
    let run = records
        .iter()
        .find(|record| record.function == "jobs-worker")
        .unwrap();
    assert_eq!(
        (run.route.as_str(), run.request_id.clone()),
        ("POST /documents", format!("{id}-1"))
    );
}

#[tokio::test]
async fn a_short_one_is_a_job_for_those_who_prefer_that() {
    let api = Api::start().await;
    let mut note = document("", "notes", 100);
    note.as_object_mut().unwrap().remove("id");
    let (id, headers) = accepted(&api, &note, &[("prefer", "respond-async, wait=5")]).await;
    assert_eq!(headers["preference-applied"], "respond-async");
    let job = api.ended(&id).await;
    let document = job["result"]["document_id"].as_str().unwrap();
    assert_eq!(status(&api, document).await, 200);
}

#[tokio::test]
async fn the_same_request_sent_twice_is_one_job_and_one_document() {
    let api = Api::start().await;
    let mut long = document("", "ferries", AT_ONCE + 1);
    long.as_object_mut().unwrap().remove("id");
    let key = [("idempotency-key", "k")];
    let (first, headers) = accepted(&api, &long, &key).await;
    assert!(!headers.contains_key("idempotency-replayed"));
    let (again, headers) = accepted(&api, &long, &key).await;
    assert_eq!(
        (&again, &headers["idempotency-replayed"]),
        (&first, &"true".parse().unwrap())
    );
    assert_eq!(api.ended(&first).await["status"], "succeeded");
    assert_eq!(listed(&api, 10).await.len(), 1);
    // Another document under the same key, or an analysis, is another request.
    let other = document("x", "ferries", AT_ONCE + 1);
    let refused = api.posting("/documents", &other).header("idempotency-key", "k");
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 422);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["code"],
        "idempotency_mismatch"
    );
    let analysis = json!({"text": "The ferry leaves at noon.", "analysis_type": "summary"});
    let refused = api
        .posting("/analyse/async", &analysis)
        .header("idempotency-key", "k");
    assert_eq!(refused.send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn a_job_whose_document_was_put_again_meanwhile_fails() {
    let api = Api::start().await;
    api.upstream
        .then_embedding(Fault::Silence(Duration::from_secs(2)));
    let (id, _) = accepted(
        &api,
        &document("plan", "oldness", 300),
        &[("prefer", "respond-async")],
    )
    .await;
    api.upstream.until(|counts| counts.open > 0).await;
    put(&api, &document("plan", "newness", 300)).await;
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["error"]["code"], &job["attempt"]),
        (&json!("failed"), &json!("document_replaced"), &json!(1)),
        "{job:#}"
    );
    assert_eq!(job["error"]["status"], 409);
    let hits = found(&api, "oldness newness").await;
    assert!(!hits.is_empty());
    assert!(
        hits.iter()
            .all(|hit| hit["text"].as_str().unwrap().contains("newness"))
    );
    let left = api.store.documents().unwrap().leftovers(u64::MAX / 2, 10).await;
    assert!(left.unwrap().is_empty(), "its chunks are deleted");
}

#[tokio::test]
async fn a_job_whose_model_fails_is_tried_again_and_shows_nothing_until_then() {
    let api = Api::start().await;
    // One call and its two repetitions are one attempt.
    for _ in 0..3 {
        api.upstream.then_embedding(Behaviour::status(500));
    }
    let (id, _) = accepted(&api, &document("retried", "patience", AT_ONCE + 1), &[]).await;
    let waits = api
        .until(&id, |job| job["attempt"] == 1 && job["status"] == "running")
        .await;
    assert!(waits.get("result").is_none());
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("succeeded"), &json!(2)),
        "{job:#}"
    );
    assert!(job.get("error").is_none());
    assert_eq!(found(&api, "patience").await[0]["document_id"], "retried");
}

#[tokio::test]
async fn a_job_that_is_cancelled_leaves_nothing_visible() {
    let api = Api::start().await;
    api.upstream
        .then_embedding(Fault::Silence(Duration::from_secs(60)));
    let (id, _) = accepted(&api, &document("cancelled", "regret", AT_ONCE + 1), &[]).await;
    api.upstream.until(|counts| counts.open > 0).await;
    let asked = api
        .client
        .delete(api.url(&format!("/jobs/{id}")))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 202);
    assert_eq!(api.ended(&id).await["status"], "cancelled");
    assert_eq!(status(&api, "cancelled").await, 404);
    assert!(found(&api, "regret").await.is_empty());
}

#[tokio::test]
async fn a_job_is_charged_and_the_next_one_refused_that_the_budget_does_not_cover() {
    let api = Api::start().await;
    let long = document("dear", "money", AT_ONCE + 1);
    // As much as one can cost.
    let bytes = long.to_string().len() as u64;
    let at_most = lambent_llm::EmbeddingPricing::of(&lambent_tests::api::embedding(&api.upstream))
        .at_most(lambent_retrieval::embedded_at_most(bytes));
    let key: ApiKey = api.new_key(|key| key.limits.budget = Some(at_most)).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = by(&key, |client| client.post(api.url("/documents")).json(&long));
        let body: Value = sent.send().await.unwrap().json().await.unwrap();
        ids.extend(body["job_id"].as_str().map(str::to_owned));
    }
    // Whichever is begun first is paid for, and does not leave enough for the other one, if that was accepted.
    let mut succeeded = 0;
    for id in &ids {
        let job = ended(&api, &key, id).await;
        if job["status"] == "succeeded" {
            assert!(job["cost"]["tokens"].as_u64() > Some(0), "{job:#}");
            succeeded += 1;
        } else {
            assert_eq!(job["error"]["code"], "budget_exceeded", "{job:#}");
        }
    }
    assert_eq!(succeeded, 1, "of {}", ids.len());
    // Less is left than another one can cost.
    let sent = by(&key, |client| client.post(api.url("/documents")).json(&long));
    let refused = sent.send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "budget_exceeded");
}

/// The job of another caller than the API's own client, once it has ended.
async fn ended(api: &Api, key: &ApiKey, id: &str) -> Value {
    loop {
        let url = api.url(&format!("/jobs/{id}?wait=20"));
        let job = by(key, |client| client.get(url)).send().await.unwrap();
        let job: Value = job.json().await.unwrap();
        if job.get("finished_at").is_some() {
            return job;
        }
    }
}
