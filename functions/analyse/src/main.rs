//! The `analyse` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{ModelConfig, Models};
use lambent_service::serve;

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = Models::new(ModelConfig::from_env()?)?;
        Ok(analyse::router(&guarded_from_env()?, models))
    })
}
