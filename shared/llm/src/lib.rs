//! The one door to language models: whatever calls a model in this workspace calls it through [`Models`], and whatever embeds texts
//! through [`Embedder`].
//!
//! One value is built at start from a [`ModelConfig`] and cloned into the handlers. It answers whole ([`Models::complete`]),
//! as it is written ([`Models::stream`]), or as JSON that fits a schema ([`Models::structured`]); in all three it bounds the
//! waits, retries what is worth retrying, counts tokens over all attempts, and turns every failure into one [`ModelError`],
//! which converts to the [`Problem`](lambent_schema::Problem) that a caller may see. It knows no HTTP server and no prompt.
//!
//! # Why genai
//!
//! The providers' own protocols differ (Anthropic, Bedrock's Converse, Gemini, OpenAI's two) and all of them should be a matter
//! of configuration. The `genai` crate speaks them natively behind one request type, streams, takes JSON schemas, accepts our
//! own HTTP client (and with it, ring instead of aws-lc for a fast cold start) and is nothing but a client. The others were
//! considered: `async-openai` is complete but speaks OpenAI's protocol only, so that Anthropic and Bedrock would need a proxy;
//! `rig` is a framework of agents, tools and vector stores, most of which a small function would carry for nothing; `llm` is
//! similar to genai with fewer providers' details (no reliable usage in streams). What genai leaves to its user is
//! what this crate adds: deadlines, retries, truncation as an error, validation and repair, errors without bodies.
//!
//! # Streaming underneath
//!
//! All three ways of asking use the provider's streaming protocol, also where the answer is wanted whole. A non-streaming call
//! is silent until it is done, so that a hung provider looks like a slow one; a stream shows within seconds that it is alive,
//! and the same two waits (first token, between tokens) serve everywhere. OpenAI-compatible servers, Anthropic, Gemini, Bedrock
//! and Ollama stream with a response format too. The cost is a few hundred bytes an answer.
//!
//! # OpenAI's protocol, passed on
//!
//! Who speaks OpenAI's protocol to this API, and means a model whose provider speaks it too, has the request passed on ([`relay`]):
//! going through [`Models`] would lose what of it genai does not know. Waits, errors and counts are the same.
//!
//! # Embeddings
//!
//! [`Embedder`] turns texts into vectors of [`EMBEDDING_DIMENSIONS`] numbers of length one, whatever the model: models that can be
//! asked for that width are, shorter vectors are filled up with zeros, longer ones refused. It has a configuration of its own
//! ([`EmbeddingConfig`]), since many who have a model to chat with have no embeddings.
//!
//! Most providers' embeddings are asked for through genai. Those of Amazon Bedrock, which genai has not, are asked for here: of Titan
//! Text Embeddings v2, with the credentials that Bedrock's chat models are called with.
//!
//! # Logs
//!
//! `genai` logs on its own at error and warn level, and its messages can hold whole response bodies: the functions' log
//! (`lambent_service::logs`) leaves its target out. Errors of this crate never hold prompts, answers, keys or URLs.

mod bedrock;
mod client;
mod config;
mod embed;
mod error;
mod failure;
mod meter;
mod models;
mod prices;
mod pricing;
mod prompt;
mod provider;
mod reader;
pub mod relay;
mod reply;
mod retry;
mod stream;
mod tally;

pub use bedrock::AwsCredentials;
pub use config::{ConfigError, ModelConfig};
pub use embed::{
    EMBEDDING_DIMENSIONS, Embedder, Embedding, EmbeddingConfig, EmbeddingError, EmbeddingPricing, Embeddings,
    Purpose,
};
pub use error::{ModelError, ModelErrorKind, TimeoutPhase, UpstreamFault};
pub use lambent_http::install_crypto;
pub use models::{Completion, Models, Structured};
pub use prices::{Price, PriceError};
pub use pricing::Pricing;
pub use prompt::{Prompt, Role, Turn, estimated_tokens};
pub use provider::ApiKey;
pub use reader::Finish;
pub use reply::{ReplySchema, SchemaError, strip_code_fence};
pub use stream::{Chunk, CompletionStream};
pub use tally::{Share, Tally};
