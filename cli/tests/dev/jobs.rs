//! Jobs survive what runs them.

use lambent_callers::ApiKey;
use reqwest::{Client, RequestBuilder};

use super::*;

/// The developer's key in this folder.
fn key(data: &std::path::Path) -> String {
    let key = std::fs::read_to_string(data.join("key")).unwrap();
    ApiKey::parse(key.trim()).unwrap().reveal()
}

async fn told(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn jobs_are_done_though_the_process_that_took_them_is_killed() {
    let upstream = Upstream::start().await;
    // Nothing ends before the process does.
    upstream.otherwise(Answer::as_asked().paced(Duration::from_secs(60), Duration::ZERO));
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let start = || {
        let mut command = lambent(&upstream, &["--port", "0", "--data", folder]);
        command.env("LAMBENT_JOB_LEASE_SECS", "1");
        command.spawn().unwrap()
    };
    let mut first = start();
    let (url, ..) = welcomed(&mut first).await;
    install_crypto();
    let (client, key) = (Client::new(), key(data.path()));
    let mut ids = Vec::new();
    for _ in 0..20 {
        let sent = client
            .post(format!("{url}/analyse/async"))
            .header("x-api-key", &key);
        let accepted = told(sent.json(&summary())).await;
        ids.push(accepted["job_id"].as_str().unwrap().to_owned());
    }
    upstream.until(|counts| counts.open > 0).await;
    first.kill().await.unwrap();

    upstream.otherwise(Answer::as_asked());
    let mut second = start();
    let (url, ..) = welcomed(&mut second).await;
    for id in &ids {
        let waiting = client.get(format!("{url}/jobs/{id}?wait=20"));
        let job = told(waiting.header("x-api-key", &key)).await;
        assert_eq!(job["status"], "succeeded", "{job:#}");
    }
    assert!(upstream.counts().requests <= 20 + 10);
    stopped(second).await;
}
