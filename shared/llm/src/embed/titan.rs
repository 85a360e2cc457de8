//! Amazon Titan Text Embeddings v2 on Amazon Bedrock, by `InvokeModel`: one text a call, in the model's own form.
//!
//! See [its parameters](https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html): a text of at most
//! 8,192 tokens and 50,000 characters, and 256, 512 or 1024 numbers. It makes no difference between questions and documents.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::EmbeddingConfig;
use super::transport::Answer;
use super::vector::EMBEDDING_DIMENSIONS;
use crate::bedrock::AwsCredentials;
use crate::config::ConfigError;
use crate::error::{ModelError, ModelErrorKind, UpstreamFault};
use crate::failure::{Failure, of_reqwest, of_status};
use crate::provider::ApiKey;

/// How many calls are made at once.
pub(crate) const CALLS_AT_ONCE: usize = 8;

/// What does not stand for something else in a segment of a path (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Whether this is the name of the model in Bedrock, with or without what follows its version (`amazon.titan-embed-text-v2:0`).
pub(crate) fn is_titan(name: &str) -> bool {
    name.strip_prefix("amazon.titan-embed-text-v2")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// The model, and the way to it.
pub(crate) struct Titan {
    http: reqwest::Client,
    url: Url,
    key: Key,
}

/// What calls are authorized by.
enum Key {
    Given(ApiKey),
    /// One is made for each call.
    Made(AwsCredentials),
    /// A server of one's own, at its own URL.
    None,
}

/// What is read of an answer. It has the numbers once more, by their type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invoked {
    embedding: Vec<f32>,
    input_text_token_count: Option<u64>,
}

impl Titan {
    pub(crate) fn new(config: &EmbeddingConfig) -> Result<Self, ConfigError> {
        let key = match (&config.key, &config.aws) {
            (Some(key), _) => Key::Given(key.clone()),
            (None, Some(aws)) => Key::Made(aws.clone()),
            (None, None) => Key::None,
        };
        Ok(Self {
            http: crate::client::http(config.timeout)?,
            url: url(config)?,
            key,
        })
    }

    /// Sends a text.
    pub(crate) async fn send(&self, texts: &[String]) -> Result<Answer, Failure> {
        let [text] = texts else {
            return Err(Failure::last(ModelError::upstream(UpstreamFault::Other)));
        };
        let mut request = self
            .http
            .post(self.url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(body(text).to_string());
        if let Some(token) = self.token()? {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(of_reqwest)?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            // It is the status that counts.
            let body = response.text().await.unwrap_or_default();
            return Err(of_status(status.as_u16(), &headers, &body));
        }
        read(&response.bytes().await.map_err(of_reqwest)?)
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        match &self.key {
            Key::Given(key) => Ok(Some(key.reveal().to_owned())),
            Key::Made(aws) => match aws.token() {
                Ok(token) => Ok(Some(token)),
                Err(_) => Err(Failure::last(ModelError::new(ModelErrorKind::Configuration {
                    status: None,
                }))),
            },
            Key::None => Ok(None),
        }
    }
}

/// Where the model is called.
fn url(config: &EmbeddingConfig) -> Result<Url, ConfigError> {
    let place = config.place();
    let base = match place.base_url()? {
        Some(base) => base,
        None => format!("https://bedrock-runtime.{}.amazonaws.com/", region(config)?),
    };
    let name = utf8_percent_encode(place.name(), SEGMENT);
    Url::parse(&format!("{base}model/{name}/invoke")).map_err(|_| ConfigError::Invalid {
        name: "LAMBENT_EMBEDDING_URL",
        expected: "an http or https URL without a query",
    })
}

/// The region that is called: that of the credentials, since their keys are good for no other.
fn region(config: &EmbeddingConfig) -> Result<&str, ConfigError> {
    let of_credentials = config.aws.as_ref().map(AwsCredentials::region);
    let region = of_credentials.or(config.region.as_deref());
    let region = region.ok_or(ConfigError::MissingRegion)?;
    // It becomes part of the name of the server that is given the key.
    if region.is_empty() || !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(ConfigError::Invalid {
            name: "AWS_REGION",
            expected: "an AWS region, such as eu-west-1",
        });
    }
    Ok(region)
}

fn body(text: &str) -> Value {
    json!({"inputText": text, "dimensions": EMBEDDING_DIMENSIONS, "normalize": true})
}

/// What was answered, once it has the form that was asked for. Longer vectors are told apart by whoever keeps them.
fn read(body: &[u8]) -> Result<Answer, Failure> {
    let malformed = |_| Failure::last(ModelError::upstream(UpstreamFault::Malformed));
    let invoked: Invoked = serde_json::from_slice(body).map_err(malformed)?;
    let vectors = if invoked.embedding.len() < EMBEDDING_DIMENSIONS {
        Err(UpstreamFault::Malformed)
    } else {
        Ok(vec![invoked.embedding])
    };
    Ok(Answer {
        vectors,
        tokens: invoked.input_text_token_count,
    })
}

#[cfg(test)]
#[path = "titan_tests.rs"]
mod tests;
