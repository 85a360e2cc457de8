//! `POST /v1/embeddings`: a hashed bag of words, so that texts which share words are near.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::State;
use super::behaviour::{EmbeddingBehaviour, Fault, Vectors};
use super::chat::{broken, fail};
use super::counts::Open;

/// How many numbers a vector has if nobody asks for another width.
const DIMENSIONS: usize = 384;

pub(super) async fn create(Shared(state): Shared<Arc<State>>, Json(request): Json<Value>) -> Response {
    let mut open = Open::new(&state.counters);
    let texts = texts(&request);
    open.is_for_texts(texts.len());
    let (vectors, fault) = match state.take_embedding(&request) {
        EmbeddingBehaviour::Failure(behaviour) => return fail(behaviour, &state, open).await,
        EmbeddingBehaviour::Vectors(vectors, fault) => (vectors, fault),
    };
    match fault {
        Some(Fault::Silence(length)) => sleep(length).await,
        Some(fault) => {
            open.over();
            return broken(&fault);
        }
        None => {}
    }
    open.over();
    let tokens = texts.iter().map(|text| text.split_whitespace().count()).sum();
    open.reported(tokens, 0);
    let body = body(&request, &texts, &vectors, tokens);
    ([("content-type", "application/json")], body).into_response()
}

fn texts(request: &Value) -> Vec<String> {
    // Tokens are words too.
    let text = |text: &Value| text.as_str().map_or_else(|| text.to_string(), str::to_owned);
    match &request["input"] {
        Value::Array(texts) => texts.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// The answer, as text: some of it may be what JSON does not allow.
fn body(request: &Value, texts: &[String], vectors: &Vectors, tokens: usize) -> String {
    let asked = request["dimensions"].as_u64();
    let asked = asked.map_or(DIMENSIONS, |asked| usize::try_from(asked).expect("a width"));
    let width = match vectors {
        Vectors::Wide(width) => *width,
        _ => asked,
    };
    let item = |(index, text): (usize, &String)| {
        let mut numbers: Vec<String> = vector(text, width).iter().map(f32::to_string).collect();
        if let Vectors::With(number) = vectors {
            numbers[0] = (*number).to_owned();
        }
        let numbers = numbers.join(",");
        format!(r#"{{"object":"embedding","index":{index},"embedding":[{numbers}]}}"#)
    };
    let mut items: Vec<String> = texts.iter().enumerate().map(item).collect();
    match vectors {
        Vectors::OneLess => drop(items.pop()),
        Vectors::Reversed => items.reverse(),
        _ => {}
    }
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let (data, model) = (items.join(","), &request["model"]);
    format!(r#"{{"object":"list","data":[{data}],"model":{model},"usage":{usage}}}"#)
}

/// The vector of a text, of length one: each word, without its case and what is not a letter or a digit, adds one to a place
/// that its hash names.
#[must_use]
pub fn vector(text: &str, width: usize) -> Vec<f32> {
    let mut numbers = vec![0.0f32; width];
    if width == 0 {
        return numbers;
    }
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        numbers[place(word, width)] += 1.0;
    }
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length == 0.0 {
        // Something that is no words points somewhere too.
        numbers[place(&text, width)] = 1.0;
        return numbers;
    }
    numbers.into_iter().map(|number| number / length).collect()
}

/// FNV-1a, which is the same in every process.
fn place(word: &str, width: usize) -> usize {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % width as u64).expect("less than the width")
}

#[cfg(test)]
mod tests {
    use super::vector;

    fn near(a: &str, b: &str) -> f32 {
        let (a, b) = (vector(a, 384), vector(b, 384));
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_near() {
        let text = "The night train from Lisbon to Madrid";
        assert!((near(text, text) - 1.0).abs() < 1e-6);
        assert!((near(text, "the NIGHT train, from Lisbon to Madrid.") - 1.0).abs() < 1e-6);
        assert!(near(text, "a night train to Madrid") > near(text, "an invoice was paid twice") + 0.3);
        assert!((near("", "") - 1.0).abs() < 1e-6);
    }
}
