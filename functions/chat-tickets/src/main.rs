//! The `chat-tickets` function.

use std::process::ExitCode;

use lambent_callers::guarded_from_env;
use lambent_chat::ChatConfig;
use lambent_service::serve;
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::buffered(|| {
        let conversations = Store::connect(&StoreConfig::from_env()?).conversations()?;
        let url = ChatConfig::from_env()?.socket_url()?;
        Ok(chat_tickets::router(&guarded_from_env()?, conversations, url))
    })
}
