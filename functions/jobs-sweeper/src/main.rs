//! The `jobs-sweeper` function.

use std::process::ExitCode;

use jobs_sweeper::sweep;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig, now_ms};
use serde_json::Value;

fn main() -> ExitCode {
    serve::events(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let (jobs, documents) = (store.jobs()?, store.documents()?);
        Ok(move |_scheduled: Value, _deadline| {
            let (jobs, documents) = (jobs.clone(), documents.clone());
            async move { Ok(sweep(&jobs, &documents, now_ms()).await?) }
        })
    })
}
