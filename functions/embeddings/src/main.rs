//! The `embeddings` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{
    EmbeddingConfig,
    relay::{EmbeddingModels, TableConfig},
};
use lambent_service::serve;

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = EmbeddingModels::new(&EmbeddingConfig::from_env()?, &TableConfig::from_env()?)?;
        Ok(embeddings::router(&guarded_from_env()?, models))
    })
}
