//! The endpoint on a model of random weights: whatever the model writes, the protocol holds.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use candle_core::quantized::gguf_file::Value as Gguf;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{LoadError, LocalEmbedder, LocalModel, Silent, WeightsSource, router, tiny};

fn model(seed: u64) -> Arc<LocalModel> {
    Arc::new(load(seed, &[]).unwrap())
}

fn load(seed: u64, change: &[(&'static str, Gguf)]) -> Result<LocalModel, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    tiny::write(&path, seed, &tiny::metadata(change));
    LocalModel::load(&path)
}

fn app(model: &Arc<LocalModel>) -> Router {
    // Never asked, so never loaded.
    let embedder = LocalEmbedder::new(WeightsSource::from_env(), Silent);
    router(Some(model.clone()), Arc::new(embedder))
}

async fn post(model: &Arc<LocalModel>, body: impl Into<Body>) -> Response {
    let request = Request::post("/v1/chat/completions").body(body.into()).unwrap();
    app(model).oneshot(request).await.unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

fn request(change: &Value) -> String {
    let mut request =
        json!({ "messages": [{ "role": "user", "content": "Hello" }], "max_tokens": 20, "temperature": 1.0 });
    for (key, value) in change.as_object().unwrap() {
        request[key] = value.clone();
    }
    request.to_string()
}

fn format(schema: &Value) -> Value {
    json!({ "type": "json_schema", "json_schema": { "name": "s", "schema": schema } })
}

#[tokio::test]
async fn the_models_are_listed() {
    let request = Request::get("/v1/models").body(Body::empty()).unwrap();
    let reply = json_of(app(&model(1)).oneshot(request).await.unwrap()).await;
    assert_eq!(reply["data"][0]["id"], "tiny-model");
    assert_eq!(reply["data"][1]["id"], "all-minilm-l6-v2");
}

#[tokio::test]
async fn random_weights_write_only_valid_documents() {
    let schema = json!({
        "type": "object",
        "properties": {
            "text": { "type": "string" },
            "list": { "type": "array", "items": { "type": "object", "properties": {
                "n": { "type": "integer" }, "x": { "type": "number" }, "kind": { "enum": ["one", "two", null] },
                "free": {}, "code": { "type": "string", "pattern": "^[a-f]{3}z$" } },
                "required": ["n", "x", "kind", "free", "code"] } },
        },
        "required": ["text", "list"],
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut complete = 0;
    for seed in 0..40u64 {
        let max_tokens = 10 + seed * 15;
        let change = json!({ "seed": seed, "max_tokens": max_tokens, "response_format": format(&schema) });
        let reply = json_of(post(&model(seed), request(&change)).await).await;
        let reason = reply["choices"][0]["finish_reason"]
            .as_str()
            .unwrap_or_else(|| panic!("{reply}"));
        assert!(
            reply["usage"]["completion_tokens"].as_u64().unwrap() <= max_tokens,
            "{reply}"
        );
        if reason == "stop" {
            let content = reply["choices"][0]["message"]["content"].as_str().unwrap();
            let value: Value =
                serde_json::from_str(content).unwrap_or_else(|error| panic!("{error}: {content}"));
            assert!(validator.is_valid(&value), "{value}");
            complete += 1;
        }
    }
    // `{"text":"","list":[]}` is 21 tokens of a byte each.
    assert_eq!(complete, 39);
}

#[tokio::test]
async fn a_stream_has_the_same_text_as_the_whole_reply() {
    let model = model(3);
    let whole = json_of(post(&model, request(&json!({}))).await).await;
    let response = post(&model, request(&json!({ "stream": true }))).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let events: Vec<&str> = std::str::from_utf8(&body)
        .unwrap()
        .split_terminator("\n\n")
        .collect();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(*done, "data: [DONE]");
    let chunks: Vec<Value> = chunks
        .iter()
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        whole["choices"][0]["finish_reason"]
    );
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test]
async fn malformed_requests_are_answered_in_openai_s_error_object() {
    let model = model(1);
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"messages": "Hi"}"#,
        r#"{"messages": [{"role": "user", "content": 1}]}"#,
    ] {
        let response = post(&model, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let error = json_of(response).await;
        assert_eq!(error["error"]["type"], "invalid_request_error", "{body}: {error}");
        assert!(error["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn more_tokens_than_the_context_has_are_clamped() {
    let schema = json!({ "type": "array", "items": { "type": "string", "minLength": 300 }, "minItems": 50 });
    let change = json!({ "max_tokens": 1_000_000, "response_format": format(&schema) });
    let reply = json_of(post(&model(1), request(&change)).await).await;
    assert_eq!(reply["usage"]["total_tokens"], 2048, "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn a_full_queue_asks_to_come_again() {
    let model = model(1);
    let schema = json!({ "type": "array", "items": { "type": "string", "minLength": 300 }, "minItems": 50 });
    let long = request(&json!({ "max_tokens": 2000, "stream": true, "response_format": format(&schema) }));
    let mut waiting = Vec::new();
    let refused = loop {
        let response = post(&model, long.clone()).await;
        if response.status() != StatusCode::OK {
            break response;
        }
        waiting.push(response);
        assert!(waiting.len() < 500, "nobody was refused");
    };
    assert!(waiting.len() >= 64, "{} were accepted", waiting.len());
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(json_of(refused).await["error"]["code"], "rate_limit_exceeded");
    // When they leave, there is room as soon as the model has seen it.
    drop(waiting);
    let begun = std::time::Instant::now();
    while post(&model, request(&json!({}))).await.status() != StatusCode::OK {
        assert!(begun.elapsed().as_secs() < 10, "those who left still wait");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[test]
fn files_that_cannot_be_served_say_why() {
    let text = |text: &str| Gguf::String(text.to_owned());
    let cases = [
        (
            ("general.architecture", text("qwen2")),
            "`qwen2`; only GGUF files of architecture `llama`",
        ),
        (
            ("tokenizer.ggml.model", text("llama")),
            "tokenizer is `llama`; only byte-level BPE",
        ),
        (
            ("tokenizer.ggml.pre", text("viking")),
            "pre-tokenizer is `viking`",
        ),
        (
            ("tokenizer.ggml.eos_token_id", Gguf::U32(9999)),
            "`tokenizer.ggml.eos_token_id`",
        ),
        (("llama.block_count", text("two")), "`llama.block_count`"),
        (("llama.block_count", Gguf::U32(3)), "weights cannot be loaded"),
    ];
    for (change, expected) in cases {
        let Err(error) = load(1, &[change]) else {
            panic!("{expected}: loaded")
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn files_that_are_no_models_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    assert!(matches!(LocalModel::load(&path), Err(LoadError::Open { .. })));
    std::fs::write(&path, b"not a model").unwrap();
    let Err(error) = LocalModel::load(&path) else {
        panic!("loaded")
    };
    assert!(
        error.to_string().contains("is not a readable GGUF file"),
        "{error}"
    );
    tiny::write(&path, 1, &tiny::metadata(&[]));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(LocalModel::load(&path).is_err());
}
