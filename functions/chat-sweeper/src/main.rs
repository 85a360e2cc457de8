//! The `chat-sweeper` function.

use std::process::ExitCode;

use chat_sweeper::Sweeper;
use lambent_chat::{ChatConfig, Sockets};
use lambent_service::serve;
use lambent_store::{Store, StoreConfig, now_ms};
use serde_json::Value;

fn main() -> ExitCode {
    serve::events(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let config = ChatConfig::from_env()?;
        let sweeper = Sweeper {
            conversations: store.conversations()?,
            sockets: Sockets::new(&config)?,
            callers: store.callers()?,
            config,
        };
        Ok(move |_scheduled: Value, _deadline| {
            let sweeper = sweeper.clone();
            async move { Ok(sweeper.sweep(now_ms()).await?) }
        })
    })
}
