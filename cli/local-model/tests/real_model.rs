//! The real model, when its weights are in the cache (`cargo run -p lambent-local-model --example fetch`).
//!
//! Without them these tests say so and pass, unless `LAMBENT_REQUIRE_MODEL=1`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use futures::StreamExt;
use lambent_local_model::{LocalEmbedder, LocalModel, Silent, WeightsSource, router};
use serde_json::{Value, json};
use tower::ServiceExt;

/// One model for all tests: they run at once, as callers do.
fn model() -> Option<Arc<LocalModel>> {
    static MODEL: OnceLock<Option<Arc<LocalModel>>> = OnceLock::new();
    let load = || {
        let present = WeightsSource {
            path: None,
            ..WeightsSource::from_env()
        }
        .present();
        let required = std::env::var_os("LAMBENT_REQUIRE_MODEL").is_some_and(|value| value == "1");
        assert!(
            present.is_some() || !required,
            "LAMBENT_REQUIRE_MODEL=1, and there are no weights in the cache"
        );
        let path = present?;
        let begun = Instant::now();
        let model = Arc::new(LocalModel::load(&path).unwrap());
        println!("loaded {} in {:?}", model.name(), begun.elapsed());
        Some(model)
    };
    let model = MODEL.get_or_init(load).clone();
    if model.is_none() {
        println!("skipped: there are no weights in the cache");
    }
    model
}

fn app(model: &Arc<LocalModel>) -> Router {
    // Never asked, so never loaded.
    let embedder = LocalEmbedder::new(WeightsSource::from_env(), Silent);
    router(Some(model.clone()), Arc::new(embedder))
}

async fn post(model: &Arc<LocalModel>, body: &Value) -> Response {
    let request = Request::post("/v1/chat/completions")
        .body(Body::from(body.to_string()))
        .unwrap();
    app(model).oneshot(request).await.unwrap()
}

async fn answer(model: &Arc<LocalModel>, body: &Value) -> (StatusCode, Value) {
    let response = post(model, body).await;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn user(content: &str) -> Value {
    json!([{ "role": "user", "content": content }])
}

fn analysis_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Analysis",
        "type": "object",
        "properties": {
            "summary": { "type": "string", "maxLength": 600 },
            "findings": { "type": "array", "maxItems": 10, "items": { "$ref": "#/$defs/Finding" } },
            "confidence": { "type": ["number", "null"], "format": "double", "minimum": 0, "maximum": 1 },
        },
        "required": ["summary", "findings"],
        "$defs": {
            "Finding": {
                "type": "object",
                "properties": {
                    "title": { "type": "string", "maxLength": 80 },
                    "detail": { "type": "string", "maxLength": 300 },
                    "severity": { "type": "string", "enum": ["low", "medium", "high"] },
                },
                "required": ["title", "detail", "severity"],
            },
        },
    })
}

fn structured(content: &str, schema: &Value, max_tokens: u32) -> Value {
    json!({
        "model": "any",
        "messages": [{ "role": "system", "content": "Answer in JSON." }, { "role": "user", "content": content }],
        "max_tokens": max_tokens,
        "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": schema } },
    })
}

fn content(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"].as_str().unwrap()
}

/// Token ids by an independent implementation of the tokenizer.
const REFERENCE: [(&str, &[u32]); 7] = [
    ("Hello, world!", &[19556, 28, 905, 17]),
    (" leading space", &[2899, 1898]),
    (
        "The invoice of 12 May 2026 was paid twice.",
        &[
            504, 48686, 282, 216, 33, 34, 2405, 216, 34, 32, 34, 38, 436, 5940, 6757, 30,
        ],
    ),
    (
        "Zürich — 3 €\n\tfür 2 Äpfel 🎉",
        &[
            74, 7170, 5130, 1841, 216, 35, 24927, 198, 197, 86, 18736, 216, 34, 5549, 222, 96, 34520, 15107,
            232, 227,
        ],
    ),
    (
        "it's   what\n\n\nthey'll",
        &[269, 506, 256, 732, 1116, 198, 11518, 3060],
    ),
    (
        "{\"summary\":\"\",\"findings\":[]}",
        &[39428, 18347, 25535, 14460, 7647, 616, 1799, 75, 28852],
    ),
    ("user\nHi", &[4093, 198, 26843]),
];

const PROMPTS: [&str; 4] = [
    "Analyse: The invoice of 12 May was paid twice. The supplier refunded one payment in June, but the fee was kept.",
    "Analyse this log: disk full on node 3; restart failed; backup from 02:00 restored; 14 requests lost.",
    "Analysiere: \"Zürich\" — 3 € für 2 Äpfel?\nZeile zwei \\ mit Tab\tund Emoji 🎉.",
    "Hello",
];

#[test]
fn token_ids_are_those_of_the_reference_tokenizer() {
    let Some(model) = model() else { return };
    assert_eq!(model.name(), "smollm2-135m-instruct");
    assert_eq!(model.context_tokens(), 2048);
    for (text, ids) in REFERENCE {
        assert_eq!(model.tokenize(text), ids, "{text:?}");
    }
}

#[tokio::test]
async fn a_chat_is_answered_in_openai_s_shape() {
    let Some(model) = model() else { return };
    let request =
        json!({ "messages": user("What is the capital of France?"), "max_tokens": 40, "unknown": [1] });
    let (status, reply) = answer(&model, &request).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["model"], "smollm2-135m-instruct");
    assert!(content(&reply).contains("Paris"), "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    let usage = &reply["usage"];
    let sum = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
    let (_, again) = answer(&model, &request).await;
    assert_eq!(
        content(&again),
        content(&reply),
        "greedy decoding is deterministic"
    );
}

#[tokio::test]
async fn a_stream_begins_long_before_it_ends() {
    let Some(model) = model() else { return };
    let request = json!({
        "messages": user("Write a long story about a lighthouse keeper."), "max_tokens": 120,
        "stream": true, "stream_options": { "include_usage": true },
    });
    let begun = Instant::now();
    let mut body = post(&model, &request).await.into_body().into_data_stream();
    let (mut first, mut text) = (None, String::new());
    while let Some(piece) = body.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        if first.is_none() && text.contains("\"delta\":{\"content\"") {
            first = Some(begun.elapsed());
        }
    }
    let (first, whole) = (first.unwrap(), begun.elapsed());
    println!("first delta after {first:?}, all after {whole:?}");
    assert!(first < whole / 2, "first delta after {first:?} of {whole:?}");

    let data: Vec<&str> = text
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = data[..data.len() - 1]
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let [.., closing, usage] = chunks.as_slice() else {
        panic!("{chunks:?}")
    };
    assert_eq!(closing["choices"][0]["finish_reason"], "length");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 120);
}

#[tokio::test]
async fn structured_answers_are_valid_against_their_schema() {
    let Some(model) = model() else { return };
    let schema = analysis_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for prompt in PROMPTS {
        let (status, reply) = answer(&model, &structured(prompt, &schema, 400)).await;
        assert_eq!(status, StatusCode::OK, "{reply}");
        assert_eq!(reply["choices"][0]["finish_reason"], "stop", "{reply}");
        let value: Value = serde_json::from_str(content(&reply)).unwrap();
        assert!(validator.is_valid(&value), "{value}");
        println!("{} tokens: {value}", reply["usage"]["completion_tokens"]);
    }
}

#[tokio::test]
async fn however_few_tokens_are_left_an_answer_that_stops_is_valid() {
    let Some(model) = model() else { return };
    let schema = analysis_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut complete = 0;
    for max_tokens in [1, 4, 8, 12, 16, 24, 33, 48, 64, 90] {
        let (status, reply) = answer(&model, &structured(PROMPTS[1], &schema, max_tokens)).await;
        assert_eq!(status, StatusCode::OK, "{max_tokens}: {reply}");
        assert!(
            reply["usage"]["completion_tokens"].as_u64().unwrap() <= u64::from(max_tokens),
            "{reply}"
        );
        if reply["choices"][0]["finish_reason"] == "stop" {
            let value: Value = serde_json::from_str(content(&reply)).unwrap();
            assert!(validator.is_valid(&value), "{max_tokens}: {value}");
            complete += 1;
        }
    }
    // `{"summary":"","findings":[]}` is about a dozen tokens.
    assert!(complete >= 6, "only {complete} of 10 were complete");
}

#[tokio::test]
async fn any_kind_of_schema_is_kept_with_sampling_too() {
    let Some(model) = model() else { return };
    let schemas = [
        json!({ "type": "object" }),
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 3 }),
        json!({ "type": "number" }),
        json!({ "type": "string", "minLength": 30, "maxLength": 40 }),
        json!({ "type": "object", "properties": { "id": { "type": "string", "format": "uuid" },
            "on": { "type": "string", "format": "date" } }, "required": ["id", "on"] }),
        json!({ "oneOf": [
            { "type": "object", "properties": { "kind": { "const": "a" }, "n": { "type": "integer", "format": "uint32", "minimum": 0 } },
              "required": ["kind", "n"] },
            { "type": "object", "properties": { "kind": { "const": "b" }, "text": { "type": "string" } },
              "required": ["kind", "text"] } ] }),
        json!({ "type": "object", "properties": { "code": { "type": "string", "pattern": "^[A-Z]{2}-[0-9]+x$" } },
            "required": ["code"] }),
        json!({ "type": "object", "additionalProperties": { "type": "number" }, "minProperties": 1 }),
    ];
    for (seed, schema) in schemas.iter().enumerate() {
        let validator = jsonschema::validator_for(schema).unwrap();
        let mut request = structured("Give me some values.", schema, 80);
        request["temperature"] = json!(1.2);
        request["seed"] = json!(seed);
        let (status, reply) = answer(&model, &request).await;
        assert_eq!(status, StatusCode::OK, "{schema}: {reply}");
        assert_eq!(reply["choices"][0]["finish_reason"], "stop", "{schema}: {reply}");
        let value: Value = serde_json::from_str(content(&reply)).unwrap();
        assert!(validator.is_valid(&value), "{schema}: {value}");
        println!("{value}");
    }
}

#[tokio::test]
async fn a_json_object_is_an_object() {
    let Some(model) = model() else { return };
    let request = json!({
        "messages": user("Describe a cat in JSON."), "max_tokens": 100, "response_format": { "type": "json_object" },
    });
    let (_, reply) = answer(&model, &request).await;
    assert!(
        serde_json::from_str::<Value>(content(&reply))
            .unwrap()
            .is_object(),
        "{reply}"
    );
}

#[tokio::test]
async fn a_schema_that_cannot_be_enforced_is_refused() {
    let Some(model) = model() else { return };
    let schema = json!({ "type": "object", "properties": { "a": { "not": { "type": "string" } } } });
    let (status, reply) = answer(&model, &structured("Hi", &schema, 50)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    assert_eq!(reply["error"]["param"], "response_format");
    assert!(
        reply["error"]["message"].as_str().unwrap().contains("not"),
        "{reply}"
    );
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_refused_with_the_numbers() {
    let Some(model) = model() else { return };
    let (status, reply) = answer(&model, &json!({ "messages": user(&"word ".repeat(3000)) })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(reply["error"]["code"], "context_length_exceeded");
    assert_eq!(reply["error"]["param"], "messages");
    let message = reply["error"]["message"].as_str().unwrap();
    // 3000 words, the last space, and what the chat format adds.
    assert!(
        message.contains("2048") && message.contains("1792") && message.contains("3010"),
        "{message}"
    );
}

#[tokio::test]
async fn the_longest_prompt_is_answered() {
    let Some(model) = model() else { return };
    let begun = Instant::now();
    let request = json!({ "messages": user(&"word ".repeat(1780)), "max_tokens": 20 });
    let (status, reply) = answer(&model, &request).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    assert!(reply["usage"]["prompt_tokens"].as_u64().unwrap() > 1780);
    println!(
        "{} and 20 tokens in {:?}",
        reply["usage"]["prompt_tokens"],
        begun.elapsed()
    );
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        memory
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or("peak memory is not known here")
    );
}

#[tokio::test]
async fn a_caller_cannot_write_special_tokens() {
    let Some(model) = model() else { return };
    assert!(model.tokenize("<|im_end|>").len() > 1);
}

#[tokio::test]
async fn a_caller_that_leaves_stops_the_writing() {
    let Some(model) = model() else { return };
    let long = json!({ "messages": user("Count from 1 to 1000."), "stream": true, "temperature": 1.5 });
    let mut left = Vec::new();
    for _ in 0..6 {
        let mut body = post(&model, &long).await.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        left.push(body);
    }
    drop(left);
    let begun = Instant::now();
    let short = json!({ "messages": user("Hi"), "max_tokens": 5 });
    let (status, _) = answer(&model, &short).await;
    assert_eq!(status, StatusCode::OK);
    // Written to their ends, six such answers are ten thousand tokens: minutes.
    println!("answered {:?} after the others left", begun.elapsed());
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "answered only after {:?}",
        begun.elapsed()
    );
}
