//! OpenAI's protocol, for clients that speak it: chats, embeddings, and the list of models.
//!
//! What these types name is what is read or documented here. Bodies and answers may have more: it is passed on as it is.

mod chat;
mod embeddings;
mod models;

pub use chat::{
    ChatChoice, ChatChunk, ChatCompletion, ChatCompletions, ChatMessage, ChatRequest, ChunkChoice,
    StreamOptions, TokenUsage,
};
pub use embeddings::{Embeddings, EmbeddingsReply, EmbeddingsRequest, TextEmbedding};
pub use models::{Model, ModelGet, ModelList, ModelsList};

use crate::ProblemCode;

/// The group that they are shown in.
const TAG: &str = "OpenAI";
/// The model in the examples.
const EXAMPLE_MODEL: &str = "smollm2-135m-instruct";

/// What a request that is passed on to a model can be answered with, besides what every operation and its access bring.
const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::InvalidJson,
    ProblemCode::ModelNotFound,
    ProblemCode::PayloadTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::ValidationFailed,
    ProblemCode::ModelFailed,
    ProblemCode::ModelBusy,
    ProblemCode::Timeout,
];

/// The header of an answer that names the model.
const MODEL_HEADERS: &[(&str, &str)] = &[(
    crate::MODEL_HEADER,
    "The model that answered, as `provider::model`: a name can stand for several.",
)];
