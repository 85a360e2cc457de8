//! What `lambent dev` runs, and where.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use lambent_llm::ModelConfig;
use lambent_local_model::WeightsSource;
use lambent_service::ServiceConfig;
use lambent_store::StoreConfig;

use super::StartError;

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The database.
    pub database: Database,
    /// The model.
    pub model: Model,
    /// What is configured of every function alike.
    pub service: ServiceConfig,
    /// How the functions run.
    pub functions: Functions,
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
    Elsewhere(ModelConfig),
}

impl Config {
    /// What the environment asks for, with data in `folder`: `LAMBENT_MODEL` for a provider's model instead of the local one,
    /// `LAMBENT_REQUESTS_TABLE` for a real table instead of the embedded database.
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
        let model = if is_set("LAMBENT_MODEL") {
            Model::Elsewhere(ModelConfig::from_env()?)
        } else {
            Model::Local(WeightsSource::from_env())
        };
        Ok(Self {
            listen,
            database,
            model,
            service: ServiceConfig::from_env()?,
            functions: Functions::Here,
            inside: IpAddr::V4(Ipv4Addr::LOCALHOST),
        })
    }
}
