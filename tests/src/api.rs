//! The whole API as `lambent dev` runs it, with an [`Upstream`] in the model's place and a database in memory.

use std::net::{Ipv4Addr, SocketAddr};

use lambent::dev::{Config, Database, Model, Running, start};
use lambent_llm::{ApiKey, ModelConfig};
use lambent_service::ServiceConfig;
use lambent_store::RequestRecord;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::upstream::Upstream;

/// The model that the API is configured with; the upstream takes any.
pub const MODEL: &str = "test-model";

/// A running API. It stops when this is dropped.
#[derive(Debug)]
pub struct Api {
    /// The far end of the wire to the model.
    pub upstream: Upstream,
    /// The API's parts.
    pub running: Running,
    /// A client for it.
    pub client: Client,
}

impl Api {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// Starts one that is configured differently.
    pub async fn with(configure: impl FnOnce(&mut ModelConfig, &mut ServiceConfig)) -> Self {
        let upstream = Upstream::start().await;
        let mut model = ModelConfig {
            url: Some(upstream.url()),
            key: Some(ApiKey::new("test-key")),
            ..ModelConfig::new(format!("openai::{MODEL}"))
        };
        let mut service = ServiceConfig::default();
        configure(&mut model, &mut service);
        let config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::Memory,
            model: Model::Elsewhere(model),
            service,
        };
        let running = start(config).await.expect("the API starts");
        Self {
            upstream,
            running,
            client: Client::new(),
        }
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url)
    }

    /// A `GET` of this path.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    /// A `POST` of this JSON to this path, to be sent.
    pub fn posting(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).json(body)
    }

    /// The answer to a `POST` of this JSON to this path.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.posting(path, body).send().await.expect("an answer")
    }

    /// All records of the request log, the newest first, once there are `count` of them that have ended.
    ///
    /// # Panics
    /// After five seconds.
    pub async fn records(&self, count: usize) -> Vec<RequestRecord> {
        let requests = self.running.store.requests();
        let mut found = Vec::new();
        for _ in 0..100 {
            found = requests
                .last_of_caller("anonymous", 1000)
                .await
                .expect("the request log is readable");
            let ended = found
                .iter()
                .filter(|record| record.state != lambent_store::State::Started);
            if ended.count() == count {
                let today = OffsetDateTime::now_utc().date();
                let by_day = requests.of_day(today, 1000).await.expect("the index is readable");
                assert_eq!(
                    by_day.len(),
                    found.len(),
                    "the index by day holds the same records"
                );
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("expected {count} ended records, found {found:#?}");
    }
}

/// The body of a valid request to analyse this text.
#[must_use]
pub fn request(text: &str, analysis_type: &str, output_format: &str) -> Value {
    json!({"text": text, "analysis_type": analysis_type, "output_format": output_format, "max_findings": 3})
}

/// The real document of the functions' test events, about 300 words.
///
/// # Panics
/// If the event is not as expected.
#[must_use]
pub fn report() -> String {
    let event: Value = serde_json::from_str(include_str!("../../events/analyse.json")).expect("JSON");
    let body: Value = serde_json::from_str(event["body"].as_str().expect("a body")).expect("JSON");
    body["text"].as_str().expect("a text").to_owned()
}
