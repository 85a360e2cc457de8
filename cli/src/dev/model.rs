//! The models: small real ones in this process, on a loopback port, or providers'.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::Router;
use lambent_llm::{EmbeddingConfig, ModelConfig};
use lambent_local_model::{
    EMBEDDING_MODEL, LocalEmbedder, LocalModel, StandardError, WeightsSource, fetch_weights, router,
};
use tokio_util::sync::CancellationToken;

use super::{
    StartError, address,
    config::{Embedding, Model},
    listen,
};

/// What the callers of a model with a short context are told to do about it.
const HINT: &str = "Send a shorter text, or have the API run with a larger model: LAMBENT_MODEL_PATH names a GGUF file, \
    LAMBENT_MODEL=provider::model a provider's model.";

/// A small model that has nothing left to say goes on all the same.
const MAX_OUTPUT_TOKENS: u32 = 512;

pub(crate) struct Started {
    pub(crate) config: ModelConfig,
    pub(crate) embedding: EmbeddingConfig,
    /// Where the local model for chats answers, if there is one.
    pub(crate) url: Option<String>,
}

/// Starts the models. The first time, the weights of the one for chats are fetched; those of the one for embeddings are, and it
/// is loaded, when it is asked for the first time, so that who never asks it does not wait for it.
pub(crate) async fn start(
    model: Model,
    embedding: Embedding,
    inside: IpAddr,
    stop: &CancellationToken,
) -> Result<Started, StartError> {
    let (source, given) = match embedding {
        Embedding::Local(source) => (source, None),
        // The endpoint is there all the same, and never asked.
        Embedding::Elsewhere(config) => (WeightsSource::from_env(), Some(*config)),
    };
    let embedder = Arc::new(LocalEmbedder::new(source, StandardError::default()));
    let (config, url, base) = match model {
        Model::Elsewhere(config) => {
            let base = serve(router(None, embedder), inside, stop).await?;
            (*config, None, base)
        }
        Model::Local(source) => {
            let model = load(&source).await?;
            let base = serve(router(Some(model.clone()), embedder), inside, stop).await?;
            (chat_config(&model, &base), Some(base.clone()), base)
        }
    };
    let local = || EmbeddingConfig {
        url: Some(base),
        ..EmbeddingConfig::new(format!("openai::{EMBEDDING_MODEL}"))
    };
    Ok(Started {
        config,
        embedding: given.unwrap_or_else(local),
        url,
    })
}

async fn load(source: &WeightsSource) -> Result<Arc<LocalModel>, StartError> {
    let weights = fetch_weights(source, &StandardError::default()).await?;
    let loading = tokio::task::spawn_blocking(move || LocalModel::load(&weights)).await;
    match loading {
        Ok(loaded) => Ok(Arc::new(loaded?)),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn chat_config(model: &LocalModel, url: &str) -> ModelConfig {
    ModelConfig {
        url: Some(url.to_owned()),
        context_tokens: Some(model.context_tokens()),
        context_hint: Some(HINT.to_owned()),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ModelConfig::new(format!("openai::{}", model.name()))
    }
}

/// Has the local models answer, and returns their base URL.
async fn serve(models: Router, inside: IpAddr, stop: &CancellationToken) -> Result<String, StartError> {
    let any = SocketAddr::from((inside, 0));
    let listener = listen(any).await?;
    let url = format!("http://{}/v1", address(&listener, any));
    let served = axum::serve(listener, models).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the local model stopped");
        }
    });
    Ok(url)
}
