//! The `chat-worker` function.

use std::{process::ExitCode, sync::Arc};

use chat_worker::ChatWorker;
use lambent_chat::{ChatConfig, Sockets};
use lambent_llm::{ModelConfig, Models};
use lambent_service::{Service, ServiceConfig, serve};
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::events(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let config = ChatConfig::from_env()?;
        let worker = Arc::new(ChatWorker {
            service: Service::new(ServiceConfig::from_env()?, store.requests()),
            callers: store.callers()?,
            conversations: store.conversations()?,
            sockets: Sockets::new(&config)?,
            models: Models::new(ModelConfig::from_env()?)?,
            config,
        });
        Ok(move |event, deadline| {
            let worker = Arc::clone(&worker);
            async move { Ok(worker.handle(event, deadline).await) }
        })
    })
}
