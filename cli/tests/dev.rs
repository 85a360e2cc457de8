//! `lambent dev` as a process: what it prints, what it logs, how it stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

use std::{process::Stdio, time::Duration};

use lambent_llm::install_crypto;
use lambent_tests::{
    api::{report, request},
    upstream::Upstream,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

/// The command, with its model at `upstream` and nothing else of this environment that it could heed.
fn lambent(upstream: &Upstream, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambent"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.env("LAMBENT_MODEL", "openai::test-model");
    command.env("LAMBENT_MODEL_URL", upstream.url());
    command.kill_on_drop(true);
    command
}

/// Waits until the process says where it answers. Returns that address and what it said so far.
async fn welcomed(child: &mut Child) -> (String, String, BufReader<ChildStderr>) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let until = async {
        while !said.contains("Ctrl-C") {
            assert_ne!(stderr.read_line(&mut said).await.unwrap(), 0, "it ended: {said}");
        }
    };
    timeout(Duration::from_secs(30), until).await.expect("it starts");
    let url = said
        .split_once("answers on ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
        .to_owned();
    (url, said, stderr)
}

async fn interrupt(child: &Child) {
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("/bin/sh")
            .args(["-c", "kill -INT \"$0\"", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
}

/// Everything on the standard output of a process that has been told to stop, line by line.
async fn stopped(mut child: Child) -> Vec<Value> {
    interrupt(&child).await;
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .await
        .unwrap();
    let status = timeout(Duration::from_secs(10), child.wait())
        .await
        .expect("it stops")
        .unwrap();
    assert!(status.success(), "{status}");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn the_welcome_names_the_addresses_and_three_commands_that_work() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut child = lambent(&upstream, &["--port", "0", "--data", folder])
        .spawn()
        .unwrap();
    let (url, said, _stderr) = welcomed(&mut child).await;
    for part in [
        &format!("{url}/docs"),
        "test-model",
        "DynamoDB  http://127.0.0.1:",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let commands: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert_eq!(commands.len(), 3);
    let mut answers = Vec::new();
    for command in commands {
        let output = Command::new("/bin/sh")
            .args(["-c", command])
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        answers.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(
        serde_json::from_str::<Value>(&answers[0]).unwrap()["summary"].is_string(),
        "{}",
        answers[0]
    );
    assert!(
        answers[1].contains("event: delta") && answers[1].contains("event: done"),
        "{}",
        answers[1]
    );
    assert_eq!(
        serde_json::from_str::<Value>(&answers[2]).unwrap()["status"],
        422,
        "{}",
        answers[2]
    );

    let lines = stopped(child).await;
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(requests.len(), 3, "one line a request: {lines:#?}");
    assert!(
        requests
            .iter()
            .all(|line| line["request_id"].is_string() && line["total_ms"].is_u64())
    );
    let log = format!("{lines:?}");
    for private in ["Hollin Ridge", "sample", "Too short"] {
        assert!(!log.contains(private), "{private} in {log}");
    }
}

#[tokio::test]
async fn without_a_database_answers_go_out_and_each_leaves_one_line() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    // A port that nothing listens on.
    let dead = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dead}"));
    command
        .env("LAMBENT_REQUESTS_TABLE", "requests")
        .env("AWS_REGION", "local");
    command
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none");
    let mut child = command.spawn().unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let client = reqwest::Client::new();
    let mut ids = Vec::new();
    for path in ["/analyse", "/analyse/stream", "/analyse", "/analyse/stream"] {
        let answer = client
            .post(format!("{url}{path}"))
            .json(&request(&report(), "summary", "json"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        ids.push(answer.headers()["x-request-id"].to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        assert!(text.contains("\"summary\""), "{text}");
    }
    let lines = stopped(child).await;
    let kept: Vec<&Value> = lines.iter().filter_map(|line| line.get("log_fallback")).collect();
    let kept_ids: Vec<&str> = kept
        .iter()
        .map(|record| record["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(kept_ids, ids);
    let tokens: u64 = kept
        .iter()
        .map(|record| record["output_tokens"].as_u64().unwrap())
        .sum();
    assert_eq!(tokens, upstream.counts().completion_tokens);
    assert!(kept.iter().all(|record| record["state"] == "done"), "{kept:?}");
}

/// What the process says when it cannot start: one line.
async fn refused(mut command: Command) -> String {
    let output = timeout(Duration::from_secs(30), command.output())
        .await
        .expect("it ends")
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

#[tokio::test]
async fn a_taken_port_is_said_with_what_to_do() {
    let upstream = Upstream::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused(lambent(&upstream, &["dev", "--port", &port])).await;
    assert!(
        said.contains(&format!("127.0.0.1:{port} is taken")) && said.contains("--port"),
        "{said}"
    );
}

#[tokio::test]
async fn a_malformed_variable_is_named_with_what_was_expected() {
    let upstream = Upstream::start().await;
    for (name, value) in [
        ("LAMBENT_CORS_ORIGINS", "app.example"),
        ("LAMBENT_TIMEOUT_SECS", "soon"),
        ("LAMBENT_MAX_OUTPUT_TOKENS", "many"),
        ("LAMBENT_MODEL_URL", "not a url"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = lambent(
            &upstream,
            &["--port", "0", "--data", data.path().to_str().unwrap()],
        );
        command.env(name, value);
        let said = refused(command).await;
        assert!(said.contains(name) && said.contains("expected"), "{said}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let upstream = Upstream::start().await;
    let said = refused(lambent(&upstream, &["--port", "0", "--data", "/dev/null/data"])).await;
    assert!(said.contains("cannot write to /dev/null/data"), "{said}");
}

#[tokio::test]
async fn weights_that_are_no_file_are_named() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    command
        .env_remove("LAMBENT_MODEL")
        .env("LAMBENT_MODEL_PATH", "/nowhere/model.gguf");
    let said = refused(command).await;
    assert!(said.contains("/nowhere/model.gguf"), "{said}");
}

#[tokio::test]
async fn records_are_there_after_a_restart() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    for expected in [1, 2] {
        let mut child = lambent(&upstream, &["--port", "0", "--data", folder])
            .spawn()
            .unwrap();
        let (url, said, _stderr) = welcomed(&mut child).await;
        install_crypto();
        reqwest::get(format!("{url}/health")).await.unwrap();
        let database = said
            .split_once("DynamoDB  ")
            .unwrap()
            .1
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned();
        let store = lambent_store::Store::connect(&lambent_store::StoreConfig::local(database));
        assert_eq!(
            store
                .requests()
                .last_of_caller("anonymous", 10)
                .await
                .unwrap()
                .len(),
            expected
        );
        stopped(child).await;
    }
}
