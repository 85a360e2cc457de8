//! The `webhooks` function.

use std::process::ExitCode;

use lambent_service::{Service, serve};
use lambent_store::{Store, StoreConfig};
use webhooks::{Secrets, WebhookConfig};

fn main() -> ExitCode {
    serve::buffered(|| {
        let store = StoreConfig::from_env()?;
        let secrets = Secrets::new(WebhookConfig::from_env()?, &store);
        let webhooks = Store::connect(&store).webhooks()?;
        Ok(webhooks::router(&Service::from_env()?, webhooks, secrets))
    })
}
