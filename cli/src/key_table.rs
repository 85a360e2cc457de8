//! `lambent keys`: makes, lists, rotates and revokes API keys, in whatever DynamoDB the environment points to.

use std::{path::Path, time::Duration};

use lambent_callers::{ApiKey, Pepper};
use lambent_service::chain;
use lambent_store::{
    Callers, REQUESTS_TABLE, Store, StoreConfig, StoreError,
    callers::{KeyRecord, Limits, NewKey},
    now_ms,
};
use tokio_util::sync::CancellationToken;

use crate::dev::{self, StartError};

/// The table of callers, and the pepper of its keys.
#[derive(Debug)]
pub struct Keys {
    callers: Callers,
    /// Only making secrets needs it: revoking must go without.
    pepper: Result<Pepper, lambent_callers::ConfigError>,
    /// Stops the embedded database, where it was started for this.
    _embedded: Option<tokio_util::sync::DropGuard>,
}

/// A command on keys failed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The table cannot be reached.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The configuration of the table cannot be used.
    #[error(transparent)]
    Store(#[from] lambent_store::ConfigError),
    /// The pepper is missing.
    #[error("{0}")]
    Pepper(String),
    /// The call failed.
    #[error("{}", chain(.0))]
    Call(#[from] StoreError),
    /// There is no such key, or it is revoked.
    #[error("there is no key {0}, or it is revoked: `lambent keys list` shows them")]
    None(String),
    /// No key could be made.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl Keys {
    /// Those of the table that `LAMBENT_CALLERS_TABLE` names; without it, those of `lambent dev` with data in `folder`, whether it
    /// runs or not.
    ///
    /// # Errors
    /// The environment is incomplete, or the local database cannot be opened.
    pub async fn open(folder: &Path) -> Result<Self, KeysError> {
        let is_set = |name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        if is_set("LAMBENT_CALLERS_TABLE") {
            // The other table is not touched by this command.
            let config = StoreConfig::from_lookup(|name| match name {
                REQUESTS_TABLE => Some("none".to_owned()),
                name => std::env::var(name).ok(),
            })?;
            return Ok(Self {
                callers: Store::connect(&config).callers()?,
                pepper: Pepper::from_env(),
                _embedded: None,
            });
        }
        let pepper = if is_set(Pepper::VARIABLE) {
            Pepper::from_env()
        } else {
            Ok(dev::keys::pepper(folder)?)
        };
        let (config, embedded) = match dev::database::running(folder).await {
            Some(config) => (config, None),
            None => {
                let stop = CancellationToken::new();
                let database = dev::Database::Folder(folder.to_owned());
                let inside = std::net::Ipv4Addr::LOCALHOST.into();
                let started = dev::database::start(&database, inside, &stop).await?;
                (started.config, Some(stop.drop_guard()))
            }
        };
        Ok(Self {
            callers: Store::connect(&config).callers()?,
            pepper,
            _embedded: embedded,
        })
    }

    fn pepper(&self) -> Result<&Pepper, KeysError> {
        self.pepper
            .as_ref()
            .map_err(|error| KeysError::Pepper(error.to_string()))
    }

    /// Makes a key. What is returned is shown once: only its hash is kept.
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn create(&self, name: &str, scopes: Vec<String>, limits: Limits) -> Result<ApiKey, KeysError> {
        loop {
            let key = ApiKey::generate().map_err(|error| KeysError::Random(error.to_string()))?;
            let new = NewKey {
                id: key.id().to_owned(),
                hash: key.hash(self.pepper()?),
                name: name.to_owned(),
                scopes: scopes.clone(),
                limits: limits.clone(),
                created_at_ms: now_ms(),
            };
            if self.callers.create_key(&new).await? {
                return Ok(key);
            }
        }
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn list(&self) -> Result<Vec<KeyRecord>, KeysError> {
        Ok(self.callers.keys(now_ms()).await?)
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// There is none of that id, or the table cannot be written.
    pub async fn revoke(&self, id: &str) -> Result<(), KeysError> {
        match self.callers.revoke_key(id, now_ms()).await? {
            true => Ok(()),
            false => Err(KeysError::None(id.to_owned())),
        }
    }

    /// Gives a key a new secret; the old one stays valid for a while.
    ///
    /// # Errors
    /// There is none of that id, or the table cannot be written.
    pub async fn rotate(&self, id: &str, keep_old: Duration) -> Result<ApiKey, KeysError> {
        let key = ApiKey::with_id(id).map_err(|error| KeysError::Random(error.to_string()))?;
        let until = now_ms().saturating_add(u64::try_from(keep_old.as_millis()).unwrap_or(u64::MAX));
        match self
            .callers
            .rotate_key(id, &key.hash(self.pepper()?), until)
            .await?
        {
            true => Ok(key),
            false => Err(KeysError::None(id.to_owned())),
        }
    }
}
