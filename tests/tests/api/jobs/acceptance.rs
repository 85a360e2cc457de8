//! A job is accepted at once, done, and told to nobody but its caller.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jsonschema::validator_for;
use lambent_schema::openapi;
use lambent_tests::{
    api::{Api, report, request},
    upstream::Answer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{by, listed, numbered};

/// The id of no job.
const UNKNOWN: &str = "0199a1de-7c55-7d0c-9b63-000000000000";

#[tokio::test]
async fn a_job_is_accepted_at_once_and_then_done() {
    let api = Api::start().await;
    api.upstream
        .otherwise(Answer::as_asked().paced(Duration::from_millis(300), Duration::ZERO));
    let accepted = api
        .post("/analyse/async", &request(&report(), "detailed", "markdown"))
        .await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let [location, retry_after] =
        ["location", "retry-after"].map(|name| accepted.headers()[name].to_str().unwrap().to_owned());
    assert_eq!(retry_after, "2");
    let here = accepted.url().clone();
    let accepted: Value = accepted.json().await.unwrap();
    assert_eq!(accepted["status"], "queued");
    let id = accepted["job_id"].as_str().unwrap();

    let told = api
        .client
        .get(here.join(&location).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(told.status(), 200);
    assert_eq!(told.json::<Value>().await.unwrap()["job_id"], id);

    let job = api.ended(id).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("succeeded"), &json!(1)),
        "{job:#}"
    );
    assert!(job["result"]["markdown"].is_string() && job["usage"]["output_tokens"].as_u64() > Some(0));
    assert!(job["created_at"].as_str() <= job["started_at"].as_str());
    assert!(job["started_at"].as_str() < job["finished_at"].as_str());
    let document = openapi::document();
    let schema = json!({"$ref": "#/components/schemas/Job", "components": document["components"]});
    assert!(validator_for(&schema).unwrap().is_valid(&job), "{job:#}");
    // Its run is in the request log, beside its request.
    let records = api.recorded().await;
    let run = records
        .iter()
        .find(|record| record.function == "jobs-worker")
        .unwrap();
    assert_eq!(run.request_id, format!("{id}-1"));
    assert_eq!(run.output_tokens, job["usage"]["output_tokens"].as_u64());
}

#[tokio::test]
async fn analyse_becomes_a_job_for_those_who_prefer_that() {
    let api = Api::start().await;
    let posting = api.posting("/analyse", &numbered(7));
    let accepted = posting
        .header("prefer", "respond-async, wait=5")
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert_eq!(accepted.headers()["preference-applied"], "respond-async");
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    let job = accepted.url().join(&location).unwrap();
    let told = api.client.get(job).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    assert_eq!(
        api.ended(told["job_id"].as_str().unwrap()).await["status"],
        "succeeded"
    );
    assert_eq!(api.post("/analyse", &numbered(7)).await.status(), 200);
}

#[tokio::test]
async fn a_job_s_body_is_validated_as_an_analysis_is() {
    let api = Api::start().await;
    let wrong =
        json!({"text": "short", "analysis_type": "x", "callback_url": "http://example.com", "job": 1});
    let refused = api.post("/analyse/async", &wrong).await;
    assert_eq!(refused.status(), 422);
    let problem: Value = refused.json().await.unwrap();
    let errors = problem["errors"].as_array().unwrap().iter();
    let places: Vec<_> = errors.map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["/analysis_type", "/job", "/text", "/text"]);
    // As large as a document can be: each of its characters is six bytes of JSON.
    let largest = request(&"\u{1}".repeat(50_000), "summary", "json");
    let job = api.ended(&api.job(&largest).await).await;
    assert_eq!(job["status"], "succeeded", "{job:#}");
}

#[tokio::test]
async fn waiting_for_a_job_ends_with_it() {
    let api = Api::start().await;
    api.upstream
        .otherwise(Answer::number().paced(Duration::from_millis(1500), Duration::ZERO));
    let id = api.job(&numbered(1)).await;
    let began = Instant::now();
    let job: Value = api
        .get(&format!("/jobs/{id}?wait=20"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(job["status"], "succeeded", "{job:#}");
    assert_eq!(job["result"]["summary"], "1");
    assert!(began.elapsed() < Duration::from_secs(20));
    let refused = api.get(&format!("/jobs/{id}?wait=21&soon=yes")).await;
    assert_eq!(refused.status(), 422);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/soon");
    assert_eq!(problem["errors"][1]["pointer"], "/wait");
}

#[tokio::test]
async fn a_job_that_has_not_changed_is_not_sent_again() {
    let api = Api::start().await;
    let id = api.job(&numbered(1)).await;
    api.ended(&id).await;
    let path = api.url(&format!("/jobs/{id}"));
    let first = api.client.get(&path).send().await.unwrap();
    assert!(!first.headers().contains_key("retry-after"));
    let tag = first.headers()["etag"].clone();
    let again = api.client.get(&path).header("if-none-match", tag.clone());
    let again = again.send().await.unwrap();
    assert_eq!(
        (again.status(), again.headers()["etag"].clone()),
        (StatusCode::NOT_MODIFIED, tag)
    );
    assert!(again.bytes().await.unwrap().is_empty());
    let other = api.client.get(&path).header("if-none-match", "\"other\"");
    assert_eq!(other.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn another_caller_s_job_is_as_unknown_as_none() {
    let api = Api::start().await;
    let id = api.job(&numbered(1)).await;
    api.ended(&id).await;
    let stranger = api.new_key(|_| {}).await;
    for method in ["GET", "DELETE"] {
        let method: reqwest::Method = method.parse().unwrap();
        let mut answers = Vec::new();
        for id in [id.as_str(), UNKNOWN, "not-even-an-id"] {
            let url = api.url(&format!("/jobs/{id}"));
            let asked = by(&stranger, |client| client.request(method.clone(), url));
            let answer = asked.header("x-request-id", "the-same").send().await.unwrap();
            let names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
            answers.push((answer.status(), names, answer.text().await.unwrap()));
        }
        assert_eq!(answers[0].0, 404);
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], answers[2]);
    }
    let list = by(&stranger, |client| client.get(api.url("/jobs")))
        .send()
        .await
        .unwrap();
    assert_eq!(list.json::<Value>().await.unwrap(), json!({"jobs": []}));
    assert_eq!(api.told(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(api.job(&numbered(number)).await);
    }
    join_all(ids.iter().map(|id| api.ended(id))).await;
    ids.reverse();
    assert_eq!(listed(&api).await, ids);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value = api
            .get(&format!("/jobs?limit=3{cursor}"))
            .await
            .json()
            .await
            .unwrap();
        let jobs = page["jobs"].as_array().unwrap().clone();
        assert!(jobs.len() <= 3 && jobs.iter().all(|job| job.get("result").is_none()));
        assert!(jobs.iter().all(|job| job["status"] == "succeeded"));
        paged.extend(jobs.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ids);
}
