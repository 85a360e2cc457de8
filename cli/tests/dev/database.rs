//! What it does without its database, and what a process leaves that is killed.

use super::*;

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
