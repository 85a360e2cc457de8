//! The `jobs-create` function.

use std::process::ExitCode;

use lambent_callbacks::CallbackConfig;
use lambent_callers::guarded_from_env;
use lambent_llm::Pricing;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::buffered(|| {
        let jobs = Store::connect(&StoreConfig::from_env()?).jobs()?;
        let pricing = Pricing::from_env()?;
        let callbacks = CallbackConfig::from_env()?;
        Ok(jobs_create::router(
            &guarded_from_env()?,
            jobs,
            pricing,
            callbacks,
        ))
    })
}
