//! The `jobs-worker` function.

use std::{process::ExitCode, sync::Arc};

use jobs_worker::{Worker, WorkerConfig};
use lambent_callbacks::{CallbackConfig, Callbacks, Signer};
use lambent_callers::CallersConfig;
use lambent_llm::{Embedder, EmbeddingConfig, ModelConfig, Models};
use lambent_retrieval::Library;
use lambent_service::{Service, ServiceConfig, serve};
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::events(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let callers = CallersConfig::from_env()?;
        let worker = Arc::new(Worker {
            service: Service::new(ServiceConfig::from_env()?, store.requests()),
            jobs: store.jobs()?,
            callers: store.callers()?,
            token_limits: callers.token_limits,
            models: Models::new(ModelConfig::from_env()?)?,
            library: Library {
                documents: store.documents()?,
                embedder: Embedder::new(EmbeddingConfig::from_env()?)?,
            },
            callbacks: Callbacks::new(CallbackConfig::from_env()?, Signer::new(callers.pepper.reveal()))?,
            config: WorkerConfig::from_env()?,
        });
        Ok(move |event, deadline| {
            let worker = Arc::clone(&worker);
            async move { Ok(worker.handle(event, deadline).await) }
        })
    })
}
