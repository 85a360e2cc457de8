//! Which model embeds, and where: read from the environment once, at start.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `LAMBENT_EMBEDDING_MODEL` | `provider::model`, in genai's words: `openai::text-embedding-3-small`, `gemini::gemini-embedding-001`, `cohere::embed-v4.0`, `bedrock_api::amazon.titan-embed-text-v2:0`; a bare name with `LAMBENT_EMBEDDING_URL` | required |
//! | `LAMBENT_EMBEDDING_URL` | base URL of an OpenAI-compatible server, or of the named provider's protocol | the provider's |
//! | `LAMBENT_EMBEDDING_KEY` | API key | the provider's own variable (`OPENAI_API_KEY`, ...), unless a URL is given; for Bedrock else AWS credentials |
//! | `LAMBENT_EMBEDDING_PRICE` | what it costs, in dollars per million tokens read, `0.02`; `0` for nothing | by the price table; required for models that are not in it, unless they are on this machine |
//!
//! # Which providers
//!
//! Those whose embeddings genai 0.7 speaks: OpenAI, Gemini, Cohere, Ollama, and the others that have OpenAI's protocol (Mistral,
//! Together, Fireworks, OpenRouter, a server of one's own). Not Anthropic, which has none.
//!
//! And Amazon Titan Text Embeddings v2 on Bedrock (`embed/titan.rs`), because an API whose chat model is Bedrock's then needs no key:
//! it is called as that one is, with `BEDROCK_API_KEY` or `AWS_BEARER_TOKEN_BEDROCK`, or by keys made from the AWS credentials of the
//! environment, in `AWS_REGION` (or `AWS_DEFAULT_REGION`). Bedrock's other embedding models have forms of their own, and are refused.

use std::time::Duration;

use genai::adapter::AdapterKind;

use super::titan::is_titan;
use crate::bedrock::{self, AwsCredentials};
use crate::config::ConfigError;
use crate::prices::{Price, READING_PRICE_FORM, ReadingPrice};
use crate::provider::{ApiKey, Names, Place, getter, parsed};

/// Which model embeds, and within which limits. See the module's table for the environment's names.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// `provider::model`, or a bare name when `url` is given (then an OpenAI-compatible server is meant).
    pub model: String,
    /// Base URL, such as `http://127.0.0.1:1234/v1`; the provider's own if absent.
    pub url: Option<String>,
    /// API key. With a `url` and no key, none of the provider's keys is sent there.
    pub key: Option<ApiKey>,
    /// For Bedrock without a key: what its keys are made from, one for each call.
    pub aws: Option<AwsCredentials>,
    /// For Bedrock with a key and no `url`: the AWS region that is called. Credentials have their own.
    pub region: Option<String>,
    /// What it costs; `None` for a model whose price nobody knows, which counts as free.
    pub price: Option<Price>,
    /// Longest wait for the answer to one call, connecting included.
    pub timeout: Duration,
    /// Most texts of one call. Cohere takes at most 96, Gemini 100, and Bedrock one, whatever is said here.
    pub batch_texts: usize,
    /// Most bytes of the texts of one call; a longer text goes alone. A token is at least a byte, and OpenAI takes at most
    /// 300,000 tokens a call.
    pub batch_bytes: usize,
    /// How often calls are repeated that failed (429, 5xx, no connection, half an answer), for one set of texts; of
    /// Bedrock's, which take one text each, how often each of them is.
    pub max_retries: u32,
}

const NAMES: Names = Names {
    model: "LAMBENT_EMBEDDING_MODEL",
    url: "LAMBENT_EMBEDDING_URL",
    key: "LAMBENT_EMBEDDING_KEY",
};
const PRICE: &str = "LAMBENT_EMBEDDING_PRICE";

const MODEL_FORM: &str =
    "provider::model, such as openai::text-embedding-3-small or gemini::gemini-embedding-001";
const UNPRICED: &str = "the price of this embedding model, which the price table does not know: dollars per million tokens \
    read, such as 0.02, or 0 for a model that costs nothing";

impl EmbeddingConfig {
    /// This model with the default limits, no URL and no key.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        let model = model.into();
        Self {
            price: Price::of_embedding(&model),
            model,
            url: None,
            key: None,
            aws: None,
            region: None,
            timeout: Duration::from_secs(60),
            batch_texts: 64,
            batch_bytes: 256 * 1024,
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
    /// A variable is missing or malformed, or the provider has no embeddings that can be asked for.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = getter(lookup);
        let model = get(NAMES.model).ok_or(ConfigError::Missing {
            name: NAMES.model,
            expected: MODEL_FORM,
        })?;
        let defaults = Self::new(model);
        let price: Option<ReadingPrice> = parsed(&get, PRICE, READING_PRICE_FORM, |_| true)?;
        let mut config = Self {
            url: get(NAMES.url),
            key: get(NAMES.key).map(ApiKey::new),
            price: price.map(|price| price.0).or(defaults.price),
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
                name: PRICE,
                expected: UNPRICED,
            });
        }
        if config.key.is_none() && config.url.is_none() {
            (config.key, config.aws) = NAMES.provider_access(provider, &get)?;
        }
        if provider == AdapterKind::BedrockApi && config.url.is_none() && config.aws.is_none() {
            config.region = Some(bedrock::region(&get).ok_or(ConfigError::MissingRegion)?);
        }
        Ok(config)
    }

    /// The variables that [`EmbeddingConfig::from_lookup`] reads this configuration from; its limits have none.
    /// **They hold the key.**
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let by_table = Price::of_embedding(&self.model);
        let given = (by_table.is_none() || by_table != self.price).then(|| ReadingPrice(self.price()));
        let optional = [
            (NAMES.url, self.url.clone()),
            (NAMES.key, self.key.as_ref().map(|key| key.reveal().to_owned())),
            (PRICE, given.map(|price| price.to_string())),
            ("AWS_REGION", self.region.clone()),
        ];
        let set = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let of_aws = self.aws.iter().flat_map(AwsCredentials::variables);
        [(NAMES.model, self.model.clone())]
            .into_iter()
            .chain(set)
            .chain(of_aws)
            .collect()
    }

    pub(crate) fn price(&self) -> Price {
        self.price.unwrap_or(Price::FREE)
    }

    /// The provider whose protocol is spoken.
    pub(crate) fn provider(&self) -> Result<AdapterKind, ConfigError> {
        let provider = self.place().provider(MODEL_FORM)?;
        match provider {
            AdapterKind::BedrockApi if is_titan(self.place().name()) => Ok(provider),
            AdapterKind::BedrockApi => Err(ConfigError::UnknownBedrockEmbeddings),
            AdapterKind::Anthropic
            | AdapterKind::GeminiIx
            | AdapterKind::MiniMax
            | AdapterKind::OpenAIResp
            | AdapterKind::OpenCodeGo
            | AdapterKind::Vertex => Err(ConfigError::NoEmbeddings {
                provider: provider.as_lower_str(),
            }),
            provider => Ok(provider),
        }
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

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
