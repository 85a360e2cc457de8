//! AWS's own Runtime Interface Emulator in front of each function, without Docker: what comes out for its file in `events/`.
//!
//! The emulator comes with the SAM CLI (`samcli/local/rapid/aws-lambda-rie-x86_64`); `LAMBENT_RIE` names it. It hands on a
//! streamed answer only when it is complete, prelude and all.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use lambent::dev::functions::program;
use lambent_schema::{
    Transfer,
    background::{JOBS_SWEEPER, JOBS_WORKER, WEBHOOKS_WORKER},
    operations,
};
use lambent_store::{State, jobs::JobStatus};
use lambent_tests::{sse::Events, upstream::Answer};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

use crate::cloud::{Cloud, document_id, event, folder, job_id};

/// The emulator; `None` where nothing is to be tested.
fn emulator() -> Option<PathBuf> {
    let path = std::env::var_os("LAMBENT_RIE").map(PathBuf::from);
    if path.is_none() {
        let required = std::env::var("LAMBENT_REQUIRE_LAMBDA").is_ok_and(|value| value == "1");
        assert!(!required, "LAMBENT_RIE names no emulator");
        eprintln!("skipped: LAMBENT_RIE names no Runtime Interface Emulator");
    }
    path
}

/// A free port that the emulator is told to take.
async fn free_address() -> SocketAddr {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any).await.unwrap();
    listener.local_addr().unwrap()
}

struct Emulated {
    url: String,
    process: Child,
}

async fn emulate(emulator: &Path, program: &Path, cloud: &Cloud) -> Emulated {
    let (invoke, runtime) = (free_address().await, free_address().await);
    let mut process = Command::new(emulator)
        .args(["--runtime-interface-emulator-address", &invoke.to_string()])
        .args(["--runtime-api-address", &runtime.to_string()])
        .arg(program)
        .env_clear()
        .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "60")
        .envs(cloud.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(invoke).await.is_ok() {
            break;
        }
        assert_eq!(process.try_wait().unwrap(), None, "the emulator ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Emulated {
        url: format!("http://{invoke}/2015-03-31/functions/function/invocations"),
        process,
    }
}

/// Status, headers and body of an answer, whole or streamed.
fn read(transfer: Transfer, answer: &str) -> (Value, Value, String) {
    match transfer {
        Transfer::Streaming => {
            let (prelude, body) = answer.split_once("\0\0\0\0\0\0\0\0").expect("a prelude");
            let prelude: Value = serde_json::from_str(prelude).unwrap();
            (
                prelude["statusCode"].clone(),
                prelude["headers"].clone(),
                body.to_owned(),
            )
        }
        Transfer::Buffered => {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let body = answer["body"].as_str().unwrap().to_owned();
            (
                answer["statusCode"].clone(),
                answer["multiValueHeaders"].clone(),
                body,
            )
        }
    }
}

#[tokio::test]
async fn each_function_answers_its_event() {
    let (Some(folder), Some(emulator)) = (folder(), emulator()) else {
        return;
    };
    let cloud = Cloud::start().await;
    cloud.accept_job().await;
    let api = lambent_tests::api::Api::here().await;
    let client = reqwest::Client::new();
    for op in operations() {
        let draft =
            json!({"summary": "It is late.", "findings": [{"title": "Late", "detail": "By two weeks."}]});
        let answer = match op.id {
            "analyse" => Answer::text(draft.to_string()),
            _ => Answer::text("It is late."),
        };
        cloud.upstream.otherwise(answer);
        let mut emulated = emulate(&emulator, &program(&folder, op.function).unwrap(), &cloud).await;
        let event = event(&op.id.replace('_', "-"));
        let answer = client.post(&emulated.url).body(event).send().await.unwrap();
        let answer = answer.text().await.unwrap();
        let (status, headers, body) = read(op.transfer, &answer);
        let expected = match op.id {
            "documents_put" | "chat_tickets" => 201,
            "jobs_create" => 202,
            "documents_delete" => 204,
            // Their signatures are right, and old.
            "webhooks_stripe" | "webhooks_source" => 400,
            _ => 200,
        };
        assert_eq!(status, expected, "{}: {answer}", op.id);
        let content_type = headers["content-type"].to_string();
        match op.id {
            "analyse" => {
                let mut analysis: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(analysis["summary"], draft["summary"]);
                assert_eq!(analysis["model"], "test-model");
                assert!(analysis["request_id"].take().is_string());
            }
            "analyse_stream" => {
                assert!(content_type.contains("text/event-stream"), "{content_type}");
                let events = Events::parse(&body);
                assert_eq!(
                    (events.text().as_str(), events.terminal().0),
                    ("It is late.", "done")
                );
            }
            "search" | "ask" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                let place = told.get("hits").or(told.get("sources")).map(|places| &places[0]);
                let place = place.unwrap();
                assert_eq!(place["document_id"], document_id(), "{body}");
            }
            "documents_delete" => assert_eq!(body, ""),
            "documents_put" | "documents_get" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["document_id"], document_id());
            }
            "documents_list" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["documents"][0]["document_id"], document_id());
            }
            "jobs_create" | "jobs_get" | "jobs_list" | "jobs_cancel" | "callback_secret" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                let status = told["status"].as_str().map(str::to_owned);
                let expected = match op.id {
                    "jobs_create" | "jobs_get" => Some("queued".to_owned()),
                    "jobs_cancel" => Some("cancelled".to_owned()),
                    _ => None,
                };
                assert_eq!(status, expected, "{told}");
            }
            "chat_tickets" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert!(told["ticket"].is_string(), "{told}");
            }
            "webhooks_stripe" | "webhooks_source" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["code"], "invalid_signature");
            }
            "chat_completions" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["object"], "chat.completion", "{told}");
            }
            "embeddings" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["data"][0]["object"], "embedding", "{told}");
            }
            "models_get" => {
                let told: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(told["id"], "default", "{told}");
            }
            // Without a model: to the byte what the router answers.
            _ => assert_eq!(body, api.get(op.path).await.text().await.unwrap(), "{}", op.id),
        }
        let record = &cloud.records().await[0];
        let state = if expected < 400 { State::Done } else { State::Error };
        assert_eq!((record.route.as_str(), record.state), (&*op.route(), state));
        emulated.process.kill().await.unwrap();
    }
}

#[tokio::test]
async fn functions_that_no_request_calls_answer_their_events() {
    let (Some(folder), Some(emulator)) = (folder(), emulator()) else {
        return;
    };
    let cloud = Cloud::start().await;
    cloud.accept_job().await;
    let client = reqwest::Client::new();
    for (background, expected) in [
        (
            JOBS_SWEEPER,
            json!({"queued": 0, "cancelled": 0, "callbacks": 0, "documents": 0}),
        ),
        (JOBS_WORKER, json!({"batchItemFailures": []})),
        // Of an event that is not there any more.
        (WEBHOOKS_WORKER, json!({"batchItemFailures": []})),
    ] {
        let program = program(&folder, background.function).unwrap();
        let mut emulated = emulate(&emulator, &program, &cloud).await;
        let event = event(background.function);
        let answer = client.post(&emulated.url).body(event).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap(), expected);
        emulated.process.kill().await.unwrap();
    }
    let jobs = cloud.database.store.jobs().unwrap();
    let job = jobs.find(&job_id()).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Succeeded, "{job:?}");
    assert_eq!(cloud.upstream.counts().requests, 1);
}
