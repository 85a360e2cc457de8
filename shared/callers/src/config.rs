//! What callers are checked against, read from the environment once, at start.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `LAMBENT_KEY_PEPPER` | the secret that keys' hashes are made with, 32 characters or more | required |
//! | `LAMBENT_TOKEN_ISSUER` | whose tokens are taken; [`lambent_tokens::TokenConfig`] has more of that | none |
//! | `LAMBENT_TOKEN_RATE`, `LAMBENT_TOKEN_BURST` | how often the bearer of a token may call | `60/min`, 10 |
//! | `LAMBENT_TOKEN_BUDGET` | what it may spend in a month, `5.00/month` | `5.00/month` |
//! | `LAMBENT_TOKEN_CONCURRENCY` | its requests at once | 10 |
//! | `LAMBENT_TOKEN_MAX_OUTPUT_TOKENS` | the most tokens that a model may write for one of its answers | as the model's |

use std::fmt;

use lambent_store::callers::Limits;
use lambent_tokens::TokenConfig;

use crate::limits::{BUDGET_FORM, RATE_FORM, parse_budget, parse_rate};

const RATE: &str = "LAMBENT_TOKEN_RATE";
const BURST: &str = "LAMBENT_TOKEN_BURST";
const BUDGET: &str = "LAMBENT_TOKEN_BUDGET";
const CONCURRENCY: &str = "LAMBENT_TOKEN_CONCURRENCY";
const MAX_OUTPUT_TOKENS: &str = "LAMBENT_TOKEN_MAX_OUTPUT_TOKENS";
const MIN_PEPPER: usize = 32;

/// The secret that keys' hashes are made with. Neither `Debug` nor an error prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pepper(String);

impl Pepper {
    /// The variable that holds it.
    pub const VARIABLE: &str = "LAMBENT_KEY_PEPPER";

    /// This one, if it is long enough.
    #[must_use]
    pub fn new(pepper: impl Into<String>) -> Option<Self> {
        // A reference that CloudFormation did not resolve is long, and known to everybody.
        let is_usable = |pepper: &Self| pepper.0.len() >= MIN_PEPPER && !pepper.0.starts_with("{{resolve:");
        Some(Self(pepper.into())).filter(is_usable)
    }

    /// A new one.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self(crate::key::random_hex::<32>()?))
    }

    /// The pepper in the process environment.
    ///
    /// # Errors
    /// There is none, or it is too short.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        get(Self::VARIABLE)
            .and_then(Self::new)
            .ok_or(ConfigError::Malformed {
                name: Self::VARIABLE,
                expected: "a secret of 32 characters or more, the same for all functions and commands",
            })
    }

    /// **The secret itself.**
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The variable that holds it, **with the secret itself**.
    #[must_use]
    pub fn variable(&self) -> (&'static str, String) {
        (Self::VARIABLE, self.0.clone())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(hidden)")
    }
}

/// What callers are checked against.
#[derive(Debug, Clone)]
pub struct CallersConfig {
    /// What keys' hashes are made with.
    pub pepper: Pepper,
    /// Whose tokens are taken; `None` for keys only.
    pub tokens: Option<TokenConfig>,
    /// How much the bearer of a token may.
    pub token_limits: Limits,
}

/// A variable of the environment is missing or cannot be used. Values are not repeated: one is a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Missing, or something else than expected.
    #[error("{name} is missing or malformed: expected {expected}")]
    Malformed {
        /// The variable's name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// One of those for tokens.
    #[error(transparent)]
    Tokens(#[from] lambent_tokens::ConfigError),
}

impl CallersConfig {
    /// Keys with this pepper, no tokens, and the default limits for their bearers.
    #[must_use]
    pub fn new(pepper: Pepper) -> Self {
        Self {
            pepper,
            tokens: None,
            token_limits: Limits {
                rate: lambent_store::callers::Rate {
                    interval_ms: 1000,
                    burst: 10,
                },
                budget: Some(5_000_000),
                concurrency: 10,
                max_output_tokens: None,
            },
        }
    }

    /// Reads the process environment; see the module's table.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads any lookup of variables by name. An empty variable counts as unset.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed, and what it should hold.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let defaults = Self::new(Pepper::from_lookup(&get)?);
        let burst = count(&get, BURST)?.unwrap_or(defaults.token_limits.rate.burst);
        let rate = get(RATE).unwrap_or_else(|| "60/min".to_owned());
        let rate = parse_rate(&rate, burst).map_err(|_| ConfigError::Malformed {
            name: RATE,
            expected: RATE_FORM,
        })?;
        let budget = get(BUDGET).map(|text| parse_budget(&text)).transpose();
        let budget = budget.map_err(|_| ConfigError::Malformed {
            name: BUDGET,
            expected: BUDGET_FORM,
        })?;
        Ok(Self {
            token_limits: Limits {
                rate,
                budget: budget.or(defaults.token_limits.budget),
                concurrency: count(&get, CONCURRENCY)?.unwrap_or(defaults.token_limits.concurrency),
                max_output_tokens: count(&get, MAX_OUTPUT_TOKENS)?,
            },
            tokens: TokenConfig::from_lookup(get)?,
            ..defaults
        })
    }

    /// The variables that [`CallersConfig::from_lookup`] reads this configuration from. **They hold the pepper.**
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let limits = &self.token_limits;
        let mut variables = vec![
            self.pepper.variable(),
            (RATE, format!("1/{}ms", limits.rate.interval_ms)),
            (BURST, limits.rate.burst.to_string()),
            (CONCURRENCY, limits.concurrency.to_string()),
        ];
        variables.extend(limits.budget.map(|budget| (BUDGET, dollars(budget))));
        variables.extend(
            limits
                .max_output_tokens
                .map(|most| (MAX_OUTPUT_TOKENS, most.to_string())),
        );
        variables.extend(self.tokens.iter().flat_map(TokenConfig::variables));
        variables
    }
}

fn dollars(budget: u64) -> String {
    format!("{}.{:06}/month", budget / 1_000_000, budget % 1_000_000)
}

fn count(get: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<Option<u32>, ConfigError> {
    let Some(text) = get(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(ConfigError::Malformed {
            name,
            expected: "a whole number above 0",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "a pepper of 32 characters or more";

    fn read(variables: &[(&str, &str)]) -> Result<CallersConfig, ConfigError> {
        CallersConfig::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_pepper_is_required_long_and_not_a_reference_to_one() {
        for pepper in [
            "",
            "short",
            "{{resolve:secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:x}}",
        ] {
            let error = read(&[(Pepper::VARIABLE, pepper)]).unwrap_err().to_string();
            assert!(
                error.starts_with("LAMBENT_KEY_PEPPER") && !error.contains("{{"),
                "{error}"
            );
        }
        let config = read(&[(Pepper::VARIABLE, GOOD)]).unwrap();
        assert!(config.tokens.is_none());
        assert!(!format!("{config:?}").contains(GOOD));
    }

    #[test]
    fn a_configuration_can_be_handed_on_as_variables() {
        let config = read(&[
            (Pepper::VARIABLE, GOOD),
            (RATE, "7/min"),
            (BURST, "3"),
            (BUDGET, "1.50/month"),
            (CONCURRENCY, "2"),
            (MAX_OUTPUT_TOKENS, "100"),
            ("LAMBENT_TOKEN_ISSUER", "https://issuer.example"),
            ("LAMBENT_TOKEN_AUDIENCE", "lambent"),
        ])
        .unwrap();
        let expected = Limits {
            rate: lambent_store::callers::Rate {
                interval_ms: 8572,
                burst: 3,
            },
            budget: Some(1_500_000),
            concurrency: 2,
            max_output_tokens: Some(100),
        };
        assert_eq!(config.token_limits, expected);
        let variables = config.variables();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let handed_on = read(&variables).unwrap();
        assert_eq!(handed_on.token_limits, config.token_limits);
        assert_eq!(handed_on.pepper, config.pepper);
        assert!(handed_on.tokens.is_some());
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (name, value) in [
            (RATE, "often"),
            (BURST, "0"),
            (BUDGET, "five"),
            (CONCURRENCY, "-1"),
        ] {
            let error = read(&[(Pepper::VARIABLE, GOOD), (name, value)])
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(name) && error.contains("expected"), "{error}");
        }
    }
}
