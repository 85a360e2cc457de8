//! The DynamoDB client: TLS on ring, credentials, and timeouts that keep a dead database cheap.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Builder, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::{
    config::{Credentials, StoreConfig},
    endpoint::KeptEndpoints,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_ATTEMPTS: u32 = 2;
/// Before the second attempt, at most: an answer waits for its record, so not the SDK's one second.
const BACKOFF: Duration = Duration::from_millis(50);

/// What a client of another AWS service is made with: the database's region, credentials, timeouts and TLS. `endpoint` is the base URL of a
/// server that is not the region's own.
#[must_use]
pub fn sdk_config(config: &StoreConfig, endpoint: Option<&str>) -> SdkConfig {
    let http = http_client(is_plaintext(endpoint));
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .http_client(http.clone())
        .timeout_config(timeouts())
        .retry_config(retries());
    builder.set_endpoint_url(endpoint.map(str::to_owned));
    let credentials = match config.credentials {
        Credentials::Environment => SharedCredentialsProvider::new(environment_credentials(config, http)),
        Credentials::Local => SharedCredentialsProvider::new(local_credentials()),
    };
    builder.credentials_provider(credentials).build()
}

pub(crate) fn build(config: &StoreConfig) -> Client {
    let http = http_client(is_plaintext(config.endpoint.as_deref()));
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .http_client(http.clone())
        .endpoint_resolver(KeptEndpoints::default())
        .timeout_config(timeouts())
        .retry_config(retries())
        // Bodies are small, and an attempt's timeout ends one that stalls.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    builder.set_endpoint_url(config.endpoint.clone());
    let builder = match config.credentials {
        Credentials::Environment => builder.credentials_provider(environment_credentials(config, http)),
        Credentials::Local => builder.credentials_provider(local_credentials()),
    };
    Client::from_conf(builder.build())
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(BACKOFF)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Whether a server is reached in plain text, so that no TLS is needed.
fn is_plaintext(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

fn http_client(is_plaintext: bool) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if is_plaintext {
        builder.build_http()
    } else {
        builder
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    }
}

/// A function's credentials are variables; a container's come from an address that is in one. These two add 0.1 MB to a
/// function, AWS's default chain (profile files, STS, instance metadata) 0.7 MB; a shell gives its profile to a program
/// by `eval "$(aws configure export-credentials --format env)"`.
fn environment_credentials(config: &StoreConfig, http: SharedHttpClient) -> CredentialsProviderChain {
    let provider_config = ProviderConfig::without_region()
        .with_region(Some(Region::new(config.region.clone())))
        .with_http_client(http);
    CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new()).or_else(
        "Container",
        EcsCredentialsProvider::builder()
            .configure(&provider_config)
            .build(),
    )
}

fn local_credentials() -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new("local", "local", None, None, "local")
}
