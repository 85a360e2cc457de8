//! What `lambent dev` runs, and where.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use docs::OAuth;
use jobs_worker::WorkerConfig;
use lambent_callbacks::CallbackConfig;
use lambent_callers::{CallersConfig, Pepper};
use lambent_chat::ChatConfig;
use lambent_llm::{EmbeddingConfig, ModelConfig, relay::TableConfig};
use lambent_local_model::WeightsSource;
use lambent_service::ServiceConfig;
use lambent_store::StoreConfig;
use webhooks::{KnownSecrets, WebhookConfig};
use webhooks_worker::Rates;

use super::{StartError, keys, webhooks as own_secrets};

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The database.
    pub database: Database,
    /// The model.
    pub model: Model,
    /// The embedding model.
    pub embedding: Embedding,
    /// The names that OpenAI's clients may use for models, besides those of the two.
    pub table: TableConfig,
    /// What is configured of every function alike.
    pub service: ServiceConfig,
    /// What callers are checked against.
    pub callers: CallersConfig,
    /// Which servers may be called back, besides public ones.
    pub callbacks: CallbackConfig,
    /// What is configured of the worker that does jobs.
    pub worker: WorkerConfig,
    /// What events of others are signed with.
    pub webhooks: WebhookConfig,
    /// What other currencies than the dollar are worth.
    pub rates: Rates,
    /// How long sockets last.
    pub chat: ChatConfig,
    /// Where the documentation lets people sign in, if it does.
    pub oauth: Option<OAuth>,
    /// How the functions run.
    pub functions: Functions,
    /// Whether the key in the test events is valid, for `sam local invoke`.
    pub events_key: bool,
    /// Where the database and the model in this process listen: on loopback, or where containers can reach them.
    pub inside: IpAddr,
}

/// How the functions run.
#[derive(Debug, Clone)]
pub enum Functions {
    /// As routers in this process.
    Here,
    /// As the processes that are deployed, whose binaries are in this folder.
    Processes(PathBuf),
}

/// Where the tables are.
#[derive(Debug, Clone)]
pub enum Database {
    /// In this process, kept in a file in this folder.
    Folder(PathBuf),
    /// In this process, gone with it.
    Memory,
    /// In a DynamoDB elsewhere.
    Elsewhere(StoreConfig),
}

/// Which model answers.
#[derive(Debug, Clone)]
pub enum Model {
    /// One in this process.
    Local(WeightsSource),
    /// A provider's.
    Elsewhere(Box<ModelConfig>),
}

/// Which model embeds texts.
#[derive(Debug, Clone)]
pub enum Embedding {
    /// One in this process, which is fetched and loaded when it is asked for the first time.
    Local(WeightsSource),
    /// A provider's.
    Elsewhere(Box<EmbeddingConfig>),
}

impl Config {
    /// What the environment asks for, with data in `folder`: `LAMBENT_MODEL` and `LAMBENT_EMBEDDING_MODEL` for providers' models instead
    /// of the local ones, `LAMBENT_REQUESTS_TABLE` (and `LAMBENT_CALLERS_TABLE`, `LAMBENT_JOBS_TABLE`, `LAMBENT_DOCUMENTS_TABLE`,
    /// `LAMBENT_WEBHOOKS_TABLE`, `LAMBENT_CONVERSATIONS_TABLE`, `LAMBENT_KEY_PEPPER`) for real tables instead of the embedded database.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_env(listen: SocketAddr, folder: PathBuf) -> Result<Self, StartError> {
        let is_set = |name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        let database = if is_set("LAMBENT_REQUESTS_TABLE") {
            Database::Elsewhere(StoreConfig::from_env()?)
        } else {
            Database::Folder(folder)
        };
        let callers = match &database {
            Database::Folder(folder) if !is_set(Pepper::VARIABLE) => {
                let (_, pepper) = keys::pepper(folder)?.variable();
                CallersConfig::from_lookup(|name| match name {
                    Pepper::VARIABLE => Some(pepper.clone()),
                    name => std::env::var(name).ok(),
                })?
            }
            _ => CallersConfig::from_env()?,
        };
        let names_secrets = ["LAMBENT_WEBHOOK_SECRETS", "LAMBENT_WEBHOOK_SECRETS_ARN"]
            .into_iter()
            .any(is_set);
        let webhooks = match &database {
            _ if names_secrets => WebhookConfig::from_env()?,
            Database::Folder(folder) => own_secrets::own(folder)?,
            Database::Memory | Database::Elsewhere(_) => WebhookConfig::Here(KnownSecrets::default()),
        };
        let model = if is_set("LAMBENT_MODEL") {
            Model::Elsewhere(Box::new(ModelConfig::from_env()?))
        } else {
            Model::Local(WeightsSource::from_env())
        };
        let embedding = if is_set("LAMBENT_EMBEDDING_MODEL") {
            Embedding::Elsewhere(Box::new(EmbeddingConfig::from_env()?))
        } else {
            Embedding::Local(WeightsSource::from_env())
        };
        Ok(Self {
            listen,
            database,
            model,
            embedding,
            table: TableConfig::from_env()?,
            service: ServiceConfig::from_env()?,
            callers,
            callbacks: CallbackConfig::from_env()?,
            worker: WorkerConfig::from_env()?,
            webhooks,
            rates: Rates::from_env()?,
            chat: ChatConfig::from_env()?,
            oauth: OAuth::from_env()?,
            events_key: false,
            functions: Functions::Here,
            inside: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    }
}
