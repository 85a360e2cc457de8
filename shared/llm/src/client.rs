//! The HTTP client that all calls to models share, and genai's client on top of it.

use std::time::Duration;

use genai::ModelIden;
use genai::adapter::AdapterKind;
use genai::resolver::{self, AuthData, Endpoint, ProviderConfig};
use rustls::{ClientConfig, RootCertStore};

use crate::config::{ConfigError, ModelConfig};

/// What OpenAI's protocol gets as key when a URL is given without one: genai insists on a key, local servers ignore it.
const NO_KEY: &str = "none";

/// Makes ring the process's TLS provider, once; later calls change nothing.
///
/// Ring because the other choice, aws-lc, gathers entropy for 150 ms and more at the first handshake on a small function.
/// [`Models::new`](crate::Models::new) calls this; call it yourself only to build other TLS clients before that.
pub fn install_crypto() {
    // An error says that some provider is installed already: then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// genai's client, bound to one provider, its endpoint and its key.
pub(crate) fn build(config: &ModelConfig, provider: AdapterKind) -> Result<genai::Client, ConfigError> {
    install_crypto();
    let http = with_authorities(reqwest::Client::builder())
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(10).min(config.first_token_timeout))
        .pool_idle_timeout(Duration::from_secs(90))
        // A redirect would carry prompt and key to a place that nobody configured.
        .redirect(reqwest::redirect::Policy::none())
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

/// Trusts Mozilla's authorities, which are compiled in; or, where `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, those instead.
/// Reading the system's takes a cold function longer than all the rest of its start: hundreds of files, or one large one.
fn with_authorities(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("SSL_CERT_FILE") || is_set("SSL_CERT_DIR") {
        return builder;
    }
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
    builder.tls_backend_preconfigured(config)
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
