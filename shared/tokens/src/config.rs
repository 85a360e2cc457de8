//! Whose tokens are taken, read from the environment once, at start.

use reqwest::Url;

use crate::Algorithm;

const ISSUER: &str = "LAMBENT_TOKEN_ISSUER";
const AUDIENCE: &str = "LAMBENT_TOKEN_AUDIENCE";
const JWKS_URL: &str = "LAMBENT_TOKEN_JWKS_URL";
const ALGORITHMS: &str = "LAMBENT_TOKEN_ALGORITHMS";
const SCOPE_PREFIX: &str = "LAMBENT_TOKEN_SCOPE_PREFIX";

const EXPECTED_ISSUER: &str = "the issuer's https:// URL, exactly as in its tokens' `iss`";
const EXPECTED_AUDIENCE: &str = "the audiences that this API is addressed as, with commas between them";
const EXPECTED_JWKS_URL: &str = "the https:// URL of the issuer's key set";
const EXPECTED_ALGORITHMS: &str =
    "some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, with commas between them";

/// Whose tokens are taken, and for whom they must be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// What a token's `iss` must be, to the letter: an `https` URL, or `http` on loopback.
    pub issuer: String,
    /// Of a token's `aud` (or Cognito's `client_id`) one must be among these.
    pub audiences: Vec<String>,
    /// Where the issuer's keys are; `None` to ask `<issuer>/.well-known/openid-configuration`, which costs a round trip more.
    pub jwks_url: Option<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// What is taken off each scope, `api/` of Cognito's `api/analyse` for example; scopes without it are then dropped.
    pub scope_prefix: Option<String>,
}

/// A variable of the environment is missing or cannot be used, or what stands on them cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Set to something else than expected.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The HTTP client that fetches the keys.
    #[error("the HTTP client for the issuer's keys could not be built")]
    Client(#[source] reqwest::Error),
    /// Something else in this process has chosen what `jsonwebtoken` verifies with.
    #[error("another library's signature verification is installed in this process")]
    Crypto,
}

impl TokenConfig {
    /// Takes tokens of this issuer for this audience; all else as without variables.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            jwks_url: None,
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            scope_prefix: None,
        }
    }

    /// Reads the process environment; see [`TokenConfig::from_lookup`].
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_env() -> Result<Option<Self>, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads `LAMBENT_TOKEN_ISSUER`, `LAMBENT_TOKEN_AUDIENCE`, `LAMBENT_TOKEN_JWKS_URL`, `LAMBENT_TOKEN_ALGORITHMS` and
    /// `LAMBENT_TOKEN_SCOPE_PREFIX`. An empty variable counts as unset; without an issuer no tokens are taken, and this is `None`.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let get = |name: &str| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let Some(issuer) = get(ISSUER) else {
            return Ok(None);
        };
        let audiences = get(AUDIENCE).ok_or(ConfigError::Missing {
            name: AUDIENCE,
            expected: EXPECTED_AUDIENCE,
        })?;
        let config = Self {
            issuer,
            audiences: listed(&audiences).map(str::to_owned).collect(),
            jwks_url: get(JWKS_URL),
            algorithms: algorithms(&get(ALGORITHMS).unwrap_or_else(|| "RS256,ES256".to_owned()))?,
            scope_prefix: get(SCOPE_PREFIX),
        };
        config.check()?;
        Ok(Some(config))
    }

    /// The variables that [`TokenConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let algorithms: Vec<_> = self.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        let mut variables = vec![
            (ISSUER, self.issuer.clone()),
            (AUDIENCE, self.audiences.join(",")),
            (ALGORITHMS, algorithms.join(",")),
        ];
        variables.extend(self.jwks_url.clone().map(|url| (JWKS_URL, url)));
        variables.extend(self.scope_prefix.clone().map(|prefix| (SCOPE_PREFIX, prefix)));
        variables
    }

    /// Holds the fields to their rules: they are public, and may come from elsewhere than the environment.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let rules = [
            (ISSUER, EXPECTED_ISSUER, is_issuer(&self.issuer)),
            (AUDIENCE, EXPECTED_AUDIENCE, are_names(&self.audiences)),
            (
                JWKS_URL,
                EXPECTED_JWKS_URL,
                self.jwks_url.as_deref().is_none_or(is_trusted_url),
            ),
            (ALGORITHMS, EXPECTED_ALGORITHMS, !self.algorithms.is_empty()),
        ];
        match rules.into_iter().find(|(_, _, holds)| !holds) {
            Some((name, expected, _)) => Err(ConfigError::Malformed { name, expected }),
            None => Ok(()),
        }
    }
}

/// Whether keys may come from there: over TLS, or from this machine.
pub(crate) fn is_trusted_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_private && url.has_host() && url.username().is_empty() && url.password().is_none()
}

/// OpenID Connect Discovery 1.0, section 3: a URL "with no query or fragment components".
fn is_issuer(text: &str) -> bool {
    is_trusted_url(text) && !text.contains(['?', '#'])
}

fn are_names(names: &[String]) -> bool {
    !names.is_empty() && names.iter().all(|name| !name.is_empty())
}

fn listed(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

fn algorithms(list: &str) -> Result<Vec<Algorithm>, ConfigError> {
    let read: Result<Vec<_>, _> = listed(list).map(str::parse).collect();
    read.map_err(|_| ConfigError::Malformed {
        name: ALGORITHMS,
        expected: EXPECTED_ALGORITHMS,
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
