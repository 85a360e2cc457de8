//! The `chat-socket` function.

use std::{process::ExitCode, sync::Arc};

use chat_socket::Socket;
use lambent_callers::{CallersConfig, Guard};
use lambent_chat::{ChatConfig, Sockets};
use lambent_llm::Pricing;
use lambent_service::{Service, ServiceConfig, serve};
use lambent_store::{Store, StoreConfig};

fn main() -> ExitCode {
    serve::events(|| {
        let store = Store::connect(&StoreConfig::from_env()?);
        let config = ChatConfig::from_env()?;
        let socket = Arc::new(Socket {
            service: Service::new(ServiceConfig::from_env()?, store.requests()),
            guard: Guard::new(&CallersConfig::from_env()?, store.callers()?)?,
            conversations: store.conversations()?,
            sockets: Sockets::new(&config)?,
            pricing: Pricing::from_env()?,
            config,
        });
        Ok(move |event, deadline| {
            let socket = Arc::clone(&socket);
            async move { Ok(socket.handle(event, deadline).await) }
        })
    })
}
