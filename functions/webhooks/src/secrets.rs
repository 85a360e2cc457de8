//! The secrets that sources sign with: those in a variable, or those of a secret in AWS Secrets Manager.
//!
//! Either way they are one JSON object, with a list of secrets for each source: `{"stripe": ["whsec_new", "whsec_old"]}`. Every one in a list is taken,
//! so that a secret is rotated by adding the new one, having the source use it, and taking the old one out. A change is found within [`FRESH`],
//! and by the first event signed with a new secret at once, unless they have been asked for within [`PAUSE`]: who sends forged events
//! causes no more than one call in that time.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use lambent_service::chain;
use lambent_store::{StoreConfig, sdk_config};
use tokio::{sync::Mutex, time::Instant};

use crate::WebhookConfig;

/// After what time secrets are asked for anew.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The least time between two calls because an event was not signed with a secret that is known.
const PAUSE: Duration = Duration::from_secs(60);

/// A secret. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The secrets by source, as they are known at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownSecrets(BTreeMap<String, Vec<Secret>>);

impl KnownSecrets {
    /// Reads `{"source": ["secret", ...]}`; `None` if it is something else. Empty secrets, which anybody could sign with, are none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let by_source: BTreeMap<String, Vec<String>> = serde_json::from_str(text).ok()?;
        let of_source = |(source, secrets): (String, Vec<String>)| {
            let secrets = secrets.into_iter().filter(|secret| !secret.trim().is_empty());
            (source, secrets.map(Secret).collect())
        };
        Some(Self(by_source.into_iter().map(of_source).collect()))
    }

    /// The secrets of a source; none if it is not known.
    pub(crate) fn of(&self, source: &str) -> &[Secret] {
        self.0.get(source).map_or(&[], Vec::as_slice)
    }

    /// The same as JSON, **with the secrets**.
    pub(crate) fn reveal(&self) -> String {
        let by_source = self.0.iter().map(|(source, secrets)| {
            let secrets: Vec<_> = secrets.iter().map(Secret::reveal).collect();
            (source.as_str(), secrets)
        });
        serde_json::to_string(&by_source.collect::<BTreeMap<_, _>>()).unwrap_or_default()
    }
}

/// The secrets cannot be had. No variant carries one.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Secrets Manager does not answer, or refuses.
    #[error("could not get the secrets of webhooks")]
    Call(#[source] Box<SdkError<GetSecretValueError>>),
    /// The secret holds something else.
    #[error("the secret of webhooks is not JSON with lists of secrets by source")]
    Malformed,
}

/// Where secrets are had from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Secrets(Arc<Place>);

#[derive(Debug)]
enum Place {
    Here(Arc<KnownSecrets>),
    SecretsManager {
        client: Client,
        id: String,
        cache: Mutex<Cache>,
    },
}

#[derive(Debug, Default)]
struct Cache {
    known: Option<Arc<KnownSecrets>>,
    asked_at: Option<Instant>,
}

impl Secrets {
    /// Secrets as they are configured; Secrets Manager is reached with the region and the credentials of the database. No I/O.
    #[must_use]
    pub fn new(config: WebhookConfig, store: &StoreConfig) -> Self {
        Self(Arc::new(match config {
            WebhookConfig::Here(known) => Place::Here(Arc::new(known)),
            WebhookConfig::SecretsManager { id, endpoint } => Place::SecretsManager {
                client: Client::new(&sdk_config(store, endpoint.as_deref())),
                id,
                cache: Mutex::default(),
            },
        }))
    }

    /// The secrets that are known, and not older than [`FRESH`]; older ones where Secrets Manager does not answer.
    pub(crate) async fn known(&self) -> Result<Arc<KnownSecrets>, SecretsError> {
        let Place::SecretsManager { client, id, cache } = &*self.0 else {
            return Ok(self.here());
        };
        let mut cache = cache.lock().await;
        match (&cache.known, cache.asked_at) {
            (Some(known), Some(asked_at)) if asked_at.elapsed() < FRESH => Ok(Arc::clone(known)),
            (Some(known), _) => {
                let known = Arc::clone(known);
                Ok(cache.ask(client, id).await.unwrap_or_else(|error| {
                    tracing::warn!(cause = chain(&error), "the secrets of webhooks are old");
                    known
                }))
            }
            (None, _) => cache.ask(client, id).await,
        }
    }

    /// What the secrets are instead of these; `None` if they are the same, or have been asked for within [`PAUSE`].
    pub(crate) async fn changed(&self, before: &Arc<KnownSecrets>) -> Option<Arc<KnownSecrets>> {
        let Place::SecretsManager { client, id, cache } = &*self.0 else {
            return None;
        };
        let mut cache = cache.lock().await;
        if cache.asked_at.is_none_or(|asked_at| asked_at.elapsed() >= PAUSE)
            && let Err(error) = cache.ask(client, id).await
        {
            tracing::warn!(cause = chain(&error), "the secrets of webhooks may be old");
        }
        cache.known.clone().filter(|known| known != before)
    }

    fn here(&self) -> Arc<KnownSecrets> {
        match &*self.0 {
            Place::Here(known) => Arc::clone(known),
            Place::SecretsManager { .. } => Arc::default(),
        }
    }
}

impl Cache {
    async fn ask(&mut self, client: &Client, id: &str) -> Result<Arc<KnownSecrets>, SecretsError> {
        self.asked_at = Some(Instant::now());
        let answer = client.get_secret_value().secret_id(id).send().await;
        let answer: GetSecretValueOutput = answer.map_err(|error| SecretsError::Call(Box::new(error)))?;
        let known = answer.secret_string().and_then(KnownSecrets::parse);
        let known = Arc::new(known.ok_or(SecretsError::Malformed)?);
        self.known = Some(Arc::clone(&known));
        Ok(known)
    }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
