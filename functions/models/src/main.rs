//! The `models` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_llm::relay::ModelNames;
use lambent_service::serve;

fn main() -> ExitCode {
    serve::buffered(|| Ok(models::router(&guarded_from_env()?, ModelNames::from_env()?)))
}
