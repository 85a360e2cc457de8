//! Where sockets are, and how long they last.

use std::time::Duration;

use lambent_schema::endpoints::chat::{AGE_SECS, IDLE_SECS};

/// Where sockets' management API is.
const CONNECTIONS_URL: &str = "LAMBENT_CHAT_CONNECTIONS_URL";
/// Where clients open sockets.
const URL: &str = "LAMBENT_CHAT_URL";
/// For how many seconds a socket may be silent.
const IDLE: &str = "LAMBENT_CHAT_IDLE_SECS";
/// For how many seconds a socket may be open.
const AGE: &str = "LAMBENT_CHAT_AGE_SECS";
/// How many seconds before that clients are told.
const NOTICE: &str = "LAMBENT_CHAT_NOTICE_SECS";
/// For how many seconds an answer is its worker's without a word of that one.
const LEASE: &str = "LAMBENT_CHAT_LEASE_SECS";

/// What is configured of sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatConfig {
    /// The base URL of the management API, with its stage.
    pub connections_url: Option<String>,
    /// The address that clients open.
    pub url: Option<String>,
    /// For how long a socket may be silent.
    pub idle: Duration,
    /// For how long it may be open.
    pub age: Duration,
    /// How long before that its client is told.
    pub notice: Duration,
    /// For how long an answer is its worker's without a word of that one.
    pub lease: Duration,
}

/// A variable is missing or cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} is missing or malformed: expected {expected}")]
pub struct ConfigError {
    /// The variable's name.
    pub name: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            connections_url: None,
            url: None,
            idle: Duration::from_secs(IDLE_SECS.into()),
            age: Duration::from_secs(AGE_SECS.into()),
            notice: Duration::from_secs(120),
            lease: Duration::from_secs(10),
        }
    }
}

impl ChatConfig {
    /// Reads the process environment. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The same of any lookup of variables by name.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let url = |name, schemes: [&str; 2], expected| match get(name) {
            Some(url) if !schemes.iter().any(|scheme| url.starts_with(scheme)) => {
                Err(ConfigError { name, expected })
            }
            url => Ok(url),
        };
        let seconds = |name, most: f64, expected| {
            let parsed = get(name).map(|text| {
                let seconds = text.trim().parse().ok();
                let seconds = seconds.filter(|seconds: &f64| *seconds > 0.0 && *seconds <= most);
                seconds
                    .map(Duration::from_secs_f64)
                    .ok_or(ConfigError { name, expected })
            });
            parsed.transpose()
        };
        let default = Self::default();
        Ok(Self {
            connections_url: url(
                CONNECTIONS_URL,
                ["https://", "http://"],
                "a URL that begins with https:// or http://",
            )?,
            url: url(URL, ["wss://", "ws://"], "a URL that begins with wss:// or ws://")?,
            idle: seconds(IDLE, 600.0, "seconds, up to 600")?.unwrap_or(default.idle),
            age: seconds(AGE, 7200.0, "seconds, up to 7200")?.unwrap_or(default.age),
            notice: seconds(NOTICE, 600.0, "seconds, up to 600")?.unwrap_or(default.notice),
            lease: seconds(LEASE, 60.0, "seconds, up to 60")?.unwrap_or(default.lease),
        })
    }

    /// The variables that [`ChatConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let mut variables = vec![
            (IDLE, seconds(self.idle)),
            (AGE, seconds(self.age)),
            (NOTICE, seconds(self.notice)),
            (LEASE, seconds(self.lease)),
        ];
        let connections_url = self.connections_url.clone();
        variables.extend(connections_url.map(|url| (CONNECTIONS_URL, url)));
        variables.extend(self.url.clone().map(|url| (URL, url)));
        variables
    }

    /// Where clients open sockets.
    ///
    /// # Errors
    /// Nothing says so.
    pub fn socket_url(&self) -> Result<String, ConfigError> {
        self.url.clone().ok_or(ConfigError {
            name: URL,
            expected: "the address of the WebSocket API",
        })
    }

    /// Where the management API is.
    ///
    /// # Errors
    /// Nothing says so.
    pub fn management_url(&self) -> Result<String, ConfigError> {
        self.connections_url.clone().ok_or(ConfigError {
            name: CONNECTIONS_URL,
            expected: "the URL of the WebSocket API's management API",
        })
    }

    /// The lease in milliseconds.
    #[must_use]
    pub fn lease_ms(&self) -> u64 {
        milliseconds(self.lease)
    }

    /// When a connection is to be looked at that was opened, and last active, then; all in ms since 1970.
    #[must_use]
    pub fn due_at(&self, connected_at: u64, last_active_at: u64) -> u64 {
        let before = |limit: Duration| milliseconds(limit.saturating_sub(self.notice));
        (connected_at + before(self.age)).min(last_active_at + before(self.idle))
    }
}

/// A duration as the table has it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_can_be_handed_on_and_what_is_malformed_is_named() {
        let config = ChatConfig {
            connections_url: Some("http://127.0.0.1:9/v1".to_owned()),
            url: Some("ws://127.0.0.1:3000/ws/chat".to_owned()),
            idle: Duration::from_millis(2500),
            ..ChatConfig::default()
        };
        let variables = config.variables();
        let read = |overridden: Option<(&'static str, &'static str)>| {
            ChatConfig::from_lookup(|name| match overridden {
                Some((other, value)) if other == name => Some(value.to_owned()),
                _ => {
                    let found = variables.iter().find(|(key, _)| *key == name);
                    found.map(|(_, value)| value.clone())
                }
            })
        };
        assert_eq!(read(None), Ok(config));
        for (name, value) in [
            (URL, "http://x"),
            (CONNECTIONS_URL, "x"),
            (IDLE, "601"),
            (LEASE, "0"),
        ] {
            assert_eq!(read(Some((name, value))).unwrap_err().name, name);
        }
        assert_eq!(read(Some((URL, ""))).unwrap().socket_url().unwrap_err().name, URL);
    }

    #[test]
    fn a_connection_is_looked_at_before_the_nearer_of_its_ends() {
        let config = ChatConfig::default();
        assert_eq!(config.due_at(0, 0), 480_000);
        assert_eq!(config.due_at(0, 7_000_000), 7_080_000);
    }
}
