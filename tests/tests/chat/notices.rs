//! Sockets that are near their end: their clients are told before.

use std::time::Duration;

use lambent_chat::ChatConfig;
use lambent_tests::{api::Api, chat::Chat};
use serde_json::json;
use tokio::time::{Instant, sleep};

async fn api(idle: u64, age: u64) -> Api {
    Api::configured(|config| {
        config.chat = ChatConfig {
            idle: Duration::from_secs(idle),
            age: Duration::from_secs(age),
            notice: Duration::from_secs(3),
            ..ChatConfig::default()
        };
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_silent_is_told_before_its_socket_is_closed() {
    let api = api(6, 600).await;
    let mut chat = Chat::open(&api).await;
    let opened = Instant::now();
    let notice = chat.until("reconnect").await;
    assert_eq!(notice["reason"], "idle");
    assert!(
        (1..=3).contains(&notice["in_seconds"].as_u64().unwrap()),
        "{notice}"
    );
    let told = opened.elapsed();
    assert!(told >= Duration::from_millis(2900), "{told:?}");
    assert!(chat.next().await.is_err());
    assert!(
        opened.elapsed() >= Duration::from_millis(5500),
        "{:?}",
        opened.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_something_keeps_its_socket() {
    let api = api(6, 600).await;
    let mut chat = Chat::open(&api).await;
    for _ in 0..8 {
        sleep(Duration::from_secs(1)).await;
        chat.send(&json!({"type": "ping"})).await;
        assert_eq!(chat.next().await.unwrap(), json!({"type": "pong"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_before_its_socket_is_too_old() {
    let api = api(600, 6).await;
    let mut chat = Chat::open(&api).await;
    let opened = Instant::now();
    let notice = chat.until("reconnect").await;
    assert_eq!(notice["reason"], "age");
    assert!(
        (1..=3).contains(&notice["in_seconds"].as_u64().unwrap()),
        "{notice}"
    );
    // Once.
    assert_eq!(chat.next().await, Err(1001));
    assert!(opened.elapsed() >= Duration::from_millis(5900));
}
