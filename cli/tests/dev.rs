//! `lambent dev` as a process: what it prints, what it logs, how it stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

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

#[tokio::test]
async fn without_a_request_log_answers_go_out_and_each_leaves_one_line() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let database = Database::start().await;
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    with_database(&mut command, &database.config, &database.pepper);
    command.env("LAMBENT_REQUESTS_TABLE", "not-there");
    let mut child = command.spawn().unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let client = reqwest::Client::new();
    let mut ids = Vec::new();
    for path in ["/analyse", "/analyse/stream", "/analyse", "/analyse/stream"] {
        let answer = client
            .post(format!("{url}{path}"))
            .header("x-api-key", events_key().reveal())
            .json(&summary())
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

#[tokio::test]
async fn without_a_database_nobody_spends_and_what_is_public_goes_on() {
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
    let config = StoreConfig::local(format!("http://{dead}"));
    with_database(&mut command, &config, &Pepper::generate().unwrap());
    let mut child = command.spawn().unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    for path in ["/analyse", "/analyse/stream"] {
        let sent = reqwest::Client::new()
            .post(format!("{url}{path}"))
            .header("x-api-key", events_key().reveal())
            .json(&summary());
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "store_unavailable", "{path}");
    }
    let health = reqwest::get(format!("{url}/health")).await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(upstream.counts().requests, 0);
    let lines = stopped(child).await;
    let kept: Vec<&Value> = lines.iter().filter_map(|line| line.get("log_fallback")).collect();
    let statuses: Vec<_> = kept
        .iter()
        .map(|record| record["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn a_process_that_is_killed_amid_a_stream_leaves_a_reservation_that_ends_by_itself() {
    let upstream = Upstream::start().await;
    let slow = Answer::text("one two three four").paced(Duration::ZERO, Duration::from_secs(10));
    upstream.then(slow);
    let data = tempfile::tempdir().unwrap();
    let database = Database::start().await;
    let key = ApiKey::generate().unwrap();
    let mut new = new_key(&key, &database.pepper);
    new.limits.concurrency = 1;
    new.limits.budget = Some(1_000_000);
    database.insert(&new).await;
    let spawn = || {
        let mut command = lambent(
            &upstream,
            &["--port", "0", "--data", data.path().to_str().unwrap()],
        );
        with_database(&mut command, &database.config, &database.pepper);
        command
            .env("LAMBENT_TIMEOUT_SECS", "4")
            .env("LAMBENT_MODEL_PRICE", "1.00/10.00");
        command.spawn().unwrap()
    };
    install_crypto();
    let post = async |url: &str| {
        let sent = reqwest::Client::new()
            .post(format!("{url}/analyse/stream"))
            .header("x-api-key", key.reveal())
            .json(&request(&report(), "summary", "markdown"));
        sent.send().await.unwrap()
    };
    let kept = async || {
        let keys = database.callers().keys(now_ms()).await.unwrap();
        keys.into_iter().find(|kept| kept.id == key.id()).unwrap()
    };
    let mut killed = spawn();
    let (url, _, _stderr) = welcomed(&mut killed).await;
    let began = std::time::Instant::now();
    let mut answer = post(&url).await;
    assert_eq!(answer.status(), 200);
    answer.chunk().await.unwrap();
    // SIGKILL.
    killed.kill().await.unwrap();
    let held = kept().await;
    assert_eq!(held.calls, 1);
    assert!(held.remaining.unwrap() < 1_000_000);

    let mut child = spawn();
    let (url, _, _stderr) = welcomed(&mut child).await;
    assert_eq!(post(&url).await.status(), 429);
    // The function's time, and five seconds in which it is surely gone.
    tokio::time::sleep(Duration::from_secs(10).saturating_sub(began.elapsed())).await;
    let answer = post(&url).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap();
    stopped(child).await;
    let freed = kept().await;
    let sold = upstream.counts();
    let sold = i64::try_from(sold.prompt_tokens + sold.completion_tokens * 10).unwrap();
    assert_eq!((freed.calls, freed.remaining), (0, Some(1_000_000 - sold)));
}

#[tokio::test]
async fn secrets_are_in_no_log_no_process_listing_and_no_table() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut command = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    );
    command
        .env("RUST_LOG", "trace")
        .env("LAMBENT_MODEL_KEY", "provider-hunter2");
    // More than a pipe takes while nobody reads it.
    let log = tempfile::NamedTempFile::new().unwrap();
    command.stdout(log.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let file = |name: &str| std::fs::read_to_string(data.path().join(name)).unwrap();
    let (key, pepper) = (file("key"), file("pepper"));
    let forged = ApiKey::with_id(ApiKey::parse(&key).unwrap().id())
        .unwrap()
        .reveal();
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJlaHVudGVyMg";
    for (credentials, expected) in [
        (&*key, 200),
        (&forged, 401),
        (token, 401),
        ("sk_hunter2_hunter2", 401),
    ] {
        let sent = reqwest::Client::new()
            .post(format!("{url}/analyse"))
            .bearer_auth(credentials)
            .json(&summary());
        assert_eq!(sent.send().await.unwrap().status(), expected);
    }
    let pid = child.id().unwrap();
    let listing = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    interrupt(&child).await;
    assert!(child.wait().await.unwrap().success());
    let log = std::fs::read_to_string(log.path()).unwrap();
    let log: Vec<&str> = log.lines().collect();
    let mut table = Vec::new();
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("sqlite") {
            table.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(
        table.len() > 1000 && log.len() > 100,
        "there is something to look into"
    );
    let secret_of = |key: &str| key.trim().rsplit_once('_').unwrap().1.to_owned();
    let secrets = [secret_of(&key), secret_of(&forged), pepper.trim().to_owned()];
    let more = ["hunter2", "eyJzdWIiOiJodW50ZXIyIn0"].map(str::to_owned);
    for secret in secrets.iter().chain(&more) {
        let is_in = |bytes: &[u8]| {
            bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        };
        assert!(!is_in(&listing), "{secret} in the process listing");
        assert!(!is_in(&table), "{secret} in the table");
        for line in &log {
            assert!(!is_in(line.as_bytes()), "{secret} in {line}");
        }
    }
    for name in ["key", "pepper"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(data.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name} is its owner's alone");
    }
}

/// `lambent keys` with the local database, and what it printed.
async fn keys(data: &std::path::Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lambent"))
        .arg("keys")
        .args(arguments)
        .args(["--data", data.to_str().unwrap()])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn keys_are_made_listed_rotated_and_revoked_beside_a_running_api_and_without_one() {
    let upstream = Upstream::start().await;
    let data = tempfile::tempdir().unwrap();
    let create = [
        "create",
        "--name",
        "alice",
        "--scope",
        "analyse",
        "--rate",
        "60/min",
        "--burst",
        "10",
        "--budget",
        "5.00/month",
    ];
    let (done, before, said) = keys(data.path(), &create).await;
    assert!(done, "{said}");
    assert!(said.contains("cannot be shown again"), "{said}");

    let mut child = lambent(
        &upstream,
        &["--port", "0", "--data", data.path().to_str().unwrap()],
    )
    .spawn()
    .unwrap();
    let (url, _, _stderr) = welcomed(&mut child).await;
    install_crypto();
    let status = async |key: &str| {
        let sent = reqwest::Client::new()
            .post(format!("{url}/analyse"))
            .header("x-api-key", key.trim());
        sent.json(&summary()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&before).await, 200, "made before");
    let (done, key, said) = keys(data.path(), &create).await;
    assert!(done, "{said}");
    assert_eq!(status(&key).await, 200, "made beside");
    let id = ApiKey::parse(key.trim()).unwrap().id().to_owned();
    let (_, list, _) = keys(data.path(), &["list"]).await;
    let line = list.lines().find(|line| line.starts_with(&id)).unwrap();
    for part in ["alice", "analyse", "1 in 1000 ms, burst 10", "$5.00 of $5.00"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(
        list.lines().count(),
        4,
        "a head, the developer's key and two: {list}"
    );
    assert!(
        !list.contains(
            ApiKey::parse(key.trim())
                .unwrap()
                .reveal()
                .rsplit_once('_')
                .unwrap()
                .1
        )
    );

    let (done, rotated, _) = keys(data.path(), &["rotate", &id, "--keep-old", "0s"]).await;
    assert!(done);
    assert_eq!((status(&key).await, status(&rotated).await), (401, 200));
    assert!(keys(data.path(), &["revoke", &id]).await.0);
    assert_eq!(status(&rotated).await, 401);
    let (done, _, said) = keys(data.path(), &["revoke", &id]).await;
    assert!(!done && said.contains("there is no key"), "{said}");
    for wrong in [
        &["create", "--name", "x", "--scope", "everything"][..],
        &["create", "--name", "x", "--scope", "analyse", "--rate", "often"],
    ] {
        assert!(!keys(data.path(), wrong).await.0, "{wrong:?}");
    }
    stopped(child).await;
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
        ("LAMBENT_MODEL_PRICE", "cheap"),
        ("LAMBENT_TOKEN_RATE", "often"),
        ("LAMBENT_KEY_PEPPER", "short"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = lambent(
            &upstream,
            &["--port", "0", "--data", data.path().to_str().unwrap()],
        );
        // Elsewhere than on this machine a model needs a price.
        command.env("LAMBENT_MODEL_PRICE", "1/1");
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
                .last_of_caller(&lambent_store::CallerId::anonymous(), 10)
                .await
                .unwrap()
                .len(),
            expected
        );
        stopped(child).await;
    }
}
