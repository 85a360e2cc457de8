//! `lambent dev`: the whole API on this machine, and stand-ins for its cloud.
//!
//! The functions' own routers, or their processes (`functions`), answer behind an HTTP server with API Gateway's rules (`gateway`). They reach a DynamoDB
//! (`database`) and a model (`model`) over the wire, as they do in the cloud, and know no difference. Streams of tables and the clock start the
//! functions that no request calls (`background`).

pub mod background;
pub mod config;
pub(crate) mod database;
pub mod functions;
mod gateway;
pub mod keys;
mod model;
mod sockets;
pub mod webhooks;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use ::webhooks::Secrets;
use chat_socket::Socket;
use chat_sweeper::Sweeper;
use chat_worker::ChatWorker;
use jobs_worker::Worker;
use lambent_callbacks::{Callbacks, Signer};
use lambent_callers::{ApiKey, Guard, Pepper};
use lambent_chat::{ChatConfig, Sockets};
use lambent_llm::{
    Embedder, Models, install_crypto,
    relay::{ChatModels, EmbeddingModels},
};
use lambent_retrieval::Library;
use lambent_schema::{background::CHAT_SOCKET, endpoints::chat::SOCKET_PATH};
use lambent_service::Service;
use lambent_store::Store;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use webhooks_worker::Worker as WebhooksWorker;

use background::FailedRecords;
pub use config::{Config, Database, Embedding, Functions, Model};

/// The API, running. It stops when this is dropped; [`Running::stop`] waits for it.
pub struct Running {
    /// Where it answers: `http://127.0.0.1:3000`.
    pub url: String,
    /// Where the embedded DynamoDB answers; `None` if the database is elsewhere.
    pub database_url: Option<String>,
    /// Where the local model answers; `None` if the model is elsewhere.
    pub model_url: Option<String>,
    /// The model's name.
    pub model: String,
    /// A handle on the database.
    pub store: Store,
    /// A key for whoever develops here; `None` if the database is elsewhere.
    pub key: Option<ApiKey>,
    /// What keys' hashes are made with.
    pub pepper: Pepper,
    /// The records of jobs that were given up.
    pub failed: FailedRecords,
    /// What a function elsewhere on this machine is told, to use the same database and model. Without providers' keys and
    /// credentials; with the pepper, if the database is this machine's.
    pub variables: Vec<(String, String)>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    folder: Option<PathBuf>,
}

/// The API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("{0} is taken. Stop what listens there, or choose another port: `cargo run -- --port {1}`")]
    Taken(SocketAddr, u16),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The folder for the database or the cache cannot be made or written.
    #[error("cannot write to {0}: {1}")]
    Folder(std::path::PathBuf, #[source] std::io::Error),
    /// The embedded database does not start.
    #[error("the database does not start: {0}. If its file is damaged, move it away: {1}")]
    Database(String, String),
    /// The tables could not be made.
    #[error("the tables could not be made: {0}")]
    Tables(#[source] lambent_store::StoreError),
    /// The weights of the local model could not be had.
    #[error(transparent)]
    Weights(#[from] lambent_local_model::FetchError),
    /// The weights of the local model could not be loaded.
    #[error(transparent)]
    Load(#[from] lambent_local_model::LoadError),
    /// The binary of a function is not where it should be.
    #[error("there is no binary of the function {0} in {1}; `cargo run -- --lambda` builds all of them")]
    NoBinary(String, std::path::PathBuf),
    /// What does jobs cannot be started.
    #[error("the stream of the table of jobs cannot be read: {0}")]
    Stream(String),
    /// The functions could not be built.
    #[error("cargo could not build the functions: {0}")]
    Build(String),
    /// The model's configuration cannot be used.
    #[error(transparent)]
    Model(#[from] lambent_llm::ConfigError),
    /// The database's configuration cannot be used.
    #[error(transparent)]
    Store(#[from] lambent_store::ConfigError),
    /// Where people sign in cannot be used.
    #[error(transparent)]
    OAuth(#[from] docs::OAuthError),
    /// The configuration of callbacks cannot be used.
    #[error(transparent)]
    Callbacks(#[from] lambent_callbacks::ConfigError),
    /// The configuration of the worker that does jobs cannot be used.
    #[error(transparent)]
    Worker(#[from] jobs_worker::ConfigError),
    /// The secrets of webhooks cannot be used.
    #[error(transparent)]
    Webhooks(#[from] ::webhooks::ConfigError),
    /// The rates of currencies cannot be used.
    #[error(transparent)]
    Rates(#[from] webhooks_worker::ConfigError),
    /// The configuration of sockets cannot be used.
    #[error(transparent)]
    Chat(#[from] lambent_chat::ConfigError),
    /// The configuration of callers cannot be used.
    #[error(transparent)]
    Callers(#[from] lambent_callers::ConfigError),
    /// The configuration of the functions cannot be used.
    #[error(transparent)]
    Service(#[from] lambent_service::ConfigError),
}

/// Starts everything, and returns when the API answers.
///
/// # Errors
/// One clear sentence what is wrong and what to do.
pub async fn start(config: Config) -> Result<Running, StartError> {
    install_crypto();
    // First of all: a taken port should not cost a download.
    let listener = listen(config.listen).await?;
    let stop = CancellationToken::new();
    let database = database::start(&config.database, config.inside, &stop).await?;
    let model = model::start(config.model, config.embedding, config.inside, &stop).await?;
    let models = Models::new(model.config.clone())?;
    let store = Store::connect(&database.config);
    let domain = address(&listener, config.listen).to_string();
    let url = format!("http://{domain}");
    let name = models.model().to_owned();
    let callers = store.callers()?;
    let key = match &config.database {
        Database::Elsewhere(_) => None,
        Database::Folder(folder) => Some(keys::own(&callers, &config.callers.pepper, Some(folder)).await?),
        Database::Memory => Some(keys::own(&callers, &config.callers.pepper, None).await?),
    };
    if key.is_some() {
        keys::of_events(&callers, &config.callers.pepper, config.events_key).await?;
    }
    let folder = match (&config.database, &database.url) {
        (Database::Folder(folder), Some(url)) => {
            database::announce(folder, url)?;
            Some(folder.clone())
        }
        _ => None,
    };
    let sockets = sockets::Sockets::default();
    let chat = serve_sockets(&config.chat, config.inside, &domain, &sockets, &stop).await?;
    let mut variables =
        functions::variables(&database.config, &model.config, &config.service, &config.callers);
    let of_parts = (config.callbacks.variables().into_iter())
        .chain(config.worker.variables())
        .chain(config.webhooks.variables())
        .chain(config.rates.variables())
        .chain(model.embedding.variables())
        .chain(config.table.variables())
        .chain(chat.variables());
    variables.extend(of_parts.map(|(name, value)| (name.to_owned(), value)));
    let (functions, in_background) = match &config.functions {
        Functions::Here => {
            let service = Service::new(config.service.clone(), store.requests());
            let guard = Guard::new(&config.callers, callers.clone())?;
            let signer = Signer::new(config.callers.pepper.reveal());
            let library = Library {
                documents: store.documents()?,
                embedder: Embedder::new(model.embedding.clone())?,
            };
            let worker = Worker {
                service: service.clone(),
                jobs: store.jobs()?,
                callers: callers.clone(),
                token_limits: config.callers.token_limits.clone(),
                models: models.clone(),
                library: library.clone(),
                callbacks: Callbacks::new(config.callbacks.clone(), signer.clone())?,
                config: config.worker,
            };
            let clients = Sockets::new(&chat)?;
            let socket = Socket {
                service: service.clone(),
                guard: Guard::new(&config.callers, callers.clone())?,
                conversations: store.conversations()?,
                sockets: clients.clone(),
                pricing: models.pricing(),
                config: chat.clone(),
            };
            let chat_worker = ChatWorker {
                service: service.clone(),
                callers: callers.clone(),
                conversations: store.conversations()?,
                sockets: clients.clone(),
                models: models.clone(),
                config: chat.clone(),
            };
            let chat_sweeper = Sweeper {
                conversations: store.conversations()?,
                sockets: clients,
                callers,
                config: chat.clone(),
            };
            let here = gateway::Here {
                service: service.guarded(Arc::new(guard)),
                models,
                jobs: store.jobs()?,
                library,
                signer,
                callbacks: config.callbacks,
                webhooks: store.webhooks()?,
                secrets: Secrets::new(config.webhooks, &database.config),
                oauth: config.oauth,
                chat: ChatModels::new(&model.config, &config.table)?,
                embeddings: EmbeddingModels::new(&model.embedding, &config.table)?,
                conversations: store.conversations()?,
                socket_url: chat.socket_url()?,
            };
            let worker = background::Here {
                worker,
                webhooks: WebhooksWorker {
                    ledger: store.ledger()?,
                    rates: config.rates,
                },
                socket,
                chat_worker,
                chat_sweeper,
            };
            (
                gateway::here(here),
                background::Functions::here(worker, &config.service),
            )
        }
        Functions::Processes(folder) => (
            functions::router(folder, domain, &variables, &config.service)?,
            background::Functions::processes(folder, &variables, &config.service)?,
        ),
    };
    let functions = match in_background.of(&CHAT_SOCKET) {
        Some(function) => functions.merge(sockets::router(sockets::Gateway {
            sockets,
            function,
            config: chat,
            stop: stop.clone(),
        })),
        None => functions,
    };
    let failed = FailedRecords::new(folder.as_deref());
    if let Some(url) = &database.url {
        background::start(url, in_background, failed.clone(), &stop).await?;
    }
    functions::remove_secrets(&mut variables, key.is_some());
    let server = tokio::spawn(gateway::serve(
        listener,
        gateway::router(functions, &config.service),
        stop.clone(),
    ));
    Ok(Running {
        url,
        database_url: database.url,
        model_url: model.url,
        model: name,
        store,
        key,
        pepper: config.callers.pepper,
        failed,
        variables,
        stop,
        server,
        folder,
    })
}

/// Serves the management API of sockets, and says what functions are told of them.
async fn serve_sockets(
    config: &ChatConfig,
    inside: IpAddr,
    domain: &str,
    sockets: &sockets::Sockets,
    stop: &CancellationToken,
) -> Result<ChatConfig, StartError> {
    let any = SocketAddr::from((inside, 0));
    let listener = listen(any).await?;
    let management = address(&listener, any);
    tokio::spawn(gateway::serve(
        listener,
        sockets::management(sockets.clone()),
        stop.clone(),
    ));
    Ok(ChatConfig {
        connections_url: Some(format!("http://{management}")),
        url: Some(format!("ws://{domain}{SOCKET_PATH}")),
        ..config.clone()
    })
}

impl Running {
    /// Takes no more requests, gives those under way a few seconds to end, and stops. The key of the test events is void again.
    pub async fn stop(mut self) {
        if let (Some(_), Ok(callers)) = (&self.key, self.store.callers()) {
            // At the next start it is, in any case.
            let _ = keys::of_events(&callers, &self.pepper, false).await;
        }
        self.stop.cancel();
        let _ = (&mut self.server).await;
    }
}

impl std::fmt::Debug for Running {
    /// Without its variables, of which some are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(folder) = &self.folder {
            database::withdraw(folder);
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => StartError::Taken(address, address.port().wrapping_add(1)),
            _ => StartError::Listen(address, error),
        })
}

/// The address a listener got, where any port was asked for.
fn address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
