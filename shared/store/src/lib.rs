//! The database: DynamoDB, one file a table.
//!
//! A table's file holds its key design, its items and its expressions, and [`TableDefinition`] states its
//! keys once, for whoever creates or checks the table. This crate knows nothing of HTTP or of models.
//!
//! Locally and in tests the other end of the wire is an embedded server that speaks DynamoDB's protocol;
//! the code here does not know the difference, only [`StoreConfig`] does.

pub mod callers;
mod client;
mod config;
pub mod conversations;
mod create;
mod definition;
pub mod documents;
mod due;
mod endpoint;
mod error;
mod expression;
mod item;
pub mod jobs;
mod pause;
mod put;
pub mod requests;
mod shard;
mod timestamp;
mod transaction;
mod update;
pub mod webhooks;

pub use callers::{Admission, CallerId, Callers, Refusal};
pub use client::sdk_config;
pub use config::{
    CALLERS_TABLE, CONVERSATIONS_TABLE, ConfigError, Credentials, DOCUMENTS_TABLE, JOBS_TABLE,
    REQUESTS_TABLE, StoreConfig, WEBHOOKS_TABLE,
};
pub use conversations::Conversations;
pub use create::{create_table_input, create_tables};
pub use definition::{Attribute, AttributeKind, Index, Key, Projection, TableDefinition, VectorIndex};
pub use documents::{Document, Documents, Embedding};
pub use error::StoreError;
pub use jobs::{Job, JobStatus, Jobs};
pub use requests::{RequestRecord, Requests, State};
pub use timestamp::{instant_of, instant_text, now_ms};
pub use webhooks::Webhooks;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

/// A handle on the database: cheap to clone, built once in `main`.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    config: Arc<StoreConfig>,
}

impl Store {
    /// Builds the client. It does no I/O: the first request opens the connection.
    pub fn connect(config: &StoreConfig) -> Self {
        Self {
            client: client::build(config),
            config: Arc::new(config.clone()),
        }
    }

    /// Who may call, and how much.
    ///
    /// # Errors
    /// The configuration does not name their table.
    pub fn callers(&self) -> Result<Callers, ConfigError> {
        let table = self.config.callers_table.clone();
        let table = table.ok_or(ConfigError::Missing {
            name: CALLERS_TABLE,
            expected: "the name of the DynamoDB table of callers",
        })?;
        Ok(Callers::new(self.client.clone(), table))
    }

    /// Work that is done after its request has been answered.
    ///
    /// # Errors
    /// The configuration does not name their table.
    pub fn jobs(&self) -> Result<Jobs, ConfigError> {
        let table = self.config.jobs_table.clone();
        let table = table.ok_or(ConfigError::Missing {
            name: JOBS_TABLE,
            expected: "the name of the DynamoDB table of jobs",
        })?;
        Ok(Jobs::new(self.client.clone(), table))
    }

    /// What callers search in.
    ///
    /// # Errors
    /// The configuration does not name their table.
    pub fn documents(&self) -> Result<Documents, ConfigError> {
        let table = self.config.documents_table.clone();
        let table = table.ok_or(ConfigError::Missing {
            name: DOCUMENTS_TABLE,
            expected: "the name of the DynamoDB table of documents",
        })?;
        Ok(Documents::new(self.client.clone(), table))
    }

    /// What others have told.
    ///
    /// # Errors
    /// The configuration does not name their table.
    pub fn webhooks(&self) -> Result<Webhooks, ConfigError> {
        let table = self.config.webhooks_table.clone();
        let table = table.ok_or(ConfigError::Missing {
            name: WEBHOOKS_TABLE,
            expected: "the name of the DynamoDB table of webhooks",
        })?;
        Ok(Webhooks::new(self.client.clone(), table))
    }

    /// Payments, and the budgets that they top up.
    ///
    /// # Errors
    /// The configuration does not name both tables.
    pub fn ledger(&self) -> Result<webhooks::Ledger, ConfigError> {
        Ok(webhooks::Ledger {
            webhooks: self.webhooks()?,
            callers: self.callers()?,
        })
    }

    /// What is said over sockets.
    ///
    /// # Errors
    /// The configuration does not name their table.
    pub fn conversations(&self) -> Result<Conversations, ConfigError> {
        let table = self.config.conversations_table.clone();
        let table = table.ok_or(ConfigError::Missing {
            name: CONVERSATIONS_TABLE,
            expected: "the name of the DynamoDB table of conversations",
        })?;
        Ok(Conversations::new(self.client.clone(), table))
    }

    /// The log of requests.
    pub fn requests(&self) -> Requests {
        Requests::new(self.client.clone(), self.config.requests_table.clone())
    }
}
