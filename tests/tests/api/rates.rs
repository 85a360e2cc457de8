//! How often a caller may call.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lambent_callers::ApiKey;
use lambent_store::callers::Rate;
use lambent_tests::api::Api;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::callers::with_key;

/// Long enough that twenty requests arrive within it on a machine that is busy.
const INTERVAL: Duration = Duration::from_secs(20);

async fn at_burst_five(api: &Api) -> ApiKey {
    api.new_key(|key| {
        key.limits.rate = Rate {
            interval_ms: INTERVAL.as_millis() as u64,
            burst: 5,
        };
    })
    .await
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

/// The `r` of a `ratelimit` header: how many requests are left.
fn remaining(answer: &Response) -> u64 {
    let header = header(answer, "ratelimit");
    let rest = header.strip_prefix("\"default\";r=").expect(&header);
    rest.split_once(";t=").expect(&header).0.parse().unwrap()
}

/// Asserts a 429 of the rate and returns the seconds to wait.
async fn retry_after(answer: Response) -> u64 {
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds = header(&answer, "retry-after");
    assert_eq!(header(&answer, "ratelimit-policy"), "\"default\";q=5;w=100");
    assert_eq!(
        header(&answer, "ratelimit"),
        format!("\"default\";r=0;t={seconds}")
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "rate_limited");
    assert_eq!(problem["retry_after"].to_string(), seconds);
    seconds.parse().unwrap()
}

#[tokio::test]
async fn of_twenty_at_once_the_burst_passes_and_whoever_waits_as_told_passes_then() {
    let api = Api::start().await;
    let key = at_burst_five(&api).await.reveal();
    let answers = join_all((0..20).map(|_| with_key(&api, &key))).await;
    let (passed, refused): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|answer| answer.status() == StatusCode::OK);
    assert_eq!((passed.len(), refused.len()), (5, 15));
    // Whoever took its time before others and was counted after them is told of less than is left, and never of more.
    let mut left: Vec<_> = passed.iter().map(remaining).collect();
    left.sort_unstable();
    for (left, n) in left.iter().zip(0..) {
        assert!(*left <= n, "{left} of {n}");
    }
    let mut waits = Vec::new();
    for answer in refused {
        waits.push(retry_after(answer).await);
    }
    let told = Instant::now();
    assert!(
        waits.iter().all(|wait| (1..=INTERVAL.as_secs()).contains(wait)),
        "{waits:?}"
    );
    // Asked at once again, it is the same time still to wait, or less.
    assert!(retry_after(with_key(&api, &key).await).await <= waits[0]);
    tokio::time::sleep(Duration::from_secs(waits[0]).saturating_sub(told.elapsed())).await;
    assert_eq!(with_key(&api, &key).await.status(), StatusCode::OK);
    assert_eq!(api.upstream.counts().requests, 6);
}

#[tokio::test]
async fn one_after_the_other_each_is_told_what_is_left() {
    let api = Api::start().await;
    let key = at_burst_five(&api).await.reveal();
    for left in (0..5).rev() {
        let answer = with_key(&api, &key).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(remaining(&answer), left);
    }
    retry_after(with_key(&api, &key).await).await;
}

#[tokio::test]
async fn the_limit_holds_across_two_apis_on_one_table_and_for_each_caller_alone() {
    let api = Api::start().await;
    let key = at_burst_five(&api).await.reveal();
    let other = at_burst_five(&api).await.reveal();
    let second = api.beside().await;
    let client = reqwest::Client::new();
    let body = lambent_tests::api::request("A text of some length.", "summary", "json");
    let answers = join_all((0..20).map(|n| {
        let url = if n % 2 == 0 {
            api.url("/analyse")
        } else {
            format!("{}/analyse", second.url)
        };
        client.post(url).header("x-api-key", &key).json(&body).send()
    }))
    .await;
    let passed = answers
        .iter()
        .filter(|answer| answer.as_ref().unwrap().status() == StatusCode::OK);
    assert_eq!(passed.count(), 5);
    assert_eq!(with_key(&api, &other).await.status(), StatusCode::OK);
}
