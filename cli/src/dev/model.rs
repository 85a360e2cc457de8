//! The model: a small real one in this process, on a loopback port, or a provider's.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use lambent_llm::ModelConfig;
use lambent_local_model::{LocalModel, StandardError, WeightsSource, fetch_weights, router};
use tokio_util::sync::CancellationToken;

use super::{StartError, address, config::Model, listen};

/// What the callers of a model with a short context are told to do about it.
const HINT: &str = "Send a shorter text, or have the API run with a larger model: LAMBENT_MODEL_PATH names a GGUF file, \
    LAMBENT_MODEL=provider::model a provider's model.";

/// A small model that has nothing left to say goes on all the same.
const MAX_OUTPUT_TOKENS: u32 = 512;

pub(crate) struct Started {
    pub(crate) config: ModelConfig,
    pub(crate) url: Option<String>,
}

/// Starts the model. The first time, its weights are fetched.
pub(crate) async fn start(
    model: Model,
    inside: IpAddr,
    stop: &CancellationToken,
) -> Result<Started, StartError> {
    match model {
        Model::Elsewhere(config) => Ok(Started {
            config: *config,
            url: None,
        }),
        Model::Local(source) => local(source, inside, stop).await,
    }
}

async fn local(
    source: WeightsSource,
    inside: IpAddr,
    stop: &CancellationToken,
) -> Result<Started, StartError> {
    let weights = fetch_weights(&source, &StandardError::default()).await?;
    let loading = tokio::task::spawn_blocking(move || LocalModel::load(&weights)).await;
    let model = match loading {
        Ok(loaded) => Arc::new(loaded?),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let any = SocketAddr::from((inside, 0));
    let listener = listen(any).await?;
    let url = format!("http://{}/v1", address(&listener, any));
    let config = ModelConfig {
        url: Some(url.clone()),
        context_tokens: Some(model.context_tokens()),
        context_hint: Some(HINT.to_owned()),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ModelConfig::new(format!("openai::{}", model.name()))
    };
    let served = axum::serve(listener, router(model)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the local model stopped");
        }
    });
    Ok(Started {
        config,
        url: Some(url),
    })
}
