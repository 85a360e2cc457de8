//! What can be configured of the worker.

use std::{ops::RangeInclusive, time::Duration};

/// For how many seconds a job is held without a word of its worker; 15 by default.
const LEASE_SECS: &str = "LAMBENT_JOB_LEASE_SECS";

/// After how many seconds a job whose model failed is begun again, at first; 30 by default.
const RETRY_SECS: &str = "LAMBENT_JOB_RETRY_SECS";

/// The longest that a job waits for its next attempt, in milliseconds.
const MAX_WAIT_MS: u64 = 30 * 60 * 1000;

/// What can be configured of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerConfig {
    /// For how long a job is held without a word of its worker. A worker that lives gives three in that time; when one has died, the next
    /// one waits so long.
    pub lease: Duration,
    /// After what time a job whose model failed is begun again: four times as long after each further attempt, half an hour at most.
    pub retry: Duration,
}

/// A variable cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} is malformed: expected {expected}")]
pub struct ConfigError {
    /// The variable's name.
    pub name: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            retry: Duration::from_secs(30),
        }
    }
}

impl WorkerConfig {
    /// Reads `LAMBENT_JOB_LEASE_SECS` and `LAMBENT_JOB_RETRY_SECS` of the process environment. An empty variable counts as unset.
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
        let seconds = |name, range: RangeInclusive<f64>, expected| {
            let text = lookup(name).filter(|text| !text.trim().is_empty());
            let parsed = text.map(|text| {
                let seconds = text.trim().parse().ok();
                let seconds = seconds.filter(|seconds| range.contains(seconds));
                seconds
                    .map(Duration::from_secs_f64)
                    .ok_or(ConfigError { name, expected })
            });
            parsed.transpose()
        };
        let default = Self::default();
        Ok(Self {
            lease: seconds(LEASE_SECS, 1.0..=60.0, "seconds, from 1 to 60")?.unwrap_or(default.lease),
            retry: seconds(RETRY_SECS, 0.0..=1800.0, "seconds, up to 1800")?.unwrap_or(default.retry),
        })
    }

    /// The variables that [`WorkerConfig::from_lookup`] reads this configuration from.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        vec![
            (LEASE_SECS, seconds(self.lease)),
            (RETRY_SECS, seconds(self.retry)),
        ]
    }

    /// How often a worker that lives says so.
    pub(crate) fn every(&self) -> Duration {
        self.lease / 4
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        milliseconds(self.lease)
    }

    /// What a job waits for its next attempt, in milliseconds, after so many that failed.
    pub(crate) fn wait_ms(&self, attempts: u32) -> u64 {
        let times = 4_u64.saturating_pow(attempts.saturating_sub(1));
        milliseconds(self.retry).saturating_mul(times).min(MAX_WAIT_MS)
    }
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_within_bounds_and_can_be_handed_on() {
        let read = |name: &'static str, value: &'static str| {
            WorkerConfig::from_lookup(|asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(read(LEASE_SECS, ""), Ok(WorkerConfig::default()));
        let config = read(LEASE_SECS, "1.5").unwrap();
        assert_eq!(config.lease, Duration::from_millis(1500));
        let variables = config.variables();
        let handed_on = WorkerConfig::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        });
        assert_eq!(handed_on, Ok(config));
        for (name, wrong) in [
            (LEASE_SECS, "0"),
            (LEASE_SECS, "61"),
            (LEASE_SECS, "NaN"),
            (RETRY_SECS, "-1"),
            (RETRY_SECS, "soon"),
        ] {
            assert_eq!(read(name, wrong).unwrap_err().name, name, "{wrong}");
        }
    }

    #[test]
    fn a_job_waits_longer_after_each_attempt_but_not_for_ever() {
        let waits = [1, 2, 3, 4, 5, 100].map(|attempts| WorkerConfig::default().wait_ms(attempts) / 1000);
        assert_eq!(waits, [30, 120, 480, 1800, 1800, 1800]);
    }
}
