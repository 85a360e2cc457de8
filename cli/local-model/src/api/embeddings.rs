//! `POST /v1/embeddings`: OpenAI's embeddings protocol. The model's name is ignored, as for chats: there is one model.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use crate::embedder::{EMBEDDING_DIMENSIONS, EMBEDDING_MODEL, Embedded, LocalEmbedder};

/// Texts of one request: a computation of seconds.
const MAX_TEXTS: usize = 256;

pub(super) async fn create(
    State(embedder): State<Arc<LocalEmbedder>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Reply>, ApiError> {
    let request: EmbeddingsRequest = serde_json::from_slice(&body?).map_err(ApiError::MalformedEmbeddings)?;
    let (texts, encoding) = request.check()?;
    let embedded = embedder.embed(texts).await?;
    Ok(Json(Reply::new(embedded, encoding)))
}

/// A request as it comes.
#[derive(Debug, Deserialize)]
struct EmbeddingsRequest {
    input: Value,
    #[serde(default)]
    encoding_format: Option<Encoding>,
    #[serde(default)]
    dimensions: Option<u64>,
}

/// How the numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As JSON numbers.
    #[default]
    Float,
    /// As the base64 of their bytes, little-endian.
    Base64,
}

impl EmbeddingsRequest {
    fn check(self) -> Result<(Vec<String>, Encoding), ApiError> {
        if self
            .dimensions
            .is_some_and(|count| count != EMBEDDING_DIMENSIONS as u64)
        {
            return Err(ApiError::Invalid {
                param: "dimensions",
                expected: "this model's embeddings have 384, leave it out",
            });
        }
        Ok((texts(self.input)?, self.encoding_format.unwrap_or_default()))
    }
}

/// A text or several.
fn texts(input: Value) -> Result<Vec<String>, ApiError> {
    let invalid = |expected| ApiError::Invalid {
        param: "input",
        expected,
    };
    let inputs = match input {
        Value::Array(inputs) => inputs,
        input => vec![input],
    };
    if !(1..=MAX_TEXTS).contains(&inputs.len()) {
        return Err(invalid("expected 1 to 256 texts"));
    }
    let text = |input| match input {
        Value::String(text) if text.is_empty() => Err(invalid("a text must not be empty")),
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Array(_) => Err(invalid("this model takes texts, not token ids")),
        _ => Err(invalid("expected a text or an array of texts")),
    };
    inputs.into_iter().map(text).collect()
}

/// The reply. Written as it is, so that numbers keep the length that they have in 32 bits.
#[derive(Debug, Serialize)]
pub(super) struct Reply {
    object: &'static str,
    data: Vec<Item>,
    model: &'static str,
    usage: Usage,
    /// Not OpenAI's, which refuses longer texts: of how many only the first 256 word pieces were read.
    truncated_inputs: usize,
}

#[derive(Debug, Serialize)]
struct Item {
    object: &'static str,
    index: usize,
    embedding: Numbers,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Numbers {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Debug, Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl Reply {
    fn new(embedded: Embedded, encoding: Encoding) -> Self {
        let item = |(index, vector): (usize, Vec<f32>)| Item {
            object: "embedding",
            index,
            embedding: match encoding {
                Encoding::Float => Numbers::Float(vector),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
                    Numbers::Base64(BASE64.encode(bytes))
                }
            },
        };
        Self {
            object: "list",
            data: embedded.vectors.into_iter().enumerate().map(item).collect(),
            model: EMBEDDING_MODEL,
            usage: Usage {
                prompt_tokens: embedded.tokens,
                total_tokens: embedded.tokens,
            },
            truncated_inputs: embedded.truncated,
        }
    }
}
