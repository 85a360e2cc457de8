//! Every event in `events/` is one that API Gateway would send, and goes through its function's router to an answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use axum::{Router, response::Response};
use http_body_util::BodyExt as _;
use lambent_callbacks::{CallbackConfig, Signer};
use lambent_callers::Guard;
use lambent_llm::{ModelConfig, Models};
use lambent_schema::{Access, Operation, operations};
use lambent_service::{Service, ServiceConfig};
use lambent_store::{CallerId, State};
use lambent_tests::{
    database::{Database, events_key},
    upstream::Upstream,
};
use serde_json::Value;
use tower::ServiceExt as _;

#[test]
fn each_operation_has_one_event_that_is_named_after_it() {
    let events = events();
    assert_eq!(events.len(), operations().len());
    for op in operations() {
        let name = op.id.replace('_', "-");
        let event: Value = serde_json::from_str(&events[&name]).unwrap();
        for place in [&event, &event["requestContext"]] {
            assert_eq!(place["httpMethod"], op.method.as_str(), "{name}");
        }
        assert_eq!(event["path"], op.path, "{name}");
        assert_eq!(event["resource"], op.path, "{name}");
        assert_eq!(event["requestContext"]["resourcePath"], op.path, "{name}");
        assert_eq!(
            event["requestContext"]["path"],
            format!("/v1{}", op.path),
            "{name}"
        );
    }
}

#[test]
fn both_analyses_are_of_the_same_document() {
    let events = events();
    let [whole, streamed] = ["analyse", "analyse-stream"].map(|name| {
        let event: Value = serde_json::from_str(&events[name]).unwrap();
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        body["text"].as_str().unwrap().to_owned()
    });
    assert_eq!(whole, streamed);
    assert!(whole.split_whitespace().count() > 250);
}

#[tokio::test]
async fn each_event_is_answered_by_the_router_of_its_function_and_leaves_a_record() {
    let cloud = Cloud::start().await;
    let events = events();
    for op in operations() {
        let event = &events[&op.id.replace('_', "-")];
        let request = lambda_http::request::from_str(event).unwrap();
        let response = cloud.router(&op).oneshot(request).await.unwrap();
        let (status, media_type) = (response.status(), media_type(&response));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = str::from_utf8(&body).unwrap();
        assert_eq!(status, 200, "{}: {body}", op.route());
        assert_eq!(media_type, expected_media_type(op.id), "{}", op.route());
        match op.id {
            "analyse" => {
                let analysis: Value = serde_json::from_str(body).unwrap();
                assert!(
                    analysis["summary"].is_string() && analysis["findings"].is_array(),
                    "{body}"
                );
            }
            "analyse_stream" => {
                let (_, end) = body.rsplit_once("event: ").unwrap();
                assert!(end.starts_with("done\n"), "{body}");
            }
            _ => assert!(!body.is_empty(), "{}", op.route()),
        }
        let caller = match op.access {
            Access::Public => CallerId::anonymous(),
            _ => CallerId::for_operator(events_key().id()),
        };
        let requests = cloud.database.store.requests();
        let record = &requests.last_of_caller(&caller, 1).await.unwrap()[0];
        assert_eq!(
            (record.route.as_str(), record.state),
            (op.route().as_str(), State::Done)
        );
    }
}

/// What functions reach from inside: a database and a provider of models, both over real protocols on this machine.
struct Cloud {
    database: Database,
    upstream: Upstream,
}

impl Cloud {
    async fn start() -> Self {
        Self {
            database: Database::start().await,
            upstream: Upstream::start().await,
        }
    }

    /// The router of an operation's function, built as its `main` builds it.
    fn router(&self, op: &Operation) -> Router {
        let guard = Guard::new(&self.database.callers_config(), self.database.callers()).unwrap();
        let service = Service::new(ServiceConfig::default(), self.database.store.requests());
        let service = service.guarded(Arc::new(guard));
        let jobs = self.database.store.jobs().unwrap();
        match op.function {
            "analyse" => analyse::router(&service, self.models(), jobs),
            "jobs-create" => {
                let pricing = self.models().pricing();
                jobs_create::router(&service, jobs, pricing, CallbackConfig::default())
            }
            "jobs-get" => jobs_get::router(&service, jobs, Signer::new(self.database.pepper.reveal())),
            "analyse-stream" => analyse_stream::router(&service, self.models()),
            "docs" => docs::router(&service, None),
            "health" => health::router(&service),
            other => panic!("no router is known here for {other}"),
        }
    }

    fn models(&self) -> Models {
        let mut config = ModelConfig::new("openai::test");
        config.url = Some(self.upstream.url());
        Models::new(config).unwrap()
    }
}

/// Names and texts of all events.
fn events() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            assert_eq!(path.extension().unwrap(), "json", "{}", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn media_type(response: &Response) -> String {
    let content_type = response.headers()[http::header::CONTENT_TYPE].to_str().unwrap();
    content_type.split(';').next().unwrap().to_owned()
}

fn expected_media_type(id: &str) -> &'static str {
    match id {
        "analyse_stream" => "text/event-stream",
        "docs" | "redoc" | "oauth2_redirect" => "text/html",
        _ => "application/json",
    }
}
