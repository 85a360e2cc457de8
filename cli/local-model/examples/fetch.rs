//! Fetches the local model's weights into the cache and says where they are.
//!
//! `cargo run -p lambent-local-model --example fetch`

use std::io::Write;

use lambent_local_model::{StandardError, WeightsSource, fetch_weights};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // There is one only if something else in the process installed it, and then that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = fetch_weights(&WeightsSource::from_env(), &StandardError::default()).await?;
    writeln!(std::io::stdout(), "{}", path.display())?;
    Ok(())
}
