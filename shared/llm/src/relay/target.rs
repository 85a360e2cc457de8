//! A provider that speaks OpenAI's protocol: where it is, and by which key it is called.

use std::time::Duration;

use genai::adapter::AdapterKind;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

use super::RelayError;
use crate::bedrock::{self, AwsCredentials};
use crate::config::{ConfigError, ModelConfig};
use crate::embed::EmbeddingConfig;
use crate::error::{ModelError, ModelErrorKind};
use crate::prices::Price;
use crate::provider::{ApiKey, Place};

/// A model of a provider that speaks OpenAI's protocol. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    http: reqwest::Client,
    /// With a final slash.
    base: String,
    key: Key,
    model: String,
    price: Price,
    limit_name: LimitName,
    pub(super) first_token_timeout: Duration,
    pub(super) between_tokens_timeout: Duration,
}

#[derive(Debug, Clone)]
enum Key {
    None,
    Fixed(ApiKey),
    /// One is made for each call.
    Bedrock(AwsCredentials),
}

/// What a provider calls the limit of an answer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// OpenAI's own word, without which its reasoning models refuse.
    MaxCompletionTokens,
    /// Its older one, which all servers know.
    MaxTokens,
}

impl LimitName {
    /// The parameter's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }

    /// The name that is not this one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::MaxCompletionTokens => Self::MaxTokens,
            Self::MaxTokens => Self::MaxCompletionTokens,
        }
    }

    /// The one that a provider's documentation names, if nobody says otherwise.
    fn of(provider: AdapterKind, url: Option<&str>) -> Self {
        match provider {
            AdapterKind::OpenAI if url.is_none() => Self::MaxCompletionTokens,
            // It has OpenAI's own models.
            AdapterKind::BedrockApi => Self::MaxCompletionTokens,
            _ => Self::MaxTokens,
        }
    }
}

impl Relay {
    /// The chat model that is configured; `None` where its provider does not speak OpenAI's protocol.
    pub(super) fn chat(http: &reqwest::Client, config: &ModelConfig) -> Result<Option<Self>, ConfigError> {
        let (provider, place) = (config.provider()?, config.place());
        let Some(base) = base(provider, &place, config.aws.as_ref())? else {
            return Ok(None);
        };
        let limit_name = LimitName::of(provider, config.url.as_deref());
        Ok(Some(Self {
            http: http.clone(),
            base,
            key: key(config.key.as_ref(), config.aws.as_ref()),
            model: place.name().to_owned(),
            price: config.price(),
            limit_name: config.limit_name.unwrap_or(limit_name),
            first_token_timeout: config.first_token_timeout,
            between_tokens_timeout: config.between_tokens_timeout,
        }))
    }

    /// The same of an embedding model. Amazon Bedrock's are none.
    pub(super) fn embedding(
        http: &reqwest::Client,
        config: &EmbeddingConfig,
    ) -> Result<Option<Self>, ConfigError> {
        let (provider, place) = (config.provider()?, config.place());
        let base = match provider {
            AdapterKind::BedrockApi => None,
            provider => base(provider, &place, None)?,
        };
        Ok(base.map(|base| Self {
            http: http.clone(),
            base,
            key: key(config.key.as_ref(), None),
            model: place.name().to_owned(),
            price: config.price(),
            limit_name: LimitName::MaxTokens,
            first_token_timeout: config.timeout,
            between_tokens_timeout: config.timeout,
        }))
    }

    /// What its provider calls the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What it calls the limit of an answer's tokens.
    #[must_use]
    pub fn limit_name(&self) -> LimitName {
        self.limit_name
    }

    pub(super) fn price(&self) -> Price {
        self.price
    }

    /// A request to this path below its base.
    pub(super) fn request(&self, path: &str, body: Vec<u8>) -> Result<reqwest::RequestBuilder, RelayError> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let misconfigured = || ModelError::new(ModelErrorKind::Configuration { status: None });
        let key = match &self.key {
            Key::None => return Ok(request.body(body)),
            Key::Fixed(key) => key.reveal().to_owned(),
            Key::Bedrock(credentials) => credentials.token().map_err(|_| misconfigured())?,
        };
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| misconfigured())?;
        value.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, value).body(body))
    }
}

fn key(key: Option<&ApiKey>, aws: Option<&AwsCredentials>) -> Key {
    match (key, aws) {
        (Some(key), _) => Key::Fixed(key.clone()),
        (None, Some(aws)) => Key::Bedrock(aws.clone()),
        (None, None) => Key::None,
    }
}

/// What stands in the names of those models of Bedrock that its endpoint with OpenAI's protocol is documented to have: OpenAI's
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html>). All others are asked in Bedrock's own.
const BEDROCK_FAMILIES: &[&str] = &["openai."];

/// Where a provider speaks OpenAI's protocol: at the URL that is configured, for those whose own protocol that is; or else at an address
/// that its documentation names.
fn base(
    provider: AdapterKind,
    place: &Place<'_>,
    aws: Option<&AwsCredentials>,
) -> Result<Option<String>, ConfigError> {
    let own = match provider {
        AdapterKind::OpenAI => "https://api.openai.com/v1/",
        AdapterKind::DeepSeek => "https://api.deepseek.com/v1/",
        AdapterKind::Fireworks => "https://api.fireworks.ai/inference/v1/",
        AdapterKind::Groq => "https://api.groq.com/openai/v1/",
        AdapterKind::Together => "https://api.together.xyz/v1/",
        AdapterKind::Xai => "https://api.x.ai/v1/",
        // These speak it beside their own, at addresses of their own: a URL that is configured may be either's.
        AdapterKind::Anthropic | AdapterKind::Gemini | AdapterKind::Ollama | AdapterKind::BedrockApi
            if place.url.is_some() =>
        {
            return Ok(None);
        }
        AdapterKind::Anthropic => "https://api.anthropic.com/v1/",
        AdapterKind::Gemini => "https://generativelanguage.googleapis.com/v1beta/openai/",
        AdapterKind::Ollama => "http://localhost:11434/v1/",
        AdapterKind::BedrockApi
            if !BEDROCK_FAMILIES
                .iter()
                .any(|family| place.name().contains(family)) =>
        {
            return Ok(None);
        }
        AdapterKind::BedrockApi => {
            let region = match aws {
                Some(aws) => aws.region().to_owned(),
                None => {
                    bedrock::region(&|name| std::env::var(name).ok()).ok_or(ConfigError::MissingRegion)?
                }
            };
            return Ok(Some(format!(
                "https://bedrock-runtime.{region}.amazonaws.com/openai/v1/"
            )));
        }
        _ => return Ok(None),
    };
    Ok(Some(place.base_url()?.unwrap_or_else(|| own.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(model: &str, url: Option<&str>) -> Option<Relay> {
        lambent_http::install_crypto();
        let config = ModelConfig {
            url: url.map(str::to_owned),
            aws: Some(AwsCredentials::new("id", "secret", None, "eu-west-1")),
            ..ModelConfig::new(model)
        };
        Relay::chat(&reqwest::Client::new(), &config).unwrap()
    }

    #[test]
    fn providers_are_called_where_they_speak_openais_protocol() {
        let base = |model: &str, url| of(model, url).map(|relay| relay.base);
        let here = "http://127.0.0.1:1/v1";
        assert_eq!(
            base("openai::gpt-5-mini", None).unwrap(),
            "https://api.openai.com/v1/"
        );
        assert_eq!(base("openai::x", Some(here)).unwrap(), format!("{here}/"));
        assert_eq!(
            base("anthropic::claude-haiku-4-5", None).unwrap(),
            "https://api.anthropic.com/v1/"
        );
        assert_eq!(base("anthropic::claude-haiku-4-5", Some(here)), None);
        let bedrock = "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1/";
        assert_eq!(
            base("bedrock_api::openai.gpt-oss-20b-1:0", None).unwrap(),
            bedrock
        );
        for own in [
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "eu.amazon.nova-lite-v1:0",
            "ai21.jamba-1-5-mini-v1:0",
            "cohere.command-r-v1:0",
            "us.deepseek.r1-v1:0",
        ] {
            assert_eq!(base(&format!("bedrock_api::{own}"), None), None, "{own}");
        }
    }

    #[test]
    fn a_provider_is_told_the_limit_in_its_own_word() {
        let name = |model, url| of(model, url).unwrap().limit_name().as_str();
        assert_eq!(name("openai::gpt-5-mini", None), "max_completion_tokens");
        assert_eq!(name("openai::x", Some("http://127.0.0.1:1/v1")), "max_tokens");
        assert_eq!(
            name("bedrock_api::openai.gpt-oss-20b-1:0", None),
            "max_completion_tokens"
        );
        assert_eq!(name("groq::x", None), "max_tokens");
    }
}
