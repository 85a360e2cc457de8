//! What can be configured of every function alike, read from the environment once, at start.

use std::time::Duration;

use http::HeaderValue;

/// Which web origins may read the answers: comma-separated, or `*`; none by default.
pub(crate) const CORS_ORIGINS: &str = "LAMBENT_CORS_ORIGINS";
/// The longest a request may take off Lambda, in seconds; the endpoint's own timeout by default. On Lambda the
/// invocation's deadline counts.
pub(crate) const TIMEOUT_SECS: &str = "LAMBENT_TIMEOUT_SECS";

/// What can be configured of every function alike.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Which web origins may read the answers.
    pub cors_origins: CorsOrigins,
    /// The longest a request may take off Lambda; `None` for the endpoint's own timeout.
    pub timeout: Option<Duration>,
    /// After how much silence an event stream sends a comment, so that nobody in between takes it for dead.
    pub heartbeat: Duration,
}

/// Which web origins may read the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// None: no CORS headers are sent.
    None,
    /// Any: `access-control-allow-origin: *`.
    Any,
    /// These.
    List(Vec<HeaderValue>),
}

/// A variable of the environment cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} is malformed: expected {expected}")]
pub struct ConfigError {
    /// The variable's name.
    pub name: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            cors_origins: CorsOrigins::None,
            timeout: None,
            heartbeat: Duration::from_secs(15),
        }
    }
}

impl ServiceConfig {
    /// Reads the process environment; see [`ServiceConfig::from_lookup`].
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads `LAMBENT_CORS_ORIGINS` and `LAMBENT_TIMEOUT_SECS`. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let cors_origins = get(CORS_ORIGINS).map_or(Ok(CorsOrigins::None), |value| origins(&value))?;
        let timeout = get(TIMEOUT_SECS).map(|value| seconds(&value)).transpose()?;
        Ok(Self {
            cors_origins,
            timeout,
            ..Self::default()
        })
    }
}

fn origins(value: &str) -> Result<CorsOrigins, ConfigError> {
    if value.trim() == "*" {
        return Ok(CorsOrigins::Any);
    }
    let malformed = ConfigError {
        name: CORS_ORIGINS,
        expected: "`*`, or origins like https://app.example.com with commas between them",
    };
    let origin = |text: &str| {
        let text = text.trim();
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))?;
        let is_origin = !host.is_empty() && !host.contains(['/', '*', ' ']);
        if is_origin {
            HeaderValue::from_str(text).ok()
        } else {
            None
        }
    };
    value
        .split(',')
        .map(origin)
        .collect::<Option<Vec<_>>>()
        .map(CorsOrigins::List)
        .ok_or(malformed)
}

fn seconds(value: &str) -> Result<Duration, ConfigError> {
    let malformed = ConfigError {
        name: TIMEOUT_SECS,
        expected: "a whole number of seconds, at least 1",
    };
    value
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<ServiceConfig, ConfigError> {
        ServiceConfig::from_lookup(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn origins_are_any_or_a_list_and_nothing_else() {
        assert_eq!(read(CORS_ORIGINS, "").unwrap().cors_origins, CorsOrigins::None);
        assert_eq!(read(CORS_ORIGINS, "*").unwrap().cors_origins, CorsOrigins::Any);
        let two = read(CORS_ORIGINS, "https://a.example, http://localhost:5173")
            .unwrap()
            .cors_origins;
        let expected = ["https://a.example", "http://localhost:5173"].map(HeaderValue::from_static);
        assert_eq!(two, CorsOrigins::List(expected.to_vec()));
        for wrong in [
            "a.example",
            "https://a.example/path",
            "https://*.example",
            "https://a.example,,",
        ] {
            assert_eq!(
                read(CORS_ORIGINS, wrong).unwrap_err().name,
                CORS_ORIGINS,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_timeout_is_whole_seconds() {
        assert_eq!(
            read(TIMEOUT_SECS, "20").unwrap().timeout,
            Some(Duration::from_secs(20))
        );
        for wrong in ["0", "1.5", "-1", "soon"] {
            assert_eq!(
                read(TIMEOUT_SECS, wrong).unwrap_err().name,
                TIMEOUT_SECS,
                "{wrong}"
            );
        }
    }
}
