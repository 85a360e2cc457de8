use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambent_schema::{Ledger, Spending};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{Embedder, Embeddings, Price, Purpose};

#[path = "titan_tests/faults.rs"]
mod faults;
#[path = "titan_tests/server.rs"]
mod server;

use server::{Reply, Server};

const MODEL: &str = "bedrock_api::amazon.titan-embed-text-v2:0";
const KEY: &str = "key-of-the-operator";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

async fn embed(embedder: &Embedder, texts: &[String]) -> Result<Embeddings, ModelError> {
    let deadline = Instant::now() + Duration::from_secs(30);
    embedder.embed(texts, Purpose::Document, deadline).await
}

#[derive(Clone, Default)]
struct Last(Arc<Mutex<Spending>>);

impl Ledger for Last {
    fn spent(&self, spending: Spending) {
        *self.0.lock().unwrap() = spending;
    }
}

impl Last {
    fn told(&self) -> (u64, bool) {
        let spending = *self.0.lock().unwrap();
        assert_eq!(
            spending.micro_dollars, spending.usage.input_tokens,
            "a token is a millionth"
        );
        (spending.usage.input_tokens, spending.is_estimate)
    }
}

/// The provider's model with a price of a millionth of a dollar a token, and where that is told.
fn metered(server: &Server) -> (Embedder, Last) {
    let config = EmbeddingConfig {
        price: Some("1/0".parse::<Price>().unwrap()),
        ..server.config()
    };
    let ledger = Last::default();
    (Embedder::new(config).unwrap().metered(ledger.clone()), ledger)
}

#[test]
fn the_address_is_the_regions_and_the_model_a_segment_of_it() {
    let regional = |config| Titan::new(&config).map(|titan| titan.url.to_string());
    let expected =
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke";
    let with_key = EmbeddingConfig {
        key: Some(ApiKey::new(KEY)),
        region: Some("eu-west-1".to_owned()),
        ..EmbeddingConfig::new(MODEL)
    };
    assert_eq!(regional(with_key.clone()).unwrap(), expected);
    let with_credentials = EmbeddingConfig {
        aws: Some(AwsCredentials::new("id", SECRET, None, "eu-west-1")),
        region: Some("us-east-1".to_owned()),
        ..EmbeddingConfig::new(MODEL)
    };
    assert_eq!(regional(with_credentials).unwrap(), expected);
    let elsewhere = EmbeddingConfig {
        url: Some("https://vpce-1.example/base/".to_owned()),
        ..with_key.clone()
    };
    assert_eq!(
        regional(elsewhere).unwrap(),
        "https://vpce-1.example/base/model/amazon.titan-embed-text-v2%3A0/invoke"
    );
    for (region, named) in [
        (None, "set AWS_REGION"),
        (Some("x.evil.example/"), "AWS_REGION is not valid"),
    ] {
        let config = EmbeddingConfig {
            region: region.map(str::to_owned),
            ..with_key.clone()
        };
        let error = Embedder::new(config).unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("evil"), "{error}");
    }
}

#[tokio::test]
async fn a_call_has_the_form_that_bedrock_documents() {
    let server = Server::start(|_, text| Reply::to(text)).await;
    embed(&server.embedder(), &texts(1)).await.unwrap();
    let seen = server.seen.lock().unwrap();
    let head = &seen.heads[0];
    assert!(
        head.starts_with("POST /model/amazon.titan-embed-text-v2%3A0/invoke HTTP/1.1\r\n"),
        "{head}"
    );
    for line in [
        "content-type: application/json",
        "accept: application/json",
        &format!("authorization: Bearer {KEY}"),
    ] {
        assert!(head.lines().any(|l| l == line), "{line}: {head}");
    }
    assert_eq!(
        seen.bodies[0],
        json!({"inputText": "0", "dimensions": 512, "normalize": true})
    );
}

#[tokio::test]
async fn credentials_make_a_key_for_each_call_and_a_url_alone_sends_none() {
    let server = Server::start(|_, text| Reply::to(text)).await;
    let bearer = |call: usize| {
        let seen = server.seen.lock().unwrap();
        let line = seen.heads[call]
            .lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "));
        line.map(str::to_owned)
    };
    let config = EmbeddingConfig {
        key: None,
        aws: Some(AwsCredentials::new("id", SECRET, None, "eu-west-1")),
        ..server.config()
    };
    let embedder = Embedder::new(config).unwrap();
    embed(&embedder, &texts(1)).await.unwrap();
    let made = bearer(0).unwrap();
    assert!(made.starts_with("bedrock-api-key-"), "{made}");
    assert!(!format!("{embedder:?}").contains(SECRET));

    let config = EmbeddingConfig {
        key: None,
        ..server.config()
    };
    embed(&Embedder::new(config).unwrap(), &texts(1)).await.unwrap();
    assert_eq!(bearer(1), None);
}

#[tokio::test]
async fn texts_keep_their_order_eight_at_once_and_tokens_add_up() {
    // Later ones are answered first.
    let server = Server::start(|call, text| Reply::to(text).after(500 - 20 * call as u64)).await;
    let (embedder, ledger) = metered(&server);
    let embeddings = embed(&embedder, &texts(20)).await.unwrap();
    assert_eq!(embeddings.vectors.len(), 20);
    for (place, embedding) in embeddings.vectors.iter().enumerate() {
        let numbers = embedding.as_slice();
        assert_eq!(numbers.len(), 512);
        assert_eq!(numbers.iter().position(|n| *n == 1.0), Some(place));
    }
    // 10 texts of one character, 10 of two.
    assert_eq!(embeddings.usage.input_tokens, 30);
    assert_eq!(ledger.told(), (30, false));
    assert_eq!(server.calls(), 20);
    assert_eq!(server.seen.lock().unwrap().most_at_once, CALLS_AT_ONCE);
}

#[tokio::test]
async fn no_texts_cost_no_call() {
    let server = Server::start(|_, text| Reply::to(text)).await;
    assert!(embed(&server.embedder(), &[]).await.unwrap().vectors.is_empty());
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn it_can_be_awaited_in_a_handler() {
    fn is_send(_: &(impl Future + Send)) {}
    let server = Server::start(|_, text| Reply::to(text)).await;
    let (embedder, texts) = (server.embedder(), texts(1));
    is_send(&embed(&embedder, &texts));
}
