//! Every event in `events/` is one that AWS would send; API Gateway's go through their function's router to an answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, response::Response, routing::post};
use bytes::Bytes;
use chat_socket::{Socket, SocketEvent};
use chat_worker::ChatWorker;
use http_body_util::BodyExt as _;
use jobs_worker::{Image, Worker, WorkerConfig};
use lambent_callbacks::{CallbackConfig, Callbacks, Signer};
use lambent_callers::Guard;
use lambent_chat::{ChatConfig, Sockets};
use lambent_llm::{
    Embedder, ModelConfig, Models,
    relay::{ChatModels, EmbeddingModels, ModelNames, TableConfig},
};
use lambent_retrieval::Library;
use lambent_schema::{
    Access, Operation, Trigger, background,
    background::{JOBS_SWEEPER, JOBS_WORKER, WEBHOOKS_WORKER},
    operations,
};
use lambent_service::{BatchAnswer, Service, ServiceConfig, StreamEvent, call::deadline_in};
use lambent_store::{
    CallerId, State,
    conversations::Due,
    jobs::{Created, JobKind, JobStatus, NewJob},
    now_ms,
    webhooks::{EventStatus, NewEvent},
};
use lambent_tests::{
    api::{embedding, webhooks as secrets},
    database::{Database, events_key},
    upstream::Upstream,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};
use tower::ServiceExt as _;
use webhooks::Secrets;
use webhooks_worker::Rates;

#[test]
fn each_operation_and_each_function_that_none_calls_has_one_event_that_is_named_after_it() {
    let of_operations = operations().into_iter().map(|op| op.id.replace('_', "-"));
    let of_functions = background()
        .iter()
        .map(|background| background.function.to_owned());
    // What opens a socket, besides what is said over it.
    let opening = ["chat-socket-connect".to_owned()];
    let wanted: BTreeSet<_> = of_operations.chain(of_functions).chain(opening).collect();
    assert_eq!(events().into_keys().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn events_of_operations_are_requests_to_them() {
    for op in operations() {
        let event = event(op.id);
        for place in [&event, &event["requestContext"]] {
            assert_eq!(place["httpMethod"], op.method.as_str(), "{}", op.id);
        }
        let path = filled_in(op.path, &event["pathParameters"]);
        assert_eq!(event["path"], path, "{}", op.id);
        assert_eq!(event["resource"], op.path, "{}", op.id);
        assert_eq!(event["requestContext"]["resourcePath"], op.path, "{}", op.id);
        assert_eq!(event["requestContext"]["path"], format!("/v1{path}"), "{}", op.id);
    }
}

#[test]
fn the_event_of_a_stream_is_a_record_of_an_item_whole_and_queued() {
    let Trigger::Stream([stream, ..]) = JOBS_WORKER.trigger else {
        unreachable!("the worker rides a stream")
    };
    let event = event(JOBS_WORKER.function);
    let records = event["Records"].as_array().unwrap();
    assert_eq!(records.len(), stream.batch_size as usize);
    let record = &records[0];
    assert_eq!(record["eventSource"], "aws:dynamodb");
    let change = &record["dynamodb"];
    assert_eq!(change["StreamViewType"], "NEW_IMAGE");
    assert_eq!(change["Keys"]["id"], change["NewImage"]["id"]);
    // The job that the other events ask for, and their caller's.
    assert_eq!(
        change["NewImage"]["id"]["S"],
        self::event("jobs_get")["pathParameters"]["job_id"]
    );
    assert_eq!(change["NewImage"]["caller"]["S"], events_key().id());
    assert_eq!(change["NewImage"]["status"]["S"], "queued");
}

#[test]
fn the_event_of_the_clock_is_a_scheduled_one() {
    let event = event(JOBS_SWEEPER.function);
    assert_eq!(
        (&event["source"], &event["detail-type"]),
        (&"aws.events".into(), &"Scheduled Event".into())
    );
}

#[test]
fn all_events_are_of_the_same_document() {
    let [whole, streamed, later, kept] =
        ["analyse", "analyse_stream", "jobs_create", "documents_put"].map(|id| {
            let body = event(id)["body"].as_str().unwrap().to_owned();
            let body: Value = serde_json::from_str(&body).unwrap();
            body["text"].as_str().unwrap().to_owned()
        });
    assert_eq!([&streamed, &later, &kept], [&whole; 3]);
    assert!(whole.split_whitespace().count() > 250);
}

#[tokio::test]
async fn each_event_is_answered_by_the_router_of_its_function_and_leaves_a_record() {
    let cloud = Cloud::start().await;
    cloud.accept_job().await;
    let events = events();
    for op in operations() {
        let event = &events[&op.id.replace('_', "-")];
        let request = lambda_http::request::from_str(event).unwrap();
        let response = cloud.router(&op).oneshot(request).await.unwrap();
        let (status, media_type) = (response.status(), media_type(&response));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = str::from_utf8(&body).unwrap();
        let expected = expected_status(op.id);
        assert_eq!(status, expected, "{}: {body}", op.route());
        if expected != 204 {
            assert_eq!(media_type, expected_media_type(op.id), "{}", op.route());
        }
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
            "search" => {
                let found: Value = serde_json::from_str(body).unwrap();
                assert!(found["hits"].is_array(), "{body}");
            }
            _ => assert!(expected == 204 || !body.is_empty(), "{}", op.route()),
        }
        let caller = match op.access {
            Access::Public => CallerId::anonymous(),
            _ => CallerId::for_operator(events_key().id()),
        };
        let requests = cloud.database.store.requests();
        let record = &requests.last_of_caller(&caller, 1).await.unwrap()[0];
        let state = if expected < 400 { State::Done } else { State::Error };
        assert_eq!(
            (record.route.as_str(), record.state),
            (op.route().as_str(), state)
        );
    }
}

#[tokio::test]
async fn the_event_of_the_stream_has_its_job_done() {
    let cloud = Cloud::start().await;
    cloud.accept_job().await;
    let event: StreamEvent<Image> = serde_json::from_value(event(JOBS_WORKER.function)).unwrap();
    let worker = Worker {
        service: Service::new(ServiceConfig::default(), cloud.database.store.requests()),
        jobs: cloud.database.store.jobs().unwrap(),
        callers: cloud.database.callers(),
        token_limits: cloud.database.callers_config().token_limits,
        models: cloud.models(),
        library: cloud.library(),
        callbacks: Callbacks::new(CallbackConfig::default(), cloud.signer()).unwrap(),
        config: WorkerConfig::default(),
    };
    let answer = worker.handle(event, deadline_in(Duration::from_secs(20))).await;
    assert_eq!(answer, BatchAnswer::default());
    let job = worker.jobs.find(&job_id()).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Succeeded, "{job:?}");
}

#[tokio::test]
async fn the_event_of_the_stream_of_webhooks_has_its_payment_posted() {
    let cloud = Cloud::start().await;
    let record = event(WEBHOOKS_WORKER.function);
    let image = &record["Records"][0]["dynamodb"]["NewImage"];
    let payload = event("webhooks_stripe")["body"].as_str().unwrap().to_owned();
    assert_eq!(
        image["payload"]["S"], payload,
        "the one that the other event brings"
    );
    let id = image["id"]["S"].as_str().unwrap().to_owned();
    let ledger = cloud.database.store.ledger().unwrap();
    let new = NewEvent {
        source: "stripe",
        event_id: id.strip_prefix("stripe#").unwrap(),
        kind: image["type"]["S"].as_str(),
        payload: &payload,
        request_id: "1",
        now_ms: now_ms(),
    };
    ledger.webhooks.keep(&new).await.unwrap();
    let worker = webhooks_worker::Worker {
        ledger,
        rates: Rates::default(),
    };
    let answer = worker.handle(serde_json::from_value(record).unwrap()).await;
    assert_eq!(answer, BatchAnswer::default());
    let handled = worker.ledger.webhooks.find(&id).await.unwrap().unwrap();
    assert_eq!(handled.status, EventStatus::Handled, "{handled:?}");
    let keys = cloud.database.callers().keys(now_ms()).await.unwrap();
    assert_eq!(
        (keys[0].id.as_str(), keys[0].prepaid),
        (events_key().id(), 10_000_000)
    );
}

#[tokio::test]
async fn the_events_of_a_socket_open_it_and_have_a_message_answered() {
    let cloud = Cloud::start().await;
    let (url, mut frames) = sockets().await;
    let chat = ChatConfig {
        connections_url: Some(url),
        ..ChatConfig::default()
    };
    let clients = Sockets::new(&chat).unwrap();
    let service = Service::new(ServiceConfig::default(), cloud.database.store.requests());
    let socket = Socket {
        service: service.clone(),
        guard: Guard::new(&cloud.database.callers_config(), cloud.database.callers()).unwrap(),
        conversations: cloud.database.store.conversations().unwrap(),
        sockets: clients.clone(),
        pricing: cloud.models().pricing(),
        config: chat.clone(),
    };
    let deadline = || deadline_in(Duration::from_secs(20));
    for name in ["chat-socket-connect", "chat-socket"] {
        let event: SocketEvent = serde_json::from_value(event(name)).unwrap();
        let answer = socket.handle(event, deadline()).await;
        assert_eq!(answer.status_code, 200, "{name}");
    }
    // Nothing was wrong with it, and the stream has its record.
    assert!(frames.try_recv().is_err());
    let conversations = cloud.database.store.conversations().unwrap();
    let Due::Message(key) = conversations
        .due(now_ms() + 60_000, 10)
        .await
        .unwrap()
        .into_iter()
        .find(|due| matches!(due, Due::Message(_)))
        .unwrap()
    else {
        unreachable!("messages are looked for")
    };
    let mut event = event("chat-worker");
    // Of the message that was just said.
    for place in ["Keys", "NewImage"] {
        let change = &mut event["Records"][0]["dynamodb"][place];
        change["id"]["S"] = key.id.clone().into();
        change["sort"]["S"] = key.sort.clone().into();
    }
    let worker = ChatWorker {
        service,
        callers: cloud.database.callers(),
        conversations,
        sockets: clients,
        models: cloud.models(),
        config: chat,
    };
    let answer = worker
        .handle(serde_json::from_value(event).unwrap(), deadline())
        .await;
    assert_eq!(answer, BatchAnswer::default());
    let mut kinds = Vec::new();
    while let Ok(frame) = frames.try_recv() {
        kinds.push(frame["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        (kinds.first().unwrap().as_str(), kinds.last().unwrap().as_str()),
        ("started", "done")
    );
}

/// Stands where the gateway's management API is, and hands on what is sent.
async fn sockets() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (sender, frames) = mpsc::unbounded_channel();
    let keep = async move |body: Bytes| {
        let _ = sender.send(serde_json::from_slice(&body).unwrap());
    };
    let app = Router::new().route("/@connections/{id}", post(keep));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    (url, frames)
}

/// The job that the events ask for.
fn job_id() -> String {
    let event = event("jobs_get");
    event["pathParameters"]["job_id"].as_str().unwrap().to_owned()
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

    /// Accepts the job that the events ask for.
    async fn accept_job(&self) {
        let body = event("jobs_create")["body"].as_str().unwrap().to_owned();
        let new = NewJob {
            id: job_id(),
            kind: JobKind::Analysis,
            caller: CallerId::for_operator(events_key().id()),
            request_id: "1".to_owned(),
            max_output_tokens: None,
            input: body,
            callback_url: None,
            idempotency: None,
            now_ms: now_ms(),
        };
        let created = self.database.store.jobs().unwrap().create(&new).await;
        assert_eq!(created.unwrap(), Created::New);
    }

    fn signer(&self) -> Signer {
        Signer::new(self.database.pepper.reveal())
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
            "jobs-get" => jobs_get::router(&service, jobs, self.signer()),
            "analyse-stream" => analyse_stream::router(&service, self.models()),
            "ask" => ask::router(&service, self.models(), self.library()),
            "chat-completions" => chat_completions::router(&service, self.chat_models()),
            "embeddings" => embeddings::router(&service, self.embedding_models()),
            "models" => {
                let names = ModelNames::of(&self.chat_models(), &self.embedding_models());
                models::router(&service, names)
            }
            "chat-tickets" => {
                let conversations = self.database.store.conversations().unwrap();
                chat_tickets::router(&service, conversations, "wss://chat.example.com/v1".to_owned())
            }
            "docs" => docs::router(&service, None),
            "documents" => documents::router(&service, self.library(), jobs),
            "health" => health::router(&service),
            "search" => search::router(&service, self.library()),
            "webhooks" => {
                let secrets = Secrets::new(secrets(), &self.database.config);
                webhooks::router(&service, self.database.store.webhooks().unwrap(), secrets)
            }
            other => panic!("no router is known here for {other}"),
        }
    }

    fn library(&self) -> Library {
        Library {
            documents: self.database.store.documents().unwrap(),
            embedder: Embedder::new(embedding(&self.upstream)).unwrap(),
        }
    }

    fn models(&self) -> Models {
        Models::new(self.model_config()).unwrap()
    }

    fn chat_models(&self) -> ChatModels {
        ChatModels::new(&self.model_config(), &TableConfig::default()).unwrap()
    }

    fn embedding_models(&self) -> EmbeddingModels {
        EmbeddingModels::new(&embedding(&self.upstream), &TableConfig::default()).unwrap()
    }

    fn model_config(&self) -> ModelConfig {
        let mut config = ModelConfig::new("openai::test");
        config.url = Some(self.upstream.url());
        config
    }
}

/// The event of an operation, by its id, or of a function.
fn event(id: &str) -> Value {
    serde_json::from_str(&events()[&id.replace('_', "-")]).unwrap()
}

/// A path of the contract with the parameters of an event in it, all of which it has.
fn filled_in(path: &str, parameters: &Value) -> String {
    let mut filled_in = path.to_owned();
    for (name, value) in parameters.as_object().into_iter().flatten() {
        let place = format!("{{{name}}}");
        assert!(path.contains(&place), "{path} has no {name}");
        filled_in = filled_in.replace(&place, value.as_str().unwrap());
    }
    filled_in
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
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    content_type.split(';').next().unwrap().to_owned()
}

/// What an operation answers its event with. They come in the order of the contract: what is put is there for those after it.
fn expected_status(id: &str) -> u16 {
    match id {
        "documents_put" | "chat_tickets" => 201,
        "jobs_create" => 202,
        "documents_delete" => 204,
        // Their signatures are right, and old.
        "webhooks_stripe" | "webhooks_source" => 400,
        _ => 200,
    }
}

fn expected_media_type(id: &str) -> &'static str {
    match id {
        "analyse_stream" => "text/event-stream",
        "docs" | "redoc" | "oauth2_redirect" => "text/html",
        "webhooks_stripe" | "webhooks_source" => "application/problem+json",
        _ => "application/json",
    }
}
