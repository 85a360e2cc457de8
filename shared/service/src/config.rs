//! What can be configured of every function alike, read from the environment once, at start.

use std::time::Duration;

use http::HeaderValue;

use crate::compute::MEMORY;

/// Which web origins may read the answers: comma-separated, or `*`; none by default.
pub(crate) const CORS_ORIGINS: &str = "LAMBENT_CORS_ORIGINS";
/// The longest a request may take off Lambda, in seconds; the endpoint's own timeout by default. On Lambda the
/// invocation's deadline counts.
pub(crate) const TIMEOUT_SECS: &str = "LAMBENT_TIMEOUT_SECS";
/// After how many seconds of silence an event stream sends a comment; 15 by default.
pub(crate) const HEARTBEAT_SECS: &str = "LAMBENT_HEARTBEAT_SECS";

/// What can be configured of every function alike.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Which web origins may read the answers.
    pub cors_origins: CorsOrigins,
    /// The longest a request may take off Lambda; `None` for the endpoint's own timeout.
    pub timeout: Option<Duration>,
    /// After how much silence an event stream sends a comment, so that nobody in between takes it for dead.
    pub heartbeat: Duration,
    /// The function's memory in megabytes, on Lambda; `None` elsewhere.
    pub memory_mb: Option<u32>,
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
            memory_mb: None,
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

    /// Reads `LAMBENT_CORS_ORIGINS`, `LAMBENT_TIMEOUT_SECS` and `LAMBENT_HEARTBEAT_SECS`. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let cors_origins = get(CORS_ORIGINS).map_or(Ok(CorsOrigins::None), |value| origins(&value))?;
        let seconds = |name| get(name).map(|value| seconds(name, &value)).transpose();
        Ok(Self {
            cors_origins,
            timeout: seconds(TIMEOUT_SECS)?,
            heartbeat: seconds(HEARTBEAT_SECS)?.unwrap_or(Self::default().heartbeat),
            // Lambda's own word for it, not an operator's.
            memory_mb: get(MEMORY).and_then(|megabytes| megabytes.parse().ok()),
        })
    }

    /// The variables that [`ServiceConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let origins = match &self.cors_origins {
            CorsOrigins::None => None,
            CorsOrigins::Any => Some("*".to_owned()),
            CorsOrigins::List(origins) => {
                let origins: Vec<_> = origins.iter().filter_map(|origin| origin.to_str().ok()).collect();
                Some(origins.join(","))
            }
        };
        let mut variables = vec![(HEARTBEAT_SECS, seconds(self.heartbeat))];
        variables.extend(origins.map(|origins| (CORS_ORIGINS, origins)));
        variables.extend(self.timeout.map(|timeout| (TIMEOUT_SECS, seconds(timeout))));
        variables
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

fn seconds(name: &'static str, value: &str) -> Result<Duration, ConfigError> {
    let malformed = ConfigError {
        name,
        expected: "seconds, above 0 and at most 900",
    };
    value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= 900.0)
        .map(Duration::from_secs_f64)
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
    fn times_are_seconds_up_to_lambdas_longest() {
        assert_eq!(
            read(TIMEOUT_SECS, "20").unwrap().timeout,
            Some(Duration::from_secs(20))
        );
        assert_eq!(
            read(HEARTBEAT_SECS, "0.1").unwrap().heartbeat,
            Duration::from_millis(100)
        );
        for name in [TIMEOUT_SECS, HEARTBEAT_SECS] {
            for wrong in ["0", "901", "-1", "NaN", "soon"] {
                assert_eq!(read(name, wrong).unwrap_err().name, name, "{wrong}");
            }
        }
    }

    #[test]
    fn a_configuration_can_be_handed_on_as_variables() {
        let config = ServiceConfig {
            cors_origins: origins("https://a.example,http://localhost:5173").unwrap(),
            timeout: Some(Duration::from_millis(2500)),
            heartbeat: Duration::from_millis(100),
            memory_mb: None,
        };
        let variables = config.variables();
        let handed_on = ServiceConfig::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        })
        .unwrap();
        assert_eq!(handed_on.cors_origins, config.cors_origins);
        assert_eq!(
            (handed_on.timeout, handed_on.heartbeat),
            (config.timeout, config.heartbeat)
        );
    }
}
