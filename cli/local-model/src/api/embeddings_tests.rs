//! The endpoint on a model of random weights: the protocol, and that a text's vector is its own whatever stands beside it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{EMBEDDING_DIMENSIONS, LocalEmbedder, Silent, WeightsSource, router, tiny_bert};

/// The endpoint, and the folder that it loads from.
fn app() -> (Router, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (app_of(tiny_bert::source(folder.path())), folder)
}

fn app_of(source: WeightsSource) -> Router {
    router(None, Arc::new(LocalEmbedder::new(source, Silent)))
}

async fn post(app: &Router, body: impl ToString) -> (StatusCode, HeaderMap, Value) {
    let request = Request::post("/v1/embeddings")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (
        parts.status,
        parts.headers,
        serde_json::from_slice(&bytes).unwrap(),
    )
}

async fn embed(app: &Router, input: Value) -> Value {
    let (status, _, reply) = post(app, json!({ "model": "any", "input": input })).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    reply
}

fn vectors(reply: &Value) -> Vec<Vec<f32>> {
    let items = reply["data"].as_array().unwrap();
    items
        .iter()
        .map(|item| serde_json::from_value(item["embedding"].clone()).unwrap())
        .collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn a_text_is_answered_in_openai_s_shape() {
    let (app, _folder) = app();
    let reply = embed(&app, json!("Hello you")).await;
    assert_eq!(reply["object"], "list");
    assert_eq!(reply["model"], "all-minilm-l6-v2");
    assert_eq!(reply["data"][0]["object"], "embedding");
    assert_eq!(reply["data"][0]["index"], 0);
    // A letter a piece, and the two ends.
    assert_eq!(reply["usage"], json!({ "prompt_tokens": 10, "total_tokens": 10 }));
    assert_eq!(reply["truncated_inputs"], 0);
    let [vector] = vectors(&reply).try_into().unwrap();
    assert_eq!(vector.len(), EMBEDDING_DIMENSIONS);
    assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
}

#[tokio::test]
async fn a_text_s_vector_is_its_own_whatever_stands_beside_it() {
    let (app, _folder) = app();
    // More than one batch, of all lengths, in no order.
    let texts: Vec<String> = (0..40)
        .map(|n| {
            let letter = char::from(b'a' + n % 26);
            letter.to_string().repeat(1 + usize::from(n) * 7 % 40)
        })
        .collect();
    let together = vectors(&embed(&app, json!(texts)).await);
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        let [alone] = vectors(&embed(&app, json!(text)).await).try_into().unwrap();
        assert!(cosine(&alone, vector) > 0.99999, "{text}");
    }
    assert!(cosine(&together[0], &together[1]) < 0.999, "others have others");
}

#[tokio::test]
async fn base64_holds_the_same_numbers() {
    let (app, _folder) = app();
    let request = json!({ "input": ["a", "b"], "encoding_format": "base64", "dimensions": 384 });
    let (_, _, reply) = post(&app, &request).await;
    let bytes = BASE64
        .decode(reply["data"][1]["embedding"].as_str().unwrap())
        .unwrap();
    let numbers: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, vectors(&embed(&app, json!(["a", "b"])).await)[1]);
}

#[tokio::test]
async fn of_a_long_text_the_beginning_is_read_and_that_is_told() {
    let (app, _folder) = app();
    let reply = embed(&app, json!(["a".repeat(90), "b ".repeat(300), "b ".repeat(254)])).await;
    assert_eq!(reply["truncated_inputs"], 1);
    assert_eq!(reply["usage"]["prompt_tokens"], 92 + 256 + 256);
    let vectors = vectors(&reply);
    assert!(
        cosine(&vectors[1], &vectors[2]) > 0.99999,
        "its beginning is the other"
    );
}

#[tokio::test]
async fn what_is_refused_is_told_in_openai_s_error_object() {
    let (app, _folder) = app();
    let many = vec!["a"; 257];
    let cases = [
        (json!({ "input": [1, 2, 3] }), Some("input"), "token ids"),
        (json!({ "input": [[1, 2], [3]] }), Some("input"), "token ids"),
        (json!({ "input": [] }), Some("input"), "1 to 256"),
        (json!({ "input": many }), Some("input"), "1 to 256"),
        (json!({ "input": "" }), Some("input"), "empty"),
        (json!({ "input": ["a", ""] }), Some("input"), "empty"),
        (json!({ "input": null }), Some("input"), "a text or an array"),
        (
            json!({ "input": { "text": "a" } }),
            Some("input"),
            "a text or an array",
        ),
        (
            json!({ "input": "a", "dimensions": 512 }),
            Some("dimensions"),
            "384",
        ),
        (
            json!({ "input": "a", "dimensions": -1 }),
            None,
            "embeddings request",
        ),
        (json!({ "input": "a", "encoding_format": "int8" }), None, "base64"),
        (json!({ "model": "m" }), None, "input"),
        (json!("a"), None, "embeddings request"),
    ];
    for (request, param, expected) in cases {
        let (status, _, reply) = post(&app, &request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{request}");
        let error = &reply["error"];
        assert_eq!(error["type"], "invalid_request_error", "{request}");
        assert_eq!(error["param"].as_str(), param, "{request}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_model_that_cannot_be_used_says_why_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = tiny_bert::write(folder.path(), 1, 64);
    let app = app_of(source);
    let (status, _, reply) = post(&app, json!({ "input": "a" })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{reply}");
    assert_eq!(reply["error"]["type"], "server_error");
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("64 dimensions, expected 384"), "{message}");

    std::fs::write(folder.path().join("model.safetensors"), b"not a model").unwrap();
    let (_, _, reply) = post(&app, json!({ "input": "a" })).await;
    let message = reply["error"]["message"].as_str().unwrap();
    assert!(message.contains("weights cannot be loaded"), "{message}");

    tiny_bert::source(folder.path());
    embed(&app, json!("a")).await;
}

#[tokio::test]
async fn too_many_at_once_are_asked_to_come_again() {
    let (app, _folder) = app();
    let requests = (0..80).map(|_| post(&app, json!({ "input": "a" })));
    let answers = futures::future::join_all(requests).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|(status, ..)| *status == StatusCode::TOO_MANY_REQUESTS)
        .collect();
    assert_eq!(refused.len(), 16);
    assert!(refused[0].1.contains_key(header::RETRY_AFTER));
    assert_eq!(refused[0].2["error"]["code"], "rate_limit_exceeded");
    let answered = answers.iter().filter(|(status, ..)| *status == StatusCode::OK);
    assert_eq!(answered.count(), 64);
}

#[tokio::test]
async fn without_a_chat_model_there_are_embeddings_only() {
    let (app, _folder) = app();
    let models = Request::get("/v1/models").body(Body::empty()).unwrap();
    let body = app.clone().oneshot(models).await.unwrap().into_body();
    let list: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let chat = Request::post("/v1/chat/completions").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(chat).await.unwrap().status(), StatusCode::NOT_FOUND);
}
