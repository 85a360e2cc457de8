//! Which provider is called, where and with which key: what is configured of chat and embedding models alike.

use std::fmt;
use std::str::FromStr;

use genai::adapter::AdapterKind;

use crate::bedrock::AwsCredentials;
use crate::config::ConfigError;

/// A provider's key. Neither `Debug` nor an error prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// This key.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// The names of the variables of one kind of model.
pub(crate) struct Names {
    pub(crate) model: &'static str,
    pub(crate) url: &'static str,
    pub(crate) key: &'static str,
}

/// A model, and the URL that it is called at, if one was given.
pub(crate) struct Place<'a> {
    pub(crate) names: &'a Names,
    pub(crate) model: &'a str,
    pub(crate) url: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The provider whose protocol is spoken.
    pub(crate) fn provider(&self, expected: &'static str) -> Result<AdapterKind, ConfigError> {
        let unknown = ConfigError::Invalid {
            name: self.names.model,
            expected,
        };
        match self.model.split_once("::") {
            Some((_, "")) => Err(unknown),
            Some((provider, _)) => AdapterKind::from_lower_str(provider).ok_or(unknown),
            None if self.url.is_some() => Ok(AdapterKind::OpenAI),
            // genai takes any name it does not know for a local Ollama model; a typing mistake would go unnoticed.
            None => match AdapterKind::from_model(self.model) {
                Ok(AdapterKind::Ollama) | Err(_) => Err(unknown),
                Ok(provider) => Ok(provider),
            },
        }
    }

    /// The base URL as genai joins paths to it: with a final slash.
    pub(crate) fn base_url(&self) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.url else { return Ok(None) };
        let valid =
            reqwest::Url::parse(url).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        if !valid {
            return Err(ConfigError::Invalid {
                name: self.names.url,
                expected: "an http or https URL, such as http://127.0.0.1:1234/v1",
            });
        }
        Ok(Some(format!("{}/", url.trim_end_matches('/'))))
    }

    /// Whether the URL is this machine's.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let url = self.url.and_then(|url| reqwest::Url::parse(url).ok());
        let host = url.as_ref().and_then(reqwest::Url::host_str);
        host.is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
    }

    /// The model's name without its provider.
    pub(crate) fn name(&self) -> &'a str {
        self.model.split_once("::").map_or(self.model, |(_, name)| name)
    }
}

impl Names {
    /// What the provider's own variables give: its key; or, for Bedrock without one, what keys are made from.
    pub(crate) fn provider_access(
        &self,
        provider: AdapterKind,
        get: &impl Fn(&str) -> Option<String>,
    ) -> Result<(Option<ApiKey>, Option<AwsCredentials>), ConfigError> {
        match self.provider_key(provider, get) {
            Err(ConfigError::MissingKey { .. }) if provider == AdapterKind::BedrockApi => {
                let aws = AwsCredentials::from_lookup(get).ok_or(ConfigError::MissingAws)?;
                Ok((None, Some(aws)))
            }
            key => Ok((key?, None)),
        }
    }

    /// The key in the provider's own variable; `None` for providers that need none (Ollama).
    fn provider_key(
        &self,
        provider: AdapterKind,
        get: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<ApiKey>, ConfigError> {
        let Some(name) = provider.default_key_env_name() else {
            return Ok(None);
        };
        let key = match provider {
            AdapterKind::BedrockApi => get(name).or_else(|| get("AWS_BEARER_TOKEN_BEDROCK")),
            _ => get(name),
        };
        match key {
            Some(key) => Ok(Some(ApiKey(key))),
            None => Err(ConfigError::MissingKey {
                name: self.key,
                provider_variable: name,
            }),
        }
    }
}

/// A lookup of variables, in which an empty value counts as absent: SAM parameters cannot be absent.
pub(crate) fn getter(lookup: impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    move |name| {
        lookup(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }
}

/// A variable's value, if it is set.
pub(crate) fn parsed<T: FromStr>(
    get: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    expected: &'static str,
    accept: impl Fn(&T) -> bool,
) -> Result<Option<T>, ConfigError> {
    let Some(text) = get(name) else { return Ok(None) };
    match text.parse() {
        Ok(value) if accept(&value) => Ok(Some(value)),
        _ => Err(ConfigError::Invalid { name, expected }),
    }
}
