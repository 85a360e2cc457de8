//! What cannot be searched for.

use lambent_tests::{api::Api, upstream::vector};
use serde_json::{Value, json};

/// The answer to a body, as it stands: some of these are no JSON.
async fn answered(api: &Api, body: String) -> (u16, Value) {
    let sent = api
        .client
        .post(api.url("/search"))
        .header("content-type", "application/json")
        .body(body);
    let answer = sent.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A body with so many numbers, one of which is written like this.
fn with(count: usize, place: usize, number: &str) -> String {
    let mut numbers: Vec<String> = vector("night trains", count).iter().map(f32::to_string).collect();
    numbers[place] = number.to_owned();
    format!(r#"{{"embedding": [{}]}}"#, numbers.join(", "))
}

#[tokio::test]
async fn an_embedding_is_exactly_512_finite_numbers() {
    let api = Api::start().await;
    assert_eq!(answered(&api, with(512, 0, "1")).await.0, 200);
    assert_eq!(answered(&api, with(512, 511, "-3.4e38")).await.0, 200);
    for (body, place) in [
        (with(511, 0, "1"), "/embedding"),
        (with(513, 0, "1"), "/embedding"),
        (r#"{"embedding": []}"#.to_owned(), "/embedding"),
        (r#"{"embedding": "zero"}"#.to_owned(), "/embedding"),
        (with(512, 7, "\"1\""), "/embedding/7"),
        (with(512, 500, "null"), "/embedding/500"),
        (with(512, 0, "NaN"), "/embedding/0"),
        (with(512, 511, "Infinity"), "/embedding/511"),
        (with(512, 100, "1e400"), "/embedding/100"),
        (with(512, 99, "1e39"), "/embedding/99"),
        (with(512, 98, "-1e39"), "/embedding/98"),
    ] {
        let (status, problem) = answered(&api, body).await;
        assert_eq!(status, 422, "{place}: {problem:#}");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{problem:#}");
        assert_eq!(errors[0]["pointer"], place, "{problem:#}");
    }
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_search_is_by_one_thing_and_within_bounds() {
    let api = Api::start().await;
    let embedding = vector("a", 512);
    for (body, place) in [
        (json!({}), ""),
        (json!({"top_k": 3}), ""),
        (json!({"query": "a", "embedding": embedding}), "/embedding"),
        (json!({"query": ""}), "/query"),
        (json!({"query": "   "}), "/query"),
        (json!({"query": "x".repeat(2001)}), "/query"),
        (json!({"query": "a", "top_k": 0}), "/top_k"),
        (json!({"query": "a", "top_k": 51}), "/top_k"),
        (json!({"query": "a", "top_k": 1.5}), "/top_k"),
        (json!({"query": "a", "min_score": -0.1}), "/min_score"),
        (json!({"query": "a", "min_score": 1.1}), "/min_score"),
        (json!({"query": "a", "filter": {"b": null}}), "/filter/b"),
        (json!({"query": "a", "limit": 3}), "/limit"),
    ] {
        let (status, problem) = answered(&api, body.to_string()).await;
        assert_eq!(status, 422, "{body}: {problem:#}");
        assert!(
            problem["errors"]
                .as_array()
                .unwrap()
                .iter()
                .any(|error| error["pointer"] == place),
            "{body}: {problem:#}"
        );
    }
    for body in [
        json!({"query": "x".repeat(2000), "top_k": 50, "min_score": 1}),
        json!({"query": "a", "top_k": 1, "min_score": 0}),
    ] {
        assert_eq!(answered(&api, body.to_string()).await.0, 200, "{body}");
    }
}
