//! Fetches an issuer's keys: two small documents, from an address that is configured or that the issuer's own document names.

use std::time::Duration;

use serde::Deserialize;

use crate::config::is_trusted_url;
use crate::error::FetchError;
use crate::keys::KeySet;
use crate::{ConfigError, TokenConfig};

/// For both documents together: a caller waits behind it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Many times what an issuer publishes.
const MAX_BYTES: usize = 256 * 1024;

/// Where an issuer's keys come from.
#[derive(Debug)]
pub(crate) struct Source {
    client: reqwest::Client,
    issuer: String,
    jwks_url: Option<String>,
}

/// OpenID Connect Discovery 1.0, section 4.2; the same in RFC 8414.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    pub(crate) fn new(config: &TokenConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            client: lambent_http::client().build().map_err(ConfigError::Client)?,
            issuer: config.issuer.clone(),
            jwks_url: config.jwks_url.clone(),
        })
    }

    /// The keys as they are now.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let fetched = tokio::time::timeout(TIMEOUT, async {
            let url = match &self.jwks_url {
                Some(url) => url.clone(),
                None => self.discover().await?,
            };
            self.get(&url).await
        });
        KeySet::read(&fetched.await.map_err(|_| FetchError::Timeout)??)
    }

    async fn discover(&self) -> Result<String, FetchError> {
        let base = self.issuer.trim_end_matches('/');
        let json = self
            .get(&format!("{base}/.well-known/openid-configuration"))
            .await?;
        let document: Discovery = serde_json::from_slice(&json).map_err(FetchError::Malformed)?;
        if document.issuer != self.issuer {
            return Err(FetchError::Issuer);
        }
        if !is_trusted_url(&document.jwks_uri) {
            return Err(FetchError::KeySetUrl);
        }
        Ok(document.jwks_uri)
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client.get(url).send().await.map_err(FetchError::Transport)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Transport)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
