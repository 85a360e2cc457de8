//! The `documents` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{Embedder, EmbeddingConfig};
use lambent_retrieval::Library;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::buffered(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let library = Library {
            documents: store.documents()?,
            embedder: Embedder::new(EmbeddingConfig::from_env()?)?,
        };
        Ok(documents::router(&guarded_from_env()?, library, store.jobs()?))
    })
}
