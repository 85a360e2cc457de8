//! genai's client, on top of the HTTP client with which the API calls out.

use std::time::Duration;

use genai::ModelIden;
use genai::adapter::AdapterKind;
use genai::resolver::{self, AuthData, Endpoint, ProviderConfig};

use crate::config::{ConfigError, ModelConfig};

/// What OpenAI's protocol gets as key when a URL is given without one: genai insists on a key, local servers ignore it.
const NO_KEY: &str = "none";

/// genai's client, bound to one provider, its endpoint and its key.
pub(crate) fn build(config: &ModelConfig, provider: AdapterKind) -> Result<genai::Client, ConfigError> {
    let http = lambent_http::client()
        .connect_timeout(Duration::from_secs(10).min(config.first_token_timeout))
        .build()
        .map_err(ConfigError::Client)?;
    let mut builder = genai::Client::builder()
        .with_reqwest(http)
        .append_provider_config(provider, provider_config(config)?);
    if let Some(aws) = config.aws.clone() {
        builder =
            builder.with_auth_resolver_fn(move |_model: ModelIden| -> resolver::Result<Option<AuthData>> {
                let token = aws.token().map_err(|error| error.to_string())?;
                Ok(Some(AuthData::from_single(token)))
            });
    }
    builder.build().map_err(|_| ConfigError::ModelClient)
}

fn provider_config(config: &ModelConfig) -> Result<ProviderConfig, ConfigError> {
    let endpoint = config.base_url()?.map(Endpoint::from_owned);
    let auth = match &config.key {
        Some(key) => Some(AuthData::from_single(key.reveal())),
        // The provider's own key is not for a server at another address.
        None if endpoint.is_some() => Some(AuthData::from_single(NO_KEY)),
        None => None,
    };
    Ok((endpoint, auth).into())
}
