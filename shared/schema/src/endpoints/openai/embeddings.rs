//! `POST /v1/embeddings`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{MODEL_HEADERS, PROBLEMS, TAG, TokenUsage};
use crate::{
    ProblemCode,
    dialect::Dialect,
    endpoint::{Access, Content, Endpoint, Method, Reply, RequestBody, Scope, Transfer},
};

const EXAMPLE_MODEL: &str = "all-minilm-l6-v2";

/// What to embed. What is not named here is passed on as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingsRequest {
    /// One of the names in `GET /v1/models`, of a model that embeds, or `default` for the API's own.
    pub model: String,
    /// A text or several; or, where the model takes them, tokens (OpenAI's own models).
    pub input: Value,
    /// `float` (default), or `base64`: of the numbers' bytes, 32 bits each, little-endian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = "^(float|base64)$"))]
    pub encoding_format: Option<String>,
    /// How many numbers an embedding is to have, where the model can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub dimensions: Option<u32>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingsReply {
    /// Always `list`.
    pub object: String,
    /// One for each text, in their order.
    pub data: Vec<TextEmbedding>,
    /// The model that embedded them, as its provider calls it.
    pub model: String,
    /// What they took.
    pub usage: TokenUsage,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The embedding of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextEmbedding {
    /// Always `embedding`.
    pub object: String,
    /// Which text it is of.
    pub index: u32,
    /// Numbers, or their base64.
    pub embedding: Value,
}

/// `POST /v1/embeddings`.
pub struct Embeddings;

impl Endpoint for Embeddings {
    const FUNCTION: &'static str = "embeddings";
    const ID: &'static str = "embeddings";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/embeddings";
    const SUMMARY: &'static str = "Embed texts, as OpenAI's clients do";
    const DESCRIPTION: &'static str = "OpenAI's embeddings, passed on to the model as `POST /v1/chat/completions` is. Amazon Titan, which does not speak this protocol, \
        gives 512 numbers for each text, and takes no tokens.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Spender(Scope::Embeddings);
    // Some thousands of embeddings are more than the 6 MB that Lambda hands on in one piece.
    const TRANSFER: Transfer = Transfer::Streaming;
    const DIALECT: Dialect = Dialect::OpenAi;
    const TIMEOUT_SECS: u32 = 300;
    type Body = EmbeddingsRequest;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The embeddings.",
            headers: MODEL_HEADERS,
            content: vec![Content::json(&EmbeddingsReply {
                object: "list".to_owned(),
                data: vec![TextEmbedding {
                    object: "embedding".to_owned(),
                    index: 0,
                    embedding: json!([0.0125, -0.0381, 0.0592]),
                }],
                model: EXAMPLE_MODEL.to_owned(),
                usage: TokenUsage {
                    prompt_tokens: 6,
                    completion_tokens: None,
                    total_tokens: 6,
                    more: Map::new(),
                },
                more: Map::new(),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = PROBLEMS;
}

impl RequestBody for EmbeddingsRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |input| Self {
            model: EXAMPLE_MODEL.to_owned(),
            input,
            encoding_format: None,
            dimensions: None,
            more: Map::new(),
        };
        vec![
            ("text", of(json!("The night train leaves at 21:40."))),
            (
                "texts",
                of(json!([
                    "The night train leaves at 21:40.",
                    "Sleeping cars are booked early."
                ])),
            ),
        ]
    }
}
