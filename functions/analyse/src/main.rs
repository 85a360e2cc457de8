//! The `analyse` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::{ModelConfig, Models};
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::streaming(|| {
        let models = Models::new(ModelConfig::from_env()?)?;
        let jobs = Store::connect(&StoreConfig::from_env()?).jobs()?;
        Ok(analyse::router(&guarded_from_env()?, models, jobs))
    })
}
