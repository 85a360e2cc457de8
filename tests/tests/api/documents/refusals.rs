//! What is no document, and what cannot be kept.

use lambent_callers::ApiKey;
use lambent_tests::{
    api::Api,
    database::now_ms,
    upstream::{Behaviour, SECRET, Vectors},
};
use serde_json::{Map, Value, json};

use super::{by, document, found, listed, status};

/// The places of what is wrong with a document.
async fn wrong(api: &Api, body: &Value) -> Vec<(String, String)> {
    let refused = api.post("/documents", body).await;
    let status = refused.status();
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(status, 422, "{problem:#}");
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|error| (text(error, "pointer"), text(error, "code")))
        .collect()
}

fn metadata(count: usize) -> Value {
    let names = (0..count).map(|number| (format!("name-{number}"), json!(number)));
    Value::Object(names.collect::<Map<_, _>>())
}

#[tokio::test]
async fn each_rule_that_a_document_breaks_is_told_with_its_place() {
    let api = Api::start().await;
    let with = |name: &str, value: Value| {
        let mut body = document("a", "rules", 50);
        body[name] = value;
        body
    };
    let long_id = "x".repeat(129);
    for id in ["", "-a", "a b", "a/b", "é", long_id.as_str()] {
        let places = wrong(&api, &with("id", json!(id))).await;
        assert!(places.iter().all(|(place, _)| place == "/id"), "{id}: {places:?}");
    }
    for (body, place) in [
        (with("title", json!("")), "/title"),
        (with("title", json!("  ")), "/title"),
        (with("title", json!("x".repeat(201))), "/title"),
        (with("text", json!("")), "/text"),
        (with("text", json!(" \n ")), "/text"),
        (with("text", json!("x".repeat(200_001))), "/text"),
        (with("metadata", metadata(17)), "/metadata"),
        (with("metadata", metadata(501)), "/metadata"),
        (with("metadata", json!({"a": null})), "/metadata/a"),
        (with("metadata", json!({"a": ["b"]})), "/metadata/a"),
        (with("metadata", json!({"a": "x".repeat(257)})), "/metadata/a"),
        (with("other", json!(1)), "/other"),
    ] {
        let places = wrong(&api, &body).await;
        assert!(
            places.iter().any(|(found, _)| found == place),
            "{place}: {places:?}"
        );
    }
    assert!(!wrong(&api, &with("metadata", json!({"a b": 1}))).await.is_empty());
    assert_eq!(wrong(&api, &json!({})).await.len(), 2, "title and text");
    assert!(listed(&api, 10).await.is_empty());
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_model_that_fails_leaves_nothing_visible() {
    let api = Api::start().await;
    for (behaviour, expected, code) in [
        (Behaviour::status(500).into(), 502, "model_failed"),
        (Behaviour::unauthorized().into(), 502, "model_failed"),
        (Behaviour::rate_limited("60").into(), 503, "model_busy"),
        (
            lambent_tests::upstream::EmbeddingBehaviour::from(Vectors::OneLess),
            502,
            "model_failed",
        ),
        (Vectors::Wide(1024).into(), 502, "model_failed"),
    ] {
        api.upstream.otherwise_embedding(behaviour);
        let answer = api.post("/documents", &document("none", "failure", 300)).await;
        assert_eq!(answer.status().as_u16(), expected);
        let body = answer.text().await.unwrap();
        assert!(body.contains(code) && !body.contains(SECRET), "{body}");
    }
    api.upstream.otherwise_embedding(Vectors::AsAsked);
    assert_eq!(status(&api, "none").await, 404);
    assert!(found(&api, "failure").await.is_empty());
    assert!(listed(&api, 10).await.is_empty());
}

#[tokio::test]
async fn a_budget_that_is_used_up_keeps_nothing_and_what_is_kept_is_paid_for() {
    let api = Api::start().await;
    let note = document("paid", "money", 500);
    let put = async |key: &ApiKey| {
        let sent = by(key, |client| client.post(api.url("/documents")).json(&note));
        let answer = sent.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let poor = api.new_key(|key| key.limits.budget = Some(1)).await;
    let (status, problem) = put(&poor).await;
    assert_eq!((status, &problem["code"]), (429, &json!("budget_exceeded")));
    let rich = api.new_key(|key| key.limits.budget = Some(1_000_000)).await;
    assert_eq!(put(&rich).await.0, 201);
    let spent = async || {
        let keys = api.store.callers().unwrap().keys(now_ms()).await.unwrap();
        let kept = keys.into_iter().find(|kept| kept.id == rich.id()).unwrap();
        1_000_000 - kept.remaining.unwrap()
    };
    // A hundred tokens are two millionths of a dollar, and what was reserved is given back beside the answer.
    for _ in 0..100 {
        if (1..=10).contains(&spent().await) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("spent {}", spent().await);
}

#[tokio::test]
async fn a_caller_without_the_scope_keeps_and_finds_nothing() {
    let api = Api::start().await;
    let key = api.new_key(|key| key.scopes = vec!["analyse".to_owned()]).await;
    let put = by(&key, |client| {
        client.post(api.url("/documents")).json(&document("a", "b", 50))
    });
    assert_eq!(put.send().await.unwrap().status(), 403);
    let search = by(&key, |client| {
        client.post(api.url("/search")).json(&json!({"query": "b"}))
    });
    assert_eq!(search.send().await.unwrap().status(), 403);
    for path in ["/documents", "/documents/a"] {
        let read = by(&key, |client| client.get(api.url(path)));
        assert_eq!(read.send().await.unwrap().status(), 403, "{path}");
    }
}
