//! Jobs are done once in effect, whoever delivers, dies or comes twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

mod kills;
mod twice;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt as _;
use jobs_worker::{Worker, WorkerConfig};
use lambent_callbacks::{CallbackConfig, Callbacks, Signer};
use lambent_callers::{ApiKey as Key, Guard};
use lambent_llm::{ApiKey, Embedder, EmbeddingConfig, ModelConfig, Models, Pricing};
use lambent_retrieval::Library;
use lambent_service::{Service, ServiceConfig};
use lambent_store::jobs::Jobs;
use lambent_tests::{
    database::{Database, new_key},
    upstream::Upstream,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// For how long a job is held without a word of its worker.
const LEASE: Duration = Duration::from_secs(1);

/// What the caller may spend, in millionths of a dollar: a thousand dollars.
const BUDGET: u64 = 1_000_000_000;

/// What jobs are accepted by and worked at with.
struct Cloud {
    database: Database,
    upstream: Upstream,
    jobs: Jobs,
    door: Router,
    key: Key,
}

impl Cloud {
    async fn start() -> Self {
        let (database, upstream) = (Database::start().await, Upstream::start().await);
        let jobs = database.store.jobs().unwrap();
        let key = Key::generate().unwrap();
        let mut new = new_key(&key, &database.pepper);
        new.limits.rate.burst = 10_000;
        new.limits.budget = Some(BUDGET);
        new.limits.concurrency = 1000;
        database.insert(&new).await;
        let guard = Guard::new(&database.callers_config(), database.callers()).unwrap();
        let service = Service::new(ServiceConfig::default(), database.store.requests());
        let service = service.guarded(Arc::new(guard));
        let pricing = Pricing::of(&model(&upstream));
        let door = jobs_create::router(&service, jobs.clone(), pricing, CallbackConfig::default());
        Self {
            database,
            upstream,
            jobs,
            door,
            key,
        }
    }

    /// Sends a job whose result is this number, and returns its id.
    async fn accept(&self, number: usize) -> String {
        let text = format!("Document #{number}#: it says what documents say.");
        let body = json!({"text": text, "analysis_type": "summary"});
        let request = Request::post("/analyse/async")
            .header("content-type", "application/json")
            .header("x-api-key", self.key.reveal())
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.door.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, 202, "{body:?}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["job_id"].as_str().unwrap().to_owned()
    }

    /// One more worker, as its `main` makes it.
    fn worker(&self) -> Worker {
        let callers = self.database.callers_config();
        let signer = Signer::new(callers.pepper.reveal());
        Worker {
            service: Service::new(ServiceConfig::default(), self.database.store.requests()),
            jobs: self.jobs.clone(),
            callers: self.database.callers(),
            token_limits: callers.token_limits,
            models: Models::new(model(&self.upstream)).unwrap(),
            library: Library {
                documents: self.database.store.documents().unwrap(),
                embedder: Embedder::new(embedding(&self.upstream)).unwrap(),
            },
            callbacks: Callbacks::new(CallbackConfig::default(), signer).unwrap(),
            config: worker_config(),
        }
    }

    /// What a worker's process is told.
    fn variables(&self) -> Vec<(String, String)> {
        let config = worker_config();
        let model = model(&self.upstream);
        let callers = self.database.callers_config();
        let variables = self.database.config.variables().into_iter();
        let variables = variables
            .chain(model.variables())
            .chain(embedding(&self.upstream).variables())
            .chain(callers.variables())
            .chain(config.variables())
            .chain([("RUST_LOG", "error".to_owned())]);
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn worker_config() -> WorkerConfig {
    WorkerConfig {
        lease: LEASE,
        ..WorkerConfig::default()
    }
}

fn model(upstream: &Upstream) -> ModelConfig {
    ModelConfig {
        url: Some(upstream.url()),
        key: Some(ApiKey::new("test-key")),
        price: Some("1.00/10.00".parse().unwrap()),
        ..ModelConfig::new("openai::test-model")
    }
}

fn embedding(upstream: &Upstream) -> EmbeddingConfig {
    EmbeddingConfig {
        url: Some(upstream.url()),
        key: Some(ApiKey::new("test-key")),
        ..EmbeddingConfig::new("openai::text-embedding-3-small")
    }
}
