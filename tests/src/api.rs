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
    time::Duration,
};

use jobs_worker::WorkerConfig;
use lambent::dev::{Config, Database, Embedding, Functions, Model, Running, start};
use lambent_callbacks::CallbackConfig;
use lambent_callers::{ApiKey, CallersConfig, Pepper};
use lambent_chat::ChatConfig;
use lambent_llm::{EmbeddingConfig, ModelConfig, relay::TableConfig};
use lambent_service::{ServiceConfig, headers::API_KEY};
use lambent_store::{RequestRecord, Store, StoreConfig, callers::NewKey};
use reqwest::{
    Client, RequestBuilder, Response,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use webhooks::{KnownSecrets, WebhookConfig};
use webhooks_worker::Rates;

use crate::{database::new_key, upstream::Upstream};

/// The model that the API is configured with; the upstream takes any.
pub const MODEL: &str = "test-model";

/// A running API. It stops when this is dropped, unless it is deployed.
#[derive(Debug)]
pub struct Api {
    /// The far end of the wire to the model.
    pub upstream: Upstream,
    /// A handle on its database.
    pub store: Store,
    /// A client for it, that sends `key` unless a request says otherwise.
    pub client: Client,
    /// A key that may do everything.
    pub key: ApiKey,
    /// What keys' hashes are made with.
    pub pepper: Pepper,
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
        Self::running(Functions::Here, |_| {}).await
    }

    /// Starts one that is configured differently.
    ///
    /// # Panics
    /// A deployed API cannot be configured by a test: leave tests that do so out there.
    pub async fn with(configure: impl FnOnce(&mut ModelConfig, &mut ServiceConfig)) -> Self {
        Self::configured(|config| {
            if let Model::Elsewhere(model) = &mut config.model {
                configure(model, &mut config.service);
            }
        })
        .await
    }

    /// Starts one that is configured differently in any way.
    ///
    /// # Panics
    /// A deployed API cannot be configured by a test: leave tests that do so out there.
    pub async fn configured(configure: impl FnOnce(&mut Config)) -> Self {
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

    async fn running(functions: Functions, configure: impl FnOnce(&mut Config)) -> Self {
        let upstream = Upstream::start().await;
        let mut config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::Memory,
            model: Model::Elsewhere(Box::new(model(&upstream))),
            embedding: Embedding::Elsewhere(Box::new(embedding(&upstream))),
            table: TableConfig::default(),
            service: ServiceConfig::default(),
            callers: CallersConfig::new(Pepper::generate().expect("random bytes")),
            functions,
            inside: Ipv4Addr::LOCALHOST.into(),
            oauth: None,
            events_key: false,
            callbacks: CallbackConfig::default(),
            // A worker that lives says so four times in this time.
            webhooks: webhooks(),
            rates: Rates::default(),
            worker: WorkerConfig {
                lease: Duration::from_secs(2),
                retry: Duration::from_millis(50),
            },
            chat: ChatConfig::default(),
        };
        configure(&mut config);
        let running = start(config).await.expect("the API starts");
        let key = running.key.clone().expect("a database of its own has a key");
        Self {
            upstream,
            store: running.store.clone(),
            client: client(&key),
            key,
            pepper: running.pepper.clone(),
            url: running.url.clone(),
            seen: HashSet::new(),
            running: Some(running),
        }
    }

    /// Starts another one, on the same database and with the same model.
    ///
    /// # Panics
    /// If it does not start, or there is no database here.
    pub async fn beside(&self) -> Running {
        let running = self.running.as_ref().expect("an API of this process");
        let database = running.database_url.as_ref().expect("a database here");
        start(Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::Elsewhere(StoreConfig::local(database)),
            model: Model::Elsewhere(Box::new(model(&self.upstream))),
            embedding: Embedding::Elsewhere(Box::new(embedding(&self.upstream))),
            table: TableConfig::default(),
            service: ServiceConfig::default(),
            callers: CallersConfig::new(self.pepper.clone()),
            functions: Functions::Here,
            inside: Ipv4Addr::LOCALHOST.into(),
            oauth: None,
            events_key: false,
            callbacks: CallbackConfig::default(),
            webhooks: webhooks(),
            rates: Rates::default(),
            worker: WorkerConfig::default(),
            chat: ChatConfig::default(),
        })
        .await
        .expect("the API starts")
    }

    async fn deployed(url: String) -> Self {
        lambent_llm::install_crypto();
        let address = env::var("LAMBENT_TEST_UPSTREAM").expect("LAMBENT_TEST_UPSTREAM, an address");
        let address = address.parse().expect("LAMBENT_TEST_UPSTREAM is an address");
        let config = StoreConfig::from_env().expect("the environment says where the tables are");
        let store = Store::connect(&config);
        let pepper = Pepper::from_env().expect("the environment has the pepper");
        let key = ApiKey::generate().expect("random bytes");
        let callers = store.callers().expect("a table of callers");
        let created = callers.create_key(&new_key(&key, &pepper)).await;
        assert!(created.expect("a key can be made"));
        let mut api = Self {
            upstream: Upstream::start_on(address).await,
            store,
            client: client(&key),
            key,
            pepper,
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

    /// The records of jobs that were given up.
    ///
    /// # Panics
    /// If the API is deployed: then they are in a queue.
    #[must_use]
    pub fn failed_jobs(&self) -> Vec<Value> {
        self.running
            .as_ref()
            .expect("an API of this process")
            .failed
            .all()
    }

    /// Has this text analysed as a job, and returns the job's id.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn job(&self, body: &Value) -> String {
        let accepted = self.post("/analyse/async", body).await;
        assert_eq!(accepted.status(), 202);
        let accepted: Value = accepted.json().await.expect("JSON");
        accepted["job_id"].as_str().expect("an id").to_owned()
    }

    /// The job as it is now.
    ///
    /// # Panics
    /// If there is none of this id.
    pub async fn told(&self, job_id: &str) -> Value {
        let told = self.get(&format!("/jobs/{job_id}")).await;
        assert_eq!(told.status(), 200, "{job_id}");
        told.json().await.expect("JSON")
    }

    /// The job, once it is like this.
    ///
    /// # Panics
    /// After a minute.
    pub async fn until(&self, job_id: &str, like: impl Fn(&Value) -> bool) -> Value {
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let told = self.told(job_id).await;
            if like(&told) {
                return told;
            }
            assert!(
                tokio::time::Instant::now() < until,
                "the job did not become so: {told:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The job, once it has ended.
    ///
    /// # Panics
    /// After a minute.
    pub async fn ended(&self, job_id: &str) -> Value {
        self.until(job_id, |job| job.get("finished_at").is_some()).await
    }

    /// Makes one more key, with these limits.
    ///
    /// # Panics
    /// If the table cannot be written.
    pub async fn new_key(&self, limit: impl FnOnce(&mut NewKey)) -> ApiKey {
        let key = ApiKey::generate().expect("random bytes");
        let mut new = new_key(&key, &self.pepper);
        limit(&mut new);
        let callers = self.store.callers().expect("a table of callers");
        assert!(callers.create_key(&new).await.expect("a key can be made"));
        key
    }

    /// The records of all requests so far, the newest first.
    ///
    /// # Panics
    /// If the request log cannot be read.
    pub async fn recorded(&self) -> Vec<RequestRecord> {
        let today = OffsetDateTime::now_utc().date();
        let mut records = Vec::new();
        for day in [Some(today), today.previous_day()].into_iter().flatten() {
            let of_day = self.store.requests().of_day(day, 2000).await;
            records.extend(of_day.expect("the request log is readable"));
        }
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
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("expected {count} ended records, found {found:#?}");
    }
}

/// A client that sends this key with every request.
fn client(key: &ApiKey) -> Client {
    let mut headers = HeaderMap::new();
    let mut value = HeaderValue::try_from(key.reveal()).expect("a key is a header's value");
    value.set_sensitive(true);
    headers.insert(API_KEY, value);
    let client = Client::builder().default_headers(headers).build();
    client.expect("a client")
}

/// The secrets that events are signed with, by source: `stripe` has two, as while they are rotated.
pub const WEBHOOK_SECRETS: &str =
    r#"{"stripe": ["whsec_test_new", "whsec_test_old"], "acme": ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]}"#;

/// What events are signed with.
///
/// # Panics
/// Never: the secrets are JSON.
#[must_use]
pub fn webhooks() -> WebhookConfig {
    WebhookConfig::Here(KnownSecrets::parse(WEBHOOK_SECRETS).expect("JSON"))
}

/// The configuration of a model that is this upstream.
#[must_use]
pub fn model(upstream: &Upstream) -> ModelConfig {
    ModelConfig {
        url: Some(upstream.url()),
        key: Some(lambent_llm::ApiKey::new("test-key")),
        ..ModelConfig::new(format!("openai::{MODEL}"))
    }
}

/// The configuration that has the upstream embed, as a model that can be asked for 512 numbers.
#[must_use]
pub fn embedding(upstream: &Upstream) -> EmbeddingConfig {
    EmbeddingConfig {
        url: Some(upstream.url()),
        key: Some(lambent_llm::ApiKey::new("test-key")),
        ..EmbeddingConfig::new("openai::text-embedding-3-small")
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

/// The body of the test event of an operation; empty where it has none.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn event_body(id: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join(format!("../events/{}.json", id.replace('_', "-")));
    let event = std::fs::read_to_string(path).expect("an event");
    let event: Value = serde_json::from_str(&event).expect("JSON");
    event["body"].as_str().unwrap_or_default().to_owned()
}

/// The real document of the functions' test events, about 300 words.
///
/// # Panics
/// If the event is not as expected.
#[must_use]
pub fn report() -> String {
    let body: Value = serde_json::from_str(&event_body("analyse")).expect("JSON");
    body["text"].as_str().expect("a text").to_owned()
}
