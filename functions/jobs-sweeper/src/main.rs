//! The `jobs-sweeper` function.

use std::process::ExitCode;

use jobs_sweeper::sweep;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig, now_ms};
use serde_json::Value;

fn main() -> ExitCode {
    serve::events(|| {
        let jobs = Store::connect(&StoreConfig::from_env()?).jobs()?;
        Ok(move |_scheduled: Value, _deadline| {
            let jobs = jobs.clone();
            async move { Ok(sweep(&jobs, now_ms()).await?) }
        })
    })
}
