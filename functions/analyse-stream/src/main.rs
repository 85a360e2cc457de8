//! The `analyse-stream` function.

use std::process::ExitCode;

use lambent_llm::{ModelConfig, Models};
use lambent_service::{Service, serve};

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = Models::new(ModelConfig::from_env()?)?;
        Ok(analyse_stream::router(&Service::from_env()?, models))
    })
}
