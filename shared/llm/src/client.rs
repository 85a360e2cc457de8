//! genai's client, on top of the HTTP client with which the API calls out.

use std::time::Duration;

use genai::ModelIden;
use genai::adapter::AdapterKind;
use genai::resolver::{self, AuthData, Endpoint, ProviderConfig};

use crate::bedrock::AwsCredentials;
use crate::config::ConfigError;
use crate::provider::ApiKey;

/// What OpenAI's protocol gets as key when a URL is given without one: genai insists on a key, local servers ignore it.
const NO_KEY: &str = "none";

/// How a provider is reached.
pub(crate) struct Access<'a> {
    /// Its base URL, if it is not the provider's own.
    pub(crate) base_url: Option<String>,
    pub(crate) key: Option<&'a ApiKey>,
    /// What Bedrock's keys are made from, one for each call.
    pub(crate) aws: Option<&'a AwsCredentials>,
    /// The longest wait that there is; connecting has no longer.
    pub(crate) patience: Duration,
}

/// The HTTP client beneath. Nobody waits longer than `patience`, also not for a connection.
pub(crate) fn http(patience: Duration) -> Result<reqwest::Client, ConfigError> {
    lambent_http::client()
        .connect_timeout(Duration::from_secs(10).min(patience))
        .build()
        .map_err(ConfigError::Client)
}

/// genai's client, bound to one provider, its endpoint and its key.
pub(crate) fn build(access: Access<'_>, provider: AdapterKind) -> Result<genai::Client, ConfigError> {
    let mut builder = genai::Client::builder()
        .with_reqwest(http(access.patience)?)
        .append_provider_config(provider, provider_config(access.base_url, access.key));
    if let Some(aws) = access.aws.cloned() {
        builder =
            builder.with_auth_resolver_fn(move |_model: ModelIden| -> resolver::Result<Option<AuthData>> {
                let token = aws.token().map_err(|error| error.to_string())?;
                Ok(Some(AuthData::from_single(token)))
            });
    }
    builder.build().map_err(|_| ConfigError::ModelClient)
}

fn provider_config(base_url: Option<String>, key: Option<&ApiKey>) -> ProviderConfig {
    let endpoint = base_url.map(Endpoint::from_owned);
    let auth = match key {
        Some(key) => Some(AuthData::from_single(key.reveal())),
        // The provider's own key is not for a server at another address.
        None if endpoint.is_some() => Some(AuthData::from_single(NO_KEY)),
        None => None,
    };
    (endpoint, auth).into()
}
