//! The whole API, with an [`Upstream`] in the model's place, on one of three rigs:
//!
//! | rig | chosen by | functions | database |
//! |---|---|---|---|
//! | here | nothing | routers in this process, as `lambent dev` runs them | in memory |
//! | processes | `LAMBENT_TEST_RIG=processes` | the binaries in `LAMBENT_TEST_FUNCTIONS`, as `lambent dev --functions` runs them | in memory |
//! | deployed | `LAMBENT_TEST_URL=URL` | what is deployed there | its own |
//!
//! A deployed API is told its model and its table when it is deployed: `LAMBENT_TEST_UPSTREAM=ADDRESS` is where the upstream has to
//! listen, so that tests run one at a time, and the store is the one that the environment configures.

use std::{
    collections::HashSet,
    env,
    net::{Ipv4Addr, SocketAddr},
};

use lambent::dev::{Config, Database, Functions, Model, Running, start};
use lambent_llm::{ApiKey, ModelConfig};
use lambent_service::ServiceConfig;
use lambent_store::{RequestRecord, Store, StoreConfig};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::upstream::Upstream;

/// The model that the API is configured with; the upstream takes any.
pub const MODEL: &str = "test-model";

/// A running API. It stops when this is dropped, unless it is deployed.
#[derive(Debug)]
pub struct Api {
    /// The far end of the wire to the model.
    pub upstream: Upstream,
    /// A handle on its database.
    pub store: Store,
    /// A client for it.
    pub client: Client,
    url: String,
    /// Requests that were there before.
    seen: HashSet<String>,
    running: Option<Running>,
}

impl Api {
    /// Starts one, or finds the one that is deployed.
    pub async fn start() -> Self {
        match env::var("LAMBENT_TEST_URL") {
            Ok(url) => Self::deployed(url).await,
            Err(_) => Self::with(|_, _| {}).await,
        }
    }

    /// Starts one whose functions are routers in this process, whatever is to be tested.
    pub async fn here() -> Self {
        Self::running(Functions::Here, |_, _| {}).await
    }

    /// Starts one that is configured differently.
    ///
    /// # Panics
    /// A deployed API cannot be configured by a test: leave tests that do so out there.
    pub async fn with(configure: impl FnOnce(&mut ModelConfig, &mut ServiceConfig)) -> Self {
        assert!(
            env::var_os("LAMBENT_TEST_URL").is_none(),
            "a deployed API cannot be configured: skip this test"
        );
        let functions = match env::var("LAMBENT_TEST_RIG").as_deref() {
            Ok("processes") => Functions::Processes(functions_folder().expect("LAMBENT_TEST_FUNCTIONS")),
            _ => Functions::Here,
        };
        Self::running(functions, configure).await
    }

    async fn running(
        functions: Functions,
        configure: impl FnOnce(&mut ModelConfig, &mut ServiceConfig),
    ) -> Self {
        let upstream = Upstream::start().await;
        let mut model = model(&upstream);
        let mut service = ServiceConfig::default();
        configure(&mut model, &mut service);
        let config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::Memory,
            model: Model::Elsewhere(model),
            service,
            functions,
            inside: Ipv4Addr::LOCALHOST.into(),
        };
        let running = start(config).await.expect("the API starts");
        Self {
            upstream,
            store: running.store.clone(),
            client: Client::new(),
            url: running.url.clone(),
            seen: HashSet::new(),
            running: Some(running),
        }
    }

    async fn deployed(url: String) -> Self {
        lambent_llm::install_crypto();
        let address = env::var("LAMBENT_TEST_UPSTREAM").expect("LAMBENT_TEST_UPSTREAM, an address");
        let address = address.parse().expect("LAMBENT_TEST_UPSTREAM is an address");
        let config = StoreConfig::from_env().expect("the environment says where the table is");
        let mut api = Self {
            upstream: Upstream::start_on(address).await,
            store: Store::connect(&config),
            client: Client::new(),
            url,
            seen: HashSet::new(),
            running: None,
        };
        let before = api.recorded().await;
        api.seen = before.into_iter().map(|record| record.request_id).collect();
        api
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
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

    /// The records of all requests so far, the newest first.
    ///
    /// # Panics
    /// If the request log cannot be read.
    pub async fn recorded(&self) -> Vec<RequestRecord> {
        let all = self.store.requests().last_of_caller("anonymous", 1000).await;
        let mut records = all.expect("the request log is readable");
        records.retain(|record| !self.seen.contains(&record.request_id));
        records
    }

    /// The same, once there are `count` of them that have ended. Where the API is deployed there may be more: an emulator of
    /// Lambda may invoke twice, as Lambda may.
    ///
    /// # Panics
    /// After five seconds.
    pub async fn records(&self, count: usize) -> Vec<RequestRecord> {
        let mut found = Vec::new();
        for _ in 0..100 {
            found = self.recorded().await;
            let ended = found
                .iter()
                .filter(|record| record.state != lambent_store::State::Started);
            let ended = ended.count();
            if ended == count || (self.running.is_none() && ended > count) {
                let today = OffsetDateTime::now_utc().date();
                let by_day = self.store.requests().of_day(today, 1000).await;
                let by_day = by_day.expect("the index is readable");
                assert_eq!(
                    by_day.len(),
                    found.len() + self.seen.len(),
                    "the index by day holds the same records"
                );
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("expected {count} ended records, found {found:#?}");
    }
}

/// The configuration of a model that is this upstream.
#[must_use]
pub fn model(upstream: &Upstream) -> ModelConfig {
    ModelConfig {
        url: Some(upstream.url()),
        key: Some(ApiKey::new("test-key")),
        ..ModelConfig::new(format!("openai::{MODEL}"))
    }
}

/// The folder of functions' binaries that is to be tested, if any.
#[must_use]
pub fn functions_folder() -> Option<std::path::PathBuf> {
    env::var_os("LAMBENT_TEST_FUNCTIONS").map(Into::into)
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
