//! Texts for a model whose provider does not speak OpenAI's protocol.

use bytes::Bytes;
use lambent_llm::{EMBEDDING_DIMENSIONS, Embedder, Purpose};
use lambent_schema::{Problem, Violation};
use lambent_service::{Call, Failure};
use serde_json::{Value, json};

use crate::{body::Body, reply::number_list};

/// OpenAI's limit.
const MAX_TEXTS: usize = 2048;

/// Asks it: vectors are 512 wide, and of length one.
pub(crate) async fn ask(call: &Call, body: &Body, embedder: &Embedder) -> Result<Bytes, Failure> {
    let broken = |name, detail| {
        Failure::new(Problem::invalid(vec![Violation::of(
            name,
            detail,
            "unsupported_value",
        )]))
    };
    if body
        .dimensions
        .is_some_and(|asked| asked != EMBEDDING_DIMENSIONS as u64)
    {
        return Err(broken(
            "dimensions",
            "This model gives 512 numbers here: leave it out",
        ));
    }
    let texts = texts(body.input()).ok_or_else(|| {
        broken(
            "input",
            "This model takes a text, or 1 to 2048 texts, none of which is empty; no tokens",
        )
    })?;
    let embedded = embedder.embed(&texts, Purpose::Document, call.deadline).await?;
    let data: Vec<Value> = (embedded.vectors.iter().enumerate())
        .map(|(index, vector)| {
            let embedding = number_list(vector.as_slice(), body.encoding);
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = embedded.usage.input_tokens;
    let reply = json!({
        "object": "list",
        "data": data,
        "model": embedder.model(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(Bytes::from(reply.to_string()))
}

fn texts(input: &str) -> Option<Vec<String>> {
    let texts = match serde_json::from_str(input).ok()? {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts
            .into_iter()
            .map(|text| match text {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    let fits = (1..=MAX_TEXTS).contains(&texts.len()) && texts.iter().all(|text| !text.is_empty());
    fits.then_some(texts)
}
