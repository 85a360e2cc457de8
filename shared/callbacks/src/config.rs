//! How callbacks are sent, read from the environment once, at start.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `LAMBENT_CALLBACK_ALLOW` | servers that may be private and without TLS, `host:port` with commas between: for development and tests | none |

use std::time::Duration;

use url::Url;

use crate::UrlProblem;
use crate::target::{Target, host_and_port};

const ALLOW: &str = "LAMBENT_CALLBACK_ALLOW";
const EXPECTED_ALLOW: &str = "`host:port` in lower case, with commas between them";
const TIMEOUT: Duration = Duration::from_secs(10);

/// How callbacks are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackConfig {
    /// Servers that may be private and without TLS: `host:port` as in a URL, in lower case, the port always given.
    pub allow: Vec<String>,
    /// The longest that an attempt may take, from the name to the answer.
    pub timeout: Duration,
    /// Authorities to trust instead of those compiled in, in PEM: for a test's own server. It is not read from the environment, where
    /// `SSL_CERT_FILE` does the same for the whole process.
    pub authorities: Option<String>,
}

/// A variable of the environment cannot be used, or what stands on it cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Set to something else than expected.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The HTTP client that sends callbacks, or one of [`CallbackConfig::authorities`].
    #[error("the HTTP client for callbacks could not be built")]
    Client(#[source] reqwest::Error),
}

impl Default for CallbackConfig {
    /// Public servers only, and 10 seconds.
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            timeout: TIMEOUT,
            authorities: None,
        }
    }
}

impl CallbackConfig {
    /// Reads the process environment; see the module's table.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads any lookup of variables by name. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let listed = lookup(ALLOW).filter(|list| !list.trim().is_empty());
        let config = Self {
            allow: listed.map_or_else(Vec::new, |list| {
                list.split(',').map(|entry| entry.trim().to_owned()).collect()
            }),
            ..Self::default()
        };
        config.validate()?;
        Ok(config)
    }

    /// The variables that [`CallbackConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let list = (!self.allow.is_empty()).then(|| self.allow.join(","));
        list.map(|list| (ALLOW, list)).into_iter().collect()
    }

    /// The same as [`check`](crate::check), except that what is allowed by this configuration is accepted.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn check(&self, url: &str) -> Result<(), UrlProblem> {
        Target::parse(url, &self.allow).map(drop)
    }

    /// Holds the fields to their rules: they are public, and may come from elsewhere than the environment.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.allow.iter().all(|entry| is_host_and_port(entry)) {
            return Ok(());
        }
        Err(ConfigError::Malformed {
            name: ALLOW,
            expected: EXPECTED_ALLOW,
        })
    }
}

/// Whether a URL's host and port, as `url` writes them, can be equal to this.
fn is_host_and_port(entry: &str) -> bool {
    let url = Url::parse(&format!("http://{entry}/"));
    // To `url`, a `*` is part of a name. It would look like a pattern here, and be none.
    !entry.contains('*') && url.is_ok_and(|url| host_and_port(&url).as_deref() == Some(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<CallbackConfig, ConfigError> {
        CallbackConfig::from_lookup(|name| (name == ALLOW).then(|| value.to_owned()))
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        for config in [read("").unwrap(), read("  ").unwrap(), CallbackConfig::default()] {
            assert_eq!(config, CallbackConfig::default());
            assert_eq!(config.timeout, Duration::from_secs(10));
            assert!(config.allow.is_empty() && config.variables().is_empty());
            assert_eq!(config.check("http://localhost:3000/"), Err(UrlProblem::Scheme));
        }
    }

    #[test]
    fn what_is_allowed_can_be_handed_on_as_variables() {
        let config = read("localhost:3000, 127.0.0.1:80,[::1]:9,server.internal:443").unwrap();
        assert_eq!(config.allow.len(), 4);
        for url in [
            "http://localhost:3000/a",
            "http://127.0.0.1/",
            "https://server.internal",
        ] {
            assert_eq!(config.check(url), Ok(()), "{url}");
        }
        let [(name, value)] = config.variables().try_into().unwrap();
        assert_eq!((name, read(&value).unwrap()), (ALLOW, config));
    }

    #[test]
    fn what_is_malformed_is_named_and_not_repeated() {
        for value in [
            "hunter2",
            "hunter2:",
            "hunter2:99999",
            "hunter2:080",
            "Hunter2:80",
            "http://hunter2:80",
            "user@hunter2:80",
            "hunter2:80/path",
            "hunter2:80?",
            "::1:80",
            "[0::1]:80",
            "127.1:80",
            "*:80",
            "a:80,,b:80",
            "a:80,",
            ",",
        ] {
            let error = read(value)
                .map(|config| config.allow)
                .expect_err(value)
                .to_string();
            assert!(
                error.starts_with("LAMBENT_CALLBACK_ALLOW is malformed"),
                "{error}"
            );
            assert!(!error.contains("unter2"), "{error}");
        }
    }
}
