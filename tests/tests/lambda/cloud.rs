//! What functions reach, and how they are reached.

use std::{path::PathBuf, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use lambent::dev::functions::{program, variables};
use lambent_chat::ChatConfig;
use lambent_runtime_api::{
    Function, FunctionConfig, Gateway, InvokeError, Output, into_response, proxy_event,
};
use lambent_service::ServiceConfig;
use lambent_store::{
    CallerId, RequestRecord,
    jobs::{Created, JobKind, NewJob},
    now_ms,
};
use lambent_tests::{
    api,
    database::{Database, events_key},
    upstream::Upstream,
};
use serde_json::Value;

/// The folder of the functions' binaries; `None`, with a word on stderr, where they are not to be tested.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = api::functions_folder();
    if folder.is_none() {
        let required = std::env::var("LAMBENT_REQUIRE_LAMBDA").is_ok_and(|value| value == "1");
        assert!(!required, "LAMBENT_TEST_FUNCTIONS names no folder");
        eprintln!("skipped: LAMBENT_TEST_FUNCTIONS names no folder of functions' binaries");
    }
    folder
}

/// A database and a provider of models, over real protocols on this machine.
pub(crate) struct Cloud {
    pub(crate) upstream: Upstream,
    pub(crate) database: Database,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        // Tests call functions with clients of their own, in whatever order they run.
        lambent_llm::install_crypto();
        Self {
            upstream: Upstream::start().await,
            database: Database::start().await,
        }
    }

    /// Accepts the job that the events ask for.
    pub(crate) async fn accept_job(&self) {
        let create: Value = serde_json::from_str(&event("jobs-create")).unwrap();
        let new = NewJob {
            id: job_id(),
            kind: JobKind::Analysis,
            caller: CallerId::for_operator(events_key().id()),
            request_id: "1".to_owned(),
            max_output_tokens: None,
            input: create["body"].as_str().unwrap().to_owned(),
            callback_url: None,
            idempotency: None,
            now_ms: now_ms(),
        };
        let created = self.database.store.jobs().unwrap().create(&new).await;
        assert_eq!(created.unwrap(), Created::New);
    }

    /// What functions are told.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let mut variables = variables(
            &self.database.config,
            &api::model(&self.upstream),
            &ServiceConfig::default(),
            &self.database.callers_config(),
        );
        let embedding = api::embedding(&self.upstream).variables().into_iter();
        let webhooks = api::webhooks().variables().into_iter();
        // Nobody listens there: what is said over sockets is tested elsewhere.
        let chat = ChatConfig {
            connections_url: Some("http://127.0.0.1:9".to_owned()),
            url: Some("ws://127.0.0.1:9".to_owned()),
            ..ChatConfig::default()
        };
        let chat = chat.variables().into_iter();
        let of_parts = embedding.chain(webhooks).chain(chat);
        variables.extend(of_parts.map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    /// One of the functions in `folder`.
    pub(crate) fn function(&self, folder: &std::path::Path, name: &str) -> Function {
        Function::new(self.described(name, program(folder, name).unwrap()))
    }

    /// The function of `tests/src/bin/faulty.rs`.
    pub(crate) fn faulty(&self, configure: impl FnOnce(&mut FunctionConfig)) -> Function {
        let mut config = self.described("analyse-stream", env!("CARGO_BIN_EXE_faulty").into());
        configure(&mut config);
        Function::new(config)
    }

    fn described(&self, name: &str, program: PathBuf) -> FunctionConfig {
        FunctionConfig {
            variables: self.variables(),
            timeout: Duration::from_secs(60),
            output: Output::Discard,
            ..FunctionConfig::new(name, program)
        }
    }

    /// The records so far, the newest first.
    pub(crate) async fn records(&self) -> Vec<RequestRecord> {
        let requests = self.database.store.requests();
        let today = time::OffsetDateTime::now_utc().date();
        requests.of_day(today, 100).await.unwrap()
    }
}

/// A file in `events/`.
pub(crate) fn event(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(format!("../events/{name}.json"))).unwrap()
}

/// The job that the events ask for.
pub(crate) fn job_id() -> String {
    let get: Value = serde_json::from_str(&event("jobs-get")).unwrap();
    get["pathParameters"]["job_id"].as_str().unwrap().to_owned()
}

/// The document that the events put.
pub(crate) fn document_id() -> String {
    let get: Value = serde_json::from_str(&event("documents-get")).unwrap();
    get["pathParameters"]["document_id"].as_str().unwrap().to_owned()
}

/// Sends a request through the gateway's event and back.
pub(crate) async fn call(
    function: &Function,
    request: Request<Bytes>,
) -> Result<Response<Body>, InvokeError> {
    let gateway = Gateway {
        stage: "v1".to_owned(),
        domain: "127.0.0.1:3000".to_owned(),
    };
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let event = proxy_event(&gateway, &path, &parts, &body);
    into_response(function.invoke(event.to_string()).await?).await
}

/// A whole body as text.
pub(crate) async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// A request without a body, with a key.
pub(crate) fn with_key(request: http::request::Builder) -> Request<Bytes> {
    let request = request.header("x-api-key", events_key().reveal());
    request.body(Bytes::new()).unwrap()
}

/// A request as the gateway gets it, with a key.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::post(path)
        .header("content-type", "application/json")
        .header("x-api-key", events_key().reveal());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}
