//! What it says when it starts, and what is there after a restart.

use super::*;

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
