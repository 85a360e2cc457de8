//! Workers that are killed with SIGKILL while they handle events: every event has its effect once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lambent_runtime_api::{Function, FunctionConfig, MappingConfig, TableStream, invoke_function, mapping};
use lambent_schema::{Trigger, background::WEBHOOKS_WORKER};
use lambent_store::{
    StoreConfig, Webhooks,
    webhooks::{EventStatus, Kept, NewEvent, TABLE},
};
use lambent_tests::{
    database::{Database, events_key, new_key, now_ms},
    processes::running,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

const EVENTS: usize = 8;
const KILLS: usize = 8;
/// What the database takes longer to be asked, so that workers are killed between two calls of it.
const DELAY: Duration = Duration::from_millis(60);
const BUDGET: u64 = 5_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_top_up_once_while_workers_are_killed() {
    let database = Database::start().await;
    let key = events_key();
    database.callers().delete_key(key.id()).await.unwrap();
    let mut new = new_key(&key, &database.pepper);
    new.limits.budget = Some(BUDGET);
    database.insert(&new).await;
    let webhooks = database.store.webhooks().unwrap();
    let stop = CancellationToken::new();
    work(&database, &stop).await;
    for number in 0..EVENTS {
        let (event_id, payload) = (format!("evt_{number}"), session(key.id(), number).to_string());
        let new = NewEvent {
            source: "stripe",
            event_id: &event_id,
            kind: Some("checkout.session.completed"),
            payload: &payload,
            request_id: "r1",
            now_ms: now_ms(),
        };
        assert_eq!(webhooks.keep(&new).await.unwrap(), Kept::New);
    }
    let killed = kill().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    for number in 0..EVENTS {
        let id = Webhooks::id("stripe", &format!("evt_{number}"));
        loop {
            let event = webhooks.find(&id).await.unwrap().unwrap();
            if event.status == EventStatus::Handled {
                break;
            }
            assert!(Instant::now() < deadline, "{event:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
    stop.cancel();
    let keys = database.callers().keys(now_ms()).await.unwrap();
    println!("{EVENTS} payments, {killed} workers killed");
    assert_eq!(keys[0].prepaid, i64::try_from(EVENTS).unwrap() * 10_000_000);
    assert_eq!(
        keys[0].remaining.unwrap() - keys[0].prepaid,
        i64::try_from(BUDGET).unwrap()
    );
    assert_eq!(killed, KILLS);
}

fn session(key: &str, number: usize) -> Value {
    json!({"id": format!("evt_{number}"), "type": "checkout.session.completed", "data": {"object": {
        "id": format!("cs_{number}"), "mode": "payment", "payment_status": "paid", "payment_intent": format!("pi_{number}"),
        "client_reference_id": key, "amount_total": 1000, "currency": "usd",
    }}})
}

/// Hands the stream to processes of the worker, as the contract says, but tries more often: each kill is a failed attempt.
async fn work(database: &Database, stop: &CancellationToken) {
    let Trigger::Stream([trigger]) = WEBHOOKS_WORKER.trigger else {
        unreachable!("the worker rides a stream")
    };
    let slow = slowed(database.address).await;
    let store = StoreConfig::local(format!("http://{slow}"));
    let variables = store
        .variables()
        .into_iter()
        .chain([("RUST_LOG", "error".to_owned())]);
    let function = FunctionConfig {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).collect(),
        timeout: Duration::from_secs(10),
        ..FunctionConfig::new(WEBHOOKS_WORKER.function, env!("CARGO_BIN_EXE_webhooks-worker"))
    };
    let config = MappingConfig {
        filters: vec![serde_json::from_str(trigger.filter).unwrap()],
        batch_size: trigger.batch_size as usize,
        parallelization_factor: 2,
        maximum_retry_attempts: Some(trigger.maximum_retry_attempts + 10),
        ..MappingConfig::new(function.arn())
    };
    let endpoint = database.config.endpoint.clone().unwrap();
    let source = TableStream::find(&endpoint, "local", TABLE.name).await.unwrap();
    let on_failure = Arc::new(|given_up: Value| println!("given up: {given_up}"));
    let invoke = invoke_function(Function::new(function));
    tokio::spawn(mapping(config, source, invoke, on_failure, stop.clone()).unwrap());
}

/// The same server, with everything that is sent to it arriving later.
async fn slowed(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                    sleep(DELAY).await;
                    if to_server.write_all(&bytes[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Kills workers that run, a while after each began: later each time, so that every moment of their work has its turn.
async fn kill() -> usize {
    let mut killed = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    while killed < KILLS && Instant::now() < deadline {
        sleep(Duration::from_millis(20 + 35 * killed as u64)).await;
        let Some(pid) = running(WEBHOOKS_WORKER.function).first().copied() else {
            continue;
        };
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        killed += usize::from(rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok());
    }
    killed
}
