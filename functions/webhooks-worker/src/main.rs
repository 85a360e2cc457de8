//! The `webhooks-worker` function.

use std::process::ExitCode;

use lambent_service::serve;
use lambent_store::{Store, StoreConfig};
use webhooks_worker::{Rates, Worker};

fn main() -> ExitCode {
    serve::events(|| {
        let worker = Worker {
            ledger: Store::connect(&StoreConfig::from_env()?).ledger()?,
            rates: Rates::from_env()?,
        };
        Ok(move |event, _deadline| {
            let worker = worker.clone();
            async move { Ok(worker.handle(event).await) }
        })
    })
}
