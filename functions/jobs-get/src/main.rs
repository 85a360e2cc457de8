//! The `jobs-get` function.

use std::process::ExitCode;

use lambent_callbacks::Signer;
use lambent_callers::{Pepper, guarded_from_env};
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::buffered(|| {
        let jobs = Store::connect(&StoreConfig::from_env()?).jobs()?;
        let signer = Signer::new(Pepper::from_env()?.reveal());
        Ok(jobs_get::router(&guarded_from_env()?, jobs, signer))
    })
}
