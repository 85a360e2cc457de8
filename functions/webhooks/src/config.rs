//! Where the secrets of webhooks are, read from the environment once, at start.

use crate::secrets::KnownSecrets;

/// The secrets themselves, for this machine: `{"stripe": ["whsec_..."]}`.
const SECRETS: &str = "LAMBENT_WEBHOOK_SECRETS";

/// The secret in AWS Secrets Manager that has them.
const SECRETS_ARN: &str = "LAMBENT_WEBHOOK_SECRETS_ARN";

/// Where the secrets of webhooks are.
#[derive(Debug, Clone)]
pub enum WebhookConfig {
    /// Here.
    Here(KnownSecrets),
    /// In the secret with this name or ARN in AWS Secrets Manager.
    SecretsManager {
        /// Its name or ARN.
        id: String,
        /// The base URL of a Secrets Manager that is not the region's own.
        endpoint: Option<String>,
    },
}

/// A variable is missing, or cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Neither variable is set.
    #[error(
        "neither {SECRETS} nor {SECRETS_ARN} is set: expected secrets, or the secret in AWS Secrets Manager that has them"
    )]
    Missing,
    /// It has something else.
    #[error(
        "{SECRETS} is malformed: expected JSON such as {{\"stripe\": [\"whsec_...\"]}}, with secrets by source"
    )]
    Malformed,
}

impl WebhookConfig {
    /// Reads the process environment; see [`WebhookConfig::from_lookup`].
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads `LAMBENT_WEBHOOK_SECRETS`, or else `LAMBENT_WEBHOOK_SECRETS_ARN` and AWS's own `AWS_ENDPOINT_URL_SECRETS_MANAGER` (or
    /// `AWS_ENDPOINT_URL`). An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        if let Some(text) = get(SECRETS) {
            let known = KnownSecrets::parse(&text).ok_or(ConfigError::Malformed)?;
            return Ok(Self::Here(known));
        }
        Ok(Self::SecretsManager {
            id: get(SECRETS_ARN).ok_or(ConfigError::Missing)?,
            endpoint: get("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| get("AWS_ENDPOINT_URL")),
        })
    }

    /// The variables that [`WebhookConfig::from_lookup`] reads this configuration from. **Some are secrets.**
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Here(known) => vec![(SECRETS, known.reveal())],
            Self::SecretsManager { id, endpoint } => {
                let endpoint = endpoint.clone();
                let endpoint = endpoint.map(|url| ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url));
                [(SECRETS_ARN, id.clone())].into_iter().chain(endpoint).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&'static str, &str)]) -> Result<WebhookConfig, ConfigError> {
        WebhookConfig::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn secrets_are_here_or_in_secrets_manager_and_can_be_handed_on() {
        let here = read(&[(SECRETS, r#"{"stripe": ["a", "b"]}"#), (SECRETS_ARN, "arn")]).unwrap();
        let variables = here.variables();
        assert_eq!(variables, [(SECRETS, r#"{"stripe":["a","b"]}"#.to_owned())]);
        let there = read(&[
            (SECRETS, " "),
            (SECRETS_ARN, "arn"),
            ("AWS_ENDPOINT_URL", "http://a"),
        ])
        .unwrap();
        assert_eq!(
            there.variables(),
            [
                (SECRETS_ARN, "arn".to_owned()),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://a".to_owned())
            ]
        );
        assert_eq!(read(&[]).unwrap_err(), ConfigError::Missing);
        let malformed = read(&[(SECRETS, r#"{"stripe": "hunter2"}"#)]).unwrap_err();
        assert_eq!(malformed, ConfigError::Malformed);
        assert!(!malformed.to_string().contains("hunter2"));
    }
}
