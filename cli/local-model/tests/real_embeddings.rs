//! The real embedding model, when its weights are in the cache (`cargo run -p lambent-local-model --example fetch`).
//!
//! Without them these tests say so and pass, unless `LAMBENT_REQUIRE_MODEL=1`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use lambent_local_model::{EMBEDDING_DIMENSIONS, LocalEmbedder, Silent, WeightsSource, router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The endpoint. Loaded anew by each test, as by each process.
fn app() -> Option<Router> {
    let source = WeightsSource {
        embedding_path: None,
        ..WeightsSource::from_env()
    };
    let present = source.embedding_present().is_some();
    let required = std::env::var_os("LAMBENT_REQUIRE_MODEL").is_some_and(|value| value == "1");
    assert!(
        present || !required,
        "LAMBENT_REQUIRE_MODEL=1, and there are no weights in the cache"
    );
    if !present {
        println!("skipped: there are no weights in the cache");
        return None;
    }
    Some(router(None, Arc::new(LocalEmbedder::new(source, Silent))))
}

async fn reply(app: &Router, input: &Value) -> Value {
    let request = Request::post("/v1/embeddings")
        .body(Body::from(json!({ "input": input }).to_string()))
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn vectors(reply: &Value) -> Vec<Vec<f64>> {
    let items = reply["data"].as_array().unwrap();
    items
        .iter()
        .map(|item| serde_json::from_value(item["embedding"].clone()).unwrap())
        .collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// What an independent implementation makes of a text (NumPy, in 64 bits, written from the paper).
#[derive(Deserialize)]
struct Reference {
    text: String,
    /// How often the text is repeated.
    repeat: usize,
    /// Word pieces that are read of it.
    pieces: u64,
    vector: Vec<f64>,
}

#[tokio::test]
async fn vectors_are_those_of_an_independent_implementation() {
    let Some(app) = app() else { return };
    let references: Vec<Reference> = serde_json::from_str(include_str!("embeddings.json")).unwrap();
    let text = |reference: &Reference| json!(reference.text.repeat(reference.repeat));
    let texts: Vec<Value> = references.iter().map(text).collect();
    let together = reply(&app, &json!(texts)).await;
    assert_eq!(together["truncated_inputs"], 1);
    for (reference, vector) in references.iter().zip(vectors(&together)) {
        let alone = reply(&app, &text(reference)).await;
        assert_eq!(
            alone["usage"]["prompt_tokens"], reference.pieces,
            "{}",
            reference.text
        );
        for vector in [vector, vectors(&alone).remove(0)] {
            assert_eq!(vector.len(), EMBEDDING_DIMENSIONS);
            let near = cosine(&vector, &reference.vector);
            println!("{near:.9} {}", reference.text);
            assert!(near > 0.99999, "{near} {}", reference.text);
            let differences = vector.iter().zip(&reference.vector).map(|(a, b)| (a - b).abs());
            assert!(differences.fold(0.0, f64::max) < 1e-4, "{}", reference.text);
        }
    }
    // As others have published it: not only near, but the same way round.
    let hello = &vectors(&together)[0];
    for (number, published) in hello.iter().zip([-0.062_771_75, 0.054_958_83, 0.052_164_78]) {
        assert!((number - published).abs() < 1e-5, "{number}");
    }
}

#[tokio::test]
async fn what_means_the_same_is_nearer_than_what_does_not() {
    let Some(app) = app() else { return };
    let pairs = [
        ("How do I create an API key?", "Making a new key for a caller"),
        (
            "The supplier paid the money back.",
            "We got a refund from the vendor.",
        ),
        (
            "A train runs from Lisbon to Madrid at night.",
            "There is an overnight rail service to Spain.",
        ),
        (
            "The database does not start.",
            "The server for our tables fails to boot.",
        ),
        (
            "It will rain tomorrow.",
            "The forecast for the next day is wet weather.",
        ),
    ];
    let texts: Vec<&str> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let vectors = vectors(&reply(&app, &json!(texts)).await);
    for (place, vector) in vectors.iter().enumerate() {
        let partner = place ^ 1;
        let nearest = (0..vectors.len())
            .filter(|other| *other != place)
            .max_by(|a, b| cosine(vector, &vectors[*a]).total_cmp(&cosine(vector, &vectors[*b])))
            .unwrap();
        assert_eq!(
            nearest, partner,
            "{} is nearest to {}",
            texts[place], texts[nearest]
        );
    }
}

#[tokio::test]
async fn how_long_it_takes() {
    let Some(app) = app() else { return };
    let begun = Instant::now();
    reply(&app, &json!("The first text loads the model.")).await;
    println!("loaded, with its first text, in {:?}", begun.elapsed());
    let begun = Instant::now();
    for _ in 0..10 {
        reply(&app, &json!("How do I create an API key?")).await;
    }
    println!("a short text in {:?}", begun.elapsed() / 10);
    let begun = Instant::now();
    let long = reply(&app, &json!(vec!["one two three ".repeat(42); 32])).await;
    let tokens = &long["usage"]["prompt_tokens"];
    println!(
        "32 texts of {tokens} word pieces together in {:?}",
        begun.elapsed()
    );
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in memory
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("{line}");
    }
}
