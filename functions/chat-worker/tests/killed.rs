//! A worker that is killed while it writes: its client is told.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use lambent_chat::ChatConfig;
use lambent_llm::{ApiKey, ModelConfig};
use lambent_runtime_api::{Function, FunctionConfig, MappingConfig, TableStream, invoke_function, mapping};
use lambent_schema::{Trigger, background::CHAT_WORKER};
use lambent_store::{
    CallerId,
    callers::{Ask, Credential, Decision},
    conversations::{MessageStatus, NewMessage, TABLE},
    now_ms,
};
use lambent_tests::{
    database::{Database, new_key},
    processes::running,
    upstream::{Answer, Upstream},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

const CONVERSATION: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f010";
const MESSAGE: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f011";
const BUDGET: u64 = 1_000_000;

type Frames = Arc<Mutex<Vec<Value>>>;

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_a_worker_that_is_killed_gets_an_error_and_not_silence() {
    let database = Database::start().await;
    let upstream = Upstream::start().await;
    let pace = Duration::from_millis(20);
    upstream.otherwise(Answer::text("and so on ".repeat(2000)).paced(pace, pace));
    let (url, frames) = gateway().await;
    let key = lambent_callers::ApiKey::generate().unwrap();
    let mut new = new_key(&key, &database.pepper);
    new.limits.budget = Some(BUDGET);
    database.insert(&new).await;
    let stop = CancellationToken::new();
    work(&database, &upstream, &url, &stop).await;
    say(&database, key.id()).await;

    until(|| of_type(&frames, "delta") > 3).await;
    let worker = running("chat-worker")[0];
    let pid = rustix::process::Pid::from_raw(worker).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let killed = Instant::now();
    until(|| of_type(&frames, "error") == 1).await;
    let waited = killed.elapsed();
    // Nothing follows: it is not answered again, nor told twice.
    sleep(Duration::from_secs(3)).await;
    stop.cancel();
    let frames = frames.lock().unwrap().clone();
    let last = frames.last().unwrap();
    assert_eq!(last["error"]["code"], "answer_lost");
    assert_eq!(
        (&last["message_id"], &last["error"]["request_id"]),
        (&MESSAGE.into(), &"r-1".into())
    );
    assert_eq!(upstream.counts().requests, 1);
    let conversations = database.store.conversations().unwrap();
    let caller = CallerId::for_operator(key.id());
    let message = conversations.last(&caller, CONVERSATION).await.unwrap().unwrap();
    assert_eq!(message.status, MessageStatus::Failed);
    // What was reserved is there again.
    let kept = database.callers().keys(now_ms()).await.unwrap();
    let kept = kept.into_iter().find(|kept| kept.id == key.id()).unwrap();
    assert_eq!(
        (kept.calls, kept.remaining),
        (0, Some(i64::try_from(BUDGET).unwrap()))
    );
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}

/// Stands where the gateway's management API is, and keeps what is sent to the one socket.
async fn gateway() -> (String, Frames) {
    let frames = Frames::default();
    let keep = async |State(frames): State<Frames>, body: Bytes| {
        let frame = serde_json::from_slice(&body).unwrap();
        frames.lock().unwrap().push(frame);
    };
    let app = Router::new()
        .route("/@connections/{id}", post(keep))
        .with_state(Arc::clone(&frames));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    (url, frames)
}

/// Hands the stream to processes of the worker, as the contract says.
async fn work(database: &Database, upstream: &Upstream, url: &str, stop: &CancellationToken) {
    let Trigger::Stream([trigger]) = CHAT_WORKER.trigger else {
        unreachable!("the worker rides a stream")
    };
    let chat = ChatConfig {
        connections_url: Some(url.to_owned()),
        lease: Duration::from_secs(2),
        ..ChatConfig::default()
    };
    let model = ModelConfig {
        url: Some(upstream.url()),
        key: Some(ApiKey::new("test-key")),
        price: Some("1.00/10.00".parse().unwrap()),
        ..ModelConfig::new("openai::test-model")
    };
    let variables = database.config.variables().into_iter();
    let variables = variables
        .chain(model.variables())
        .chain(chat.variables())
        .chain([("RUST_LOG", "error".to_owned())]);
    let function = FunctionConfig {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).collect(),
        timeout: Duration::from_secs(60),
        ..FunctionConfig::new(CHAT_WORKER.function, env!("CARGO_BIN_EXE_chat-worker"))
    };
    let config = MappingConfig {
        filters: vec![serde_json::from_str(trigger.filter).unwrap()],
        batch_size: trigger.batch_size as usize,
        parallelization_factor: trigger.parallelization_factor as usize,
        maximum_retry_attempts: Some(trigger.maximum_retry_attempts),
        ..MappingConfig::new(function.arn())
    };
    let endpoint = database.config.endpoint.clone().unwrap();
    let source = TableStream::find(&endpoint, "local", TABLE.name).await.unwrap();
    let invoke = invoke_function(Function::new(function));
    let on_failure = Arc::new(|given_up: Value| panic!("given up: {given_up}"));
    tokio::spawn(mapping(config, source, invoke, on_failure, stop.clone()).unwrap());
}

/// Says something, as `chat-socket` does, with money reserved for it.
async fn say(database: &Database, caller: &str) {
    let (now, price) = (now_ms(), |_: Option<u32>| BUDGET);
    let ask = Ask {
        credential: Credential::Known { id: caller },
        scope: "chat",
        now_ms: now,
        price: Some(&price),
        until_ms: now + 400_000,
        call: "call-1",
    };
    let Decision::Admitted(admission) = database.callers().admit(&ask).await.unwrap() else {
        panic!("it can pay")
    };
    let message = NewMessage {
        message_id: MESSAGE.to_owned(),
        caller: admission.caller,
        conversation_id: CONVERSATION.to_owned(),
        connection: "L0SM9cOFvHcCIhw=".to_owned(),
        request_id: "r-1".to_owned(),
        text: "Count.".to_owned(),
        max_output_tokens: None,
        held: admission.held,
        held_until: now + 400_000,
        now_ms: now,
    };
    database
        .store
        .conversations()
        .unwrap()
        .say(&message)
        .await
        .unwrap();
}

fn of_type(frames: &Frames, kind: &str) -> usize {
    let frames = frames.lock().unwrap();
    frames.iter().filter(|frame| frame["type"] == kind).count()
}

async fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it did not become so");
        sleep(Duration::from_millis(20)).await;
    }
}
