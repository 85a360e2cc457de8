//! Which model, where, and how long to wait for it: read from the environment once, at start.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `LAMBENT_MODEL` | `provider::model`, in genai's words: `openai::gpt-5-mini`, `anthropic::claude-haiku-4-5`, `bedrock_api::amazon.nova-lite-v1:0`; a bare name with `LAMBENT_MODEL_URL` | required |
//! | `LAMBENT_MODEL_URL` | base URL of an OpenAI-compatible server, or of the named provider's protocol | the provider's |
//! | `LAMBENT_MODEL_KEY` | API key | the provider's own variable (`OPENAI_API_KEY`, ...), unless a URL is given; for Bedrock else AWS credentials |
//! | `LAMBENT_MAX_OUTPUT_TOKENS` | most tokens an answer may have, thinking included | 1024 |
//! | `LAMBENT_MODEL_PRICE` | what it costs, in dollars per million tokens read and written, `1.00/5.00`; `0/0` for nothing | by the price table; required for models that are not in it, unless they are on this machine |
//! | `LAMBENT_TEMPERATURE` | sampling temperature, 0 to 2 | not sent: some models refuse it |
//! | `LAMBENT_FIRST_TOKEN_TIMEOUT_SECS` | longest wait for the first token | 60 |
//! | `LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS` | longest silence after it | 60 |
//! | `LAMBENT_CONTEXT_TOKENS` | what the model can read, told to callers whose document is too long | unknown |
//! | `LAMBENT_CONTEXT_HINT` | a sentence for the same callers: what to do about it | none |

use std::time::Duration;

use genai::adapter::AdapterKind;

use crate::bedrock::AwsCredentials;
use crate::prices::{PRICE_FORM, Price};
use crate::provider::{ApiKey, Names, Place, getter, parsed};
use crate::relay::LimitName;

/// Which model to call, and within which limits. See the module's table for the environment's names.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// `provider::model`, or a bare name when `url` is given (then an OpenAI-compatible server is meant).
    pub model: String,
    /// Base URL, such as `http://127.0.0.1:1234/v1`; the provider's own if absent.
    pub url: Option<String>,
    /// API key. With a `url` and no key, none of the provider's keys is sent there.
    pub key: Option<ApiKey>,
    /// For Bedrock without a key: what its keys are made from, one for each call.
    pub aws: Option<AwsCredentials>,
    /// What the model can read, in tokens: only told to callers, the provider decides.
    pub context_tokens: Option<u32>,
    /// A sentence for callers whose document is too long.
    pub context_hint: Option<String>,
    /// What it costs; `None` for a model whose price nobody knows, which counts as free.
    pub price: Option<Price>,
    /// Most tokens an answer may have.
    pub max_output_tokens: u32,
    /// What a request that is passed on calls that limit; if absent, what the provider's documentation does.
    pub limit_name: Option<LimitName>,
    /// Sampling temperature; not sent if absent, because some models refuse the parameter.
    pub temperature: Option<f64>,
    /// Longest wait for the first token of an attempt, connecting included.
    pub first_token_timeout: Duration,
    /// Longest silence between tokens.
    pub between_tokens_timeout: Duration,
    /// How often an answer that does not fit its schema is sent back to the model (0 to 2 make sense).
    pub max_repairs: u32,
    /// How often a call is repeated that failed before its first token (429, 5xx, no connection).
    pub max_retries: u32,
}

impl ModelConfig {
    /// This model with the default limits, no URL and no key.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        let model = model.into();
        Self {
            price: Price::of(&model),
            model,
            url: None,
            key: None,
            aws: None,
            context_tokens: None,
            context_hint: None,
            max_output_tokens: 1024,
            limit_name: None,
            temperature: None,
            first_token_timeout: Duration::from_secs(60),
            between_tokens_timeout: Duration::from_secs(60),
            max_repairs: 2,
            max_retries: 2,
        }
    }

    /// From the process environment.
    ///
    /// # Errors
    /// A variable is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// From any lookup of variables by name. An empty value counts as absent, as SAM parameters cannot be absent.
    ///
    /// # Errors
    /// A variable is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = getter(lookup);
        let model = get("LAMBENT_MODEL").ok_or(ConfigError::Missing {
            name: "LAMBENT_MODEL",
            expected: MODEL_FORM,
        })?;
        let defaults = Self::new(model);
        let mut config = Self {
            url: get("LAMBENT_MODEL_URL"),
            key: get("LAMBENT_MODEL_KEY").map(ApiKey::new),
            context_hint: get("LAMBENT_CONTEXT_HINT"),
            context_tokens: parsed(&get, "LAMBENT_CONTEXT_TOKENS", COUNT, |&n: &u32| n > 0)?,
            price: parsed(&get, "LAMBENT_MODEL_PRICE", PRICE_FORM, |_| true)?.or(defaults.price),
            max_output_tokens: parsed(&get, "LAMBENT_MAX_OUTPUT_TOKENS", COUNT, |&n: &u32| n > 0)?
                .unwrap_or(defaults.max_output_tokens),
            temperature: parsed(&get, "LAMBENT_TEMPERATURE", "a number from 0 to 2", |t| {
                (0.0..=2.0).contains(t)
            })?,
            first_token_timeout: seconds(&get, "LAMBENT_FIRST_TOKEN_TIMEOUT_SECS")?
                .unwrap_or(defaults.first_token_timeout),
            between_tokens_timeout: seconds(&get, "LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS")?
                .unwrap_or(defaults.between_tokens_timeout),
            ..defaults
        };
        let provider = config.provider()?;
        // Budgets are kept by it: no price must not mean no limit.
        if config.price.is_none() && (provider == AdapterKind::Ollama || config.place().is_on_this_machine())
        {
            config.price = Some(Price::FREE);
        }
        if config.price.is_none() {
            return Err(ConfigError::Missing {
                name: "LAMBENT_MODEL_PRICE",
                expected: UNPRICED,
            });
        }
        if config.key.is_none() && config.url.is_none() {
            (config.key, config.aws) = NAMES.provider_access(provider, &get)?;
        }
        Ok(config)
    }

    /// The variables that [`ModelConfig::from_lookup`] reads this configuration from; `max_repairs` and `max_retries` have none.
    /// **They hold the key.**
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let mut variables = vec![
            ("LAMBENT_MODEL", self.model.clone()),
            ("LAMBENT_MAX_OUTPUT_TOKENS", self.max_output_tokens.to_string()),
            (
                "LAMBENT_FIRST_TOKEN_TIMEOUT_SECS",
                seconds(self.first_token_timeout),
            ),
            (
                "LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS",
                seconds(self.between_tokens_timeout),
            ),
        ];
        let optional = [
            ("LAMBENT_MODEL_URL", self.url.clone()),
            (
                "LAMBENT_MODEL_KEY",
                self.key.as_ref().map(|key| key.reveal().to_owned()),
            ),
            (
                "LAMBENT_MODEL_PRICE",
                self.given_price().map(|price| price.to_string()),
            ),
            ("LAMBENT_TEMPERATURE", self.temperature.map(|t| t.to_string())),
            (
                "LAMBENT_CONTEXT_TOKENS",
                self.context_tokens.map(|n| n.to_string()),
            ),
            ("LAMBENT_CONTEXT_HINT", self.context_hint.clone()),
        ];
        variables.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        if let Some(aws) = &self.aws {
            variables.extend(aws.variables());
        }
        variables
    }

    pub(crate) fn price(&self) -> Price {
        self.price.unwrap_or(Price::FREE)
    }

    /// The price, where it is not the table's. One that nobody knows is free, and said to be.
    fn given_price(&self) -> Option<Price> {
        let by_table = Price::of(&self.model);
        (by_table.is_none() || by_table != self.price).then(|| self.price())
    }

    /// The provider whose protocol is spoken.
    pub(crate) fn provider(&self) -> Result<AdapterKind, ConfigError> {
        self.place().provider(MODEL_FORM)
    }

    /// What is called, and where.
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            names: &NAMES,
            model: &self.model,
            url: self.url.as_deref(),
        }
    }
}

/// The variables that say what is called, and where.
const NAMES: Names = Names {
    model: "LAMBENT_MODEL",
    url: "LAMBENT_MODEL_URL",
    key: "LAMBENT_MODEL_KEY",
};
const MODEL_FORM: &str = "provider::model, such as openai::gpt-5-mini or anthropic::claude-haiku-4-5";
const UNPRICED: &str = "the price of this model, which the price table does not know: dollars per million tokens read and \
    written, such as 1.00/5.00, or 0/0 for a model that costs nothing";
const COUNT: &str = "a whole number above 0";

fn seconds(
    get: &impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<Duration>, ConfigError> {
    let expected = "seconds, above 0 and at most 900";
    let secs = parsed(get, name, expected, |&s: &f64| s > 0.0 && s <= 900.0)?;
    Ok(secs.map(Duration::from_secs_f64))
}

/// Why there is no model to call. Values are not repeated: some are secrets.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is absent.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A variable is malformed.
    #[error("{name} is not valid: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The provider wants a key and there is none.
    #[error("no API key: set {name} or {provider_variable}")]
    MissingKey {
        /// Our variable.
        name: &'static str,
        /// The provider's own variable.
        provider_variable: &'static str,
    },
    /// The provider has no embeddings, or none that can be asked for here.
    #[error(
        "LAMBENT_EMBEDDING_MODEL names a provider without embeddings ({provider}): expected a model of openai, gemini, cohere, \
         ollama, amazon.titan-embed-text-v2:0 of bedrock_api, or a model of another provider with OpenAI's protocol"
    )]
    NoEmbeddings {
        /// The provider.
        provider: &'static str,
    },
    /// The embedding model is one of Bedrock's, but not the one that is spoken here.
    #[error(
        "LAMBENT_EMBEDDING_MODEL names a model of Bedrock whose embeddings cannot be asked for: of Bedrock's models, only \
         bedrock_api::amazon.titan-embed-text-v2:0 can"
    )]
    UnknownBedrockEmbeddings,
    /// Bedrock is called with a key, and nothing says in which region.
    #[error(
        "no region for Bedrock: set AWS_REGION (or AWS_DEFAULT_REGION) to that of the key, such as eu-west-1"
    )]
    MissingRegion,
    /// Bedrock wants a key or AWS credentials, and there are neither.
    #[error(
        "no way into Bedrock: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION \
         (eval \"$(aws configure export-credentials --format env)\" sets the first two)"
    )]
    MissingAws,
    /// A model of the table that callers may name cannot be used.
    #[error("LAMBENT_OPENAI_MODELS, {name}: {source}")]
    Target {
        /// What callers call it.
        name: String,
        /// Why.
        source: Box<ConfigError>,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client for models could not be built")]
    Client(#[source] reqwest::Error),
    /// The model client could not be built.
    #[error("the client for models could not be built")]
    ModelClient,
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
