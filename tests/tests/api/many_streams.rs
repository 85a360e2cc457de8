//! Many streams at once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lambent_tests::{
    api::{Api, report, request},
    sse::Events,
    upstream::Answer,
};

const STREAMS: usize = 200;
const CALLERS: usize = 20;
const WORDS: usize = 41;

/// The process's memory in MB: now, and the most so far.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |field: &str| {
        let line = status.lines().find(|line| line.starts_with(field))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_streams_are_held_for_twenty_seconds_and_none_fails() {
    let api = Api::start().await;
    let words = vec!["word"; WORDS].join(" ");
    api.upstream
        .otherwise(Answer::text(&words).paced(Duration::ZERO, Duration::from_millis(500)));
    let before = memory();
    let began = Instant::now();
    let body = request(&report(), "summary", "markdown");
    let keys = join_all((0..CALLERS).map(|_| api.new_key(|_| {}))).await;
    let answers = join_all((0..STREAMS).map(async |n| {
        let sent = api
            .posting("/analyse/stream", &body)
            .bearer_auth(keys[n % CALLERS].reveal());
        sent.send().await.unwrap().text().await.unwrap()
    }))
    .await;
    for answer in &answers {
        let events = Events::parse(answer);
        assert_eq!((events.text(), events.terminal().0), (words.clone(), "done"));
    }
    assert!(began.elapsed() > Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(api.upstream.counts().most_open, STREAMS as u64);
    println!(
        "{STREAMS} streams for {:.1} s; memory in MB (now, most) of API, upstream and client together: {before:?} before, {:?} after",
        began.elapsed().as_secs_f64(),
        memory()
    );
    assert_eq!(api.records(STREAMS).await.len(), STREAMS);
}
