//! `lambent dev` as a process: what it prints, what it logs, how it stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

mod database;
mod documents;
mod embeddings;
mod jobs;
mod keys;
mod refusals;
mod secrets;
mod webhooks;
mod welcome;

use std::{process::Stdio, time::Duration};

use lambent_callers::{ApiKey, Pepper};
use lambent_llm::install_crypto;
use lambent_store::StoreConfig;
use lambent_tests::{
    api::{report, request},
    database::{Database, events_key, new_key, now_ms},
    upstream::{Answer, Upstream},
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

/// Has the process use a database elsewhere.
fn with_database(command: &mut Command, config: &StoreConfig, pepper: &Pepper) {
    command.envs(config.variables());
    let (name, pepper) = pepper.variable();
    command.env(name, pepper);
}

/// The body of a request that is answered by a summary.
fn summary() -> Value {
    request(&report(), "summary", "json")
}
