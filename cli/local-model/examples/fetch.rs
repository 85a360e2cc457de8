//! Fetches the local models' weights into the cache and says where they are.
//!
//! `cargo run -p lambent-local-model --example fetch`

use std::io::Write;

use lambent_local_model::{StandardError, WeightsSource, fetch_embedding_weights, fetch_weights};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // There is one only if something else in the process installed it, and then that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (source, progress) = (WeightsSource::from_env(), StandardError::default());
    let chat = fetch_weights(&source, &progress).await?;
    let embedding = fetch_embedding_weights(&source, &progress).await?;
    for path in [chat, embedding.model, embedding.tokenizer] {
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
