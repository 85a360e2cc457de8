//! `sam local` with every function, in Docker, beside a running `lambent dev` whose database and model the functions use.
//!
//! `LAMBENT_SAM` names the SAM CLI; `sam build` must have been run, and Docker must have the image of `tests/cloud/base-image` or
//! AWS's own. Without it these tests say so and pass, unless `LAMBENT_REQUIRE_LAMBDA=1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests, which say why they are skipped"
)]

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use lambent_schema::{Method, Operation, operations};
use lambent_tests::{
    api::{event_body, request},
    database::events_key,
    sse::Events,
    upstream::{Answer, Upstream},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Where containers find this machine.
const DOCKER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(172, 17, 0, 1);
/// The file that `lambent dev --sam-local` writes for `sam local`, below its data folder.
const VARIABLES: &str = "sam-local.json";
/// The document that the events put.
const DOCUMENT: &str = "hollin-ridge-2026-q3";
const STARTS: Duration = Duration::from_secs(60);

fn sam(arguments: &[&str]) -> Option<Command> {
    let Ok(sam) = std::env::var("LAMBENT_SAM") else {
        let required = std::env::var("LAMBENT_REQUIRE_LAMBDA").is_ok_and(|value| value == "1");
        assert!(!required, "LAMBENT_SAM names no SAM CLI");
        eprintln!("skipped: LAMBENT_SAM names no SAM CLI");
        return None;
    };
    let mut command = Command::new(sam);
    command
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Some(command)
}

/// `AnalyseStreamFunction` of `analyse-stream`.
fn logical_id(op: &Operation) -> String {
    let words = op
        .function
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect::<String>() + "Function"
}

/// `lambent dev`, with its model at `upstream`.
async fn lambent_dev(upstream: &Upstream, data: &Path) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lambent"))
        .args(["--port", "0", "--sam-local", "--data", data.to_str().unwrap()])
        .env_clear()
        .env("LAMBENT_MODEL", "openai::test-model")
        .env("LAMBENT_MODEL_URL", upstream.url())
        .env("LAMBENT_MODEL_PRICE", "0/0")
        .env("LAMBENT_EMBEDDING_MODEL", "openai::text-embedding-3-small")
        .env("LAMBENT_EMBEDDING_URL", upstream.url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    says(child.stderr.take().unwrap(), "sam local invoke").await;
    child
}

/// Waits until a process has said this. What it says later is read and forgotten.
async fn says(output: impl tokio::io::AsyncRead + Unpin + Send + 'static, what: &str) {
    let mut lines = BufReader::new(output).lines();
    let mut said = String::new();
    let until = async {
        while !said.contains(what) {
            let line = lines.next_line().await.unwrap();
            said += &line.unwrap_or_else(|| panic!("it ended: {said}"));
            said.push('\n');
        }
    };
    let waited = timeout(STARTS, until).await;
    waited.unwrap_or_else(|_| panic!("it did not say {what}: {said}"));
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn each_function_answers_its_event_in_a_container_with_the_running_model_and_database() {
    if sam(&[]).is_none() {
        return;
    }
    let upstream = Upstream::start_on((DOCKER, 0).into()).await;
    let data = tempfile::tempdir().unwrap();
    let _dev = lambent_dev(&upstream, data.path()).await;
    let variables = data.path().join(VARIABLES);
    for op in operations() {
        // The job that is accepted here is done beside what comes after it.
        upstream.otherwise(if op.id == "analyse_stream" {
            Answer::text("It is late.")
        } else {
            Answer::as_asked()
        });
        let event = format!("events/{}.json", op.id.replace('_', "-"));
        let id = logical_id(&op);
        let arguments = [
            "local",
            "invoke",
            &id,
            "-e",
            &event,
            "--env-vars",
            variables.to_str().unwrap(),
        ];
        let output = sam(&arguments).unwrap().output().await.unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let answer: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
        assert_eq!(answer["statusCode"], expected_status(&op), "{id}: {answer}");
        let body = answer["body"].as_str().unwrap();
        match op.id {
            "analyse" => {
                let analysis: Value = serde_json::from_str(body).unwrap();
                assert_eq!(analysis["model"], "test-model");
            }
            "analyse_stream" => {
                let events = Events::parse(body);
                assert_eq!(
                    (events.text().as_str(), events.terminal().0),
                    ("It is late.", "done")
                );
            }
            "ask" => {
                let told: Value = serde_json::from_str(body).unwrap();
                assert_eq!(told["model"], "test-model", "{told}");
                assert!(!told["sources"].as_array().unwrap().is_empty(), "{told}");
            }
            _ => assert_eq!(body.is_empty(), op.id == "documents_delete"),
        }
        // A record that cannot be written is a line of its own; this one was.
        assert!(!said(&output).contains("log_fallback"), "{}", said(&output));
    }
    // Five that chat, and four that embed: the document, the query, the question, and OpenAI's way.
    upstream
        .until(|counts| (counts.requests, counts.embeddings) == (9, 4))
        .await;
}

#[tokio::test]
async fn functions_that_no_request_calls_answer_their_events_in_a_container() {
    if sam(&[]).is_none() {
        return;
    }
    let upstream = Upstream::start_on((DOCKER, 0).into()).await;
    let data = tempfile::tempdir().unwrap();
    let _dev = lambent_dev(&upstream, data.path()).await;
    let variables = data.path().join(VARIABLES);
    for (id, event, expected) in [
        (
            "JobsSweeperFunction",
            "events/jobs-sweeper.json",
            json!({"queued": 0, "cancelled": 0, "callbacks": 0, "documents": 0}),
        ),
        // Of a job that is not there any more.
        (
            "JobsWorkerFunction",
            "events/jobs-worker.json",
            json!({"batchItemFailures": []}),
        ),
        // Of an event that is not there any more.
        (
            "WebhooksWorkerFunction",
            "events/webhooks-worker.json",
            json!({"batchItemFailures": []}),
        ),
    ] {
        let arguments = [
            "local",
            "invoke",
            id,
            "-e",
            event,
            "--env-vars",
            variables.to_str().unwrap(),
        ];
        let output = sam(&arguments).unwrap().output().await.unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let answer: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
        assert_eq!(answer, expected);
    }
}

/// What an operation answers its event with, where there is no job.
fn expected_status(op: &Operation) -> u16 {
    match op.id {
        "documents_put" | "chat_tickets" => 201,
        "jobs_create" => 202,
        "documents_delete" => 204,
        "jobs_get" | "jobs_cancel" => 404,
        // Its signature is right for another secret, and old; and nobody has named a secret of the other source.
        "webhooks_stripe" => 400,
        "webhooks_source" => 404,
        _ => 200,
    }
}

#[tokio::test]
async fn without_a_running_lambent_dev_it_says_what_is_missing() {
    let arguments = ["local", "invoke", "HealthFunction", "-e", "events/health.json"];
    let Some(mut sam) = sam(&arguments) else { return };
    // As samconfig.toml has it: nothing is running here that would have written the file.
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../.lambent")
        .join(VARIABLES);
    assert!(!file.exists(), "something runs that wrote {}", file.display());
    let output = sam.output().await.unwrap();
    assert!(!output.status.success());
    let said = said(&output);
    assert!(
        said.contains("'.lambent/sam-local.json' does not exist"),
        "{said}"
    );
}

#[tokio::test]
async fn start_api_serves_every_route_whole() {
    if sam(&[]).is_none() {
        return;
    }
    let upstream = Upstream::start_on((DOCKER, 0).into()).await;
    let data = tempfile::tempdir().unwrap();
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let variables = data.path().join(VARIABLES);
    let arguments = [
        "local",
        "start-api",
        "--port",
        &port,
        "--env-vars",
        variables.to_str().unwrap(),
    ];
    let Some(mut command) = sam(&arguments) else {
        return;
    };
    let _dev = lambent_dev(&upstream, data.path()).await;
    let mut served = command.spawn().unwrap();
    says(served.stderr.take().unwrap(), "Running on http").await;

    lambent_llm::install_crypto();
    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    for op in operations() {
        let url = url(&op
            .path
            .replace("{job_id}", "unknown")
            .replace("{source}", "acme")
            .replace("{document_id}", DOCUMENT)
            .replace("{model}", "default"));
        let sent = match op.method {
            Method::Get => client.get(url),
            Method::Delete => client.delete(url),
            Method::Post => client
                .post(url)
                .header("content-type", "application/json")
                .body(event_body(op.id)),
        };
        let sent = sent.header("x-api-key", events_key().reveal());
        let answer = sent.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, expected_status(&op), "{}: {body}", op.route());
        if op.id == "analyse_stream" {
            assert_eq!(Events::parse(&body).terminal().0, "done");
        }
    }
    let refused = client
        .post(url("/analyse"))
        .header("x-api-key", events_key().reveal())
        .json(&request("short", "none", "json"))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 422);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["code"],
        "validation_failed"
    );

    // Asked to stop, it removes its containers.
    let pid = served.id().unwrap().to_string();
    let asked = Command::new("/bin/sh")
        .args(["-c", "kill -INT \"$0\"", &pid])
        .status()
        .await;
    assert!(asked.unwrap().success());
    timeout(STARTS, served.wait()).await.expect("it stops").unwrap();
}
