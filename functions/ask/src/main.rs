//! The `ask` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{Embedder, EmbeddingConfig, ModelConfig, Models};
use lambent_retrieval::Library;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = Models::new(ModelConfig::from_env()?)?;
        let library = Library {
            documents: Store::connect(&StoreConfig::from_env()?).documents()?,
            embedder: Embedder::new(EmbeddingConfig::from_env()?)?,
        };
        Ok(ask::router(&guarded_from_env()?, models, library))
    })
}
