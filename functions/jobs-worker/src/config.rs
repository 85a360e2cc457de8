//! What can be configured of the worker.

use std::time::Duration;

/// For how many seconds a job is held without a word of its worker; 15 by default.
const LEASE_SECS: &str = "LAMBENT_JOB_LEASE_SECS";

/// What can be configured of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// For how long a job is held without a word of its worker. A worker that lives gives three in that time; when one has died, the next
    /// one waits so long.
    pub lease: Duration,
}

/// The variable cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{LEASE_SECS} is malformed: expected seconds, from 1 to 60")]
pub struct ConfigError;

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
        }
    }
}

impl WorkerConfig {
    /// Reads `LAMBENT_JOB_LEASE_SECS` of the process environment. An empty variable counts as unset.
    ///
    /// # Errors
    /// It is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The same of any lookup of variables by name.
    ///
    /// # Errors
    /// It is malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let Some(text) = lookup(LEASE_SECS).filter(|text| !text.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let seconds = text.trim().parse().ok();
        let seconds = seconds.filter(|seconds: &f64| (1.0..=60.0).contains(seconds));
        let lease = Duration::from_secs_f64(seconds.ok_or(ConfigError)?);
        Ok(Self { lease })
    }

    /// The variables that [`WorkerConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![(LEASE_SECS, self.lease.as_secs_f64().to_string())]
    }

    /// How often a worker that lives says so.
    pub(crate) fn every(&self) -> Duration {
        self.lease / 4
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_some_seconds_and_can_be_handed_on() {
        let read = |value: &str| WorkerConfig::from_lookup(|_| Some(value.to_owned()));
        assert_eq!(read(""), Ok(WorkerConfig::default()));
        let config = read("1.5").unwrap();
        assert_eq!(config.lease, Duration::from_millis(1500));
        assert_eq!(read(&config.variables()[0].1), Ok(config));
        for wrong in ["0", "61", "soon", "NaN"] {
            assert_eq!(read(wrong), Err(ConfigError), "{wrong}");
        }
    }
}
