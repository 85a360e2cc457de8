//! Environments from start to freeze: with the real functions.

use std::time::{Duration, Instant};

use axum::body::Body;
use futures::StreamExt as _;
use http::{Response, StatusCode};
use lambent_runtime_api::{EnvironmentInfo, Function};
use lambent_store::State;
use lambent_tests::{
    api::{report, request},
    sse::Events,
    upstream::Answer,
};

use crate::cloud::{Cloud, call, folder, post, text};

const STREAM: &str = "/analyse/stream";

/// The environments that wait for an event, once there is one: it comes back a moment after its answer.
pub(crate) async fn idle(function: &Function) -> Vec<EnvironmentInfo> {
    for _ in 0..500 {
        let idle = function.idle();
        if !idle.is_empty() {
            return idle;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no environment came back");
}

async fn stream(function: &Function) -> Response<Body> {
    let body = request(&report(), "summary", "markdown").to_string();
    let answer = call(function, post(STREAM, &[], body)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer
}

#[tokio::test]
async fn pieces_arrive_as_they_are_sent() {
    let Some(folder) = folder() else { return };
    let cloud = Cloud::start().await;
    let function = cloud.function(&folder, "analyse-stream");
    let pause = Duration::from_millis(200);
    let words = "one two three four five six";
    cloud
        .upstream
        .otherwise(Answer::text(words).paced(Duration::ZERO, pause));
    // Once for the connections.
    text(stream(&function).await).await;

    let mut pieces = stream(&function).await.into_body().into_data_stream();
    let mut arrivals = Vec::new();
    let mut body = String::new();
    while let Some(piece) = pieces.next().await {
        arrivals.push(Instant::now());
        body.push_str(str::from_utf8(&piece.unwrap()).unwrap());
    }
    assert_eq!(Events::parse(&body).text(), words);
    let gaps: Vec<_> = arrivals
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1e3)
        .collect();
    println!("pieces sent every {pause:?} arrived after {gaps:.1?} ms");
    // Together they would have arrived within one.
    assert!(arrivals[arrivals.len() - 1] - arrivals[0] > pause * 3, "{gaps:?}");
}

#[tokio::test]
async fn the_record_is_written_before_the_process_is_frozen() {
    let Some(folder) = folder() else { return };
    let cloud = Cloud::start().await;
    let function = cloud.function(&folder, "analyse-stream");
    text(stream(&function).await).await;
    let info = idle(&function).await[0];
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", info.pid)).unwrap();
    let state = stat.rsplit_once(") ").unwrap().1.chars().next();
    assert_eq!(state, Some('T'), "stopped by a signal: {stat}");
    let records = cloud.records().await;
    assert_eq!(
        records.iter().map(|record| record.state).collect::<Vec<_>>(),
        [State::Done]
    );
}

#[tokio::test]
async fn a_warm_invocation_uses_the_process_and_its_connections_again() {
    let Some(folder) = folder() else { return };
    let cloud = Cloud::start().await;
    let function = cloud.function(&folder, "analyse-stream");
    for served in 1..=3 {
        text(stream(&function).await).await;
        let idle = idle(&function).await;
        assert_eq!(idle.iter().map(|info| info.served).collect::<Vec<_>>(), [served]);
    }
    let counts = cloud.upstream.counts();
    assert_eq!((counts.requests, counts.connections), (3, 1));
}

#[tokio::test]
async fn requests_at_once_get_an_environment_each() {
    let Some(folder) = folder() else { return };
    let cloud = Cloud::start().await;
    let function = cloud.function(&folder, "analyse-stream");
    let slow = Answer::text("one two three").paced(Duration::ZERO, Duration::from_millis(300));
    cloud.upstream.otherwise(slow);
    let answers = futures::future::join_all((0..5).map(async |_| text(stream(&function).await).await)).await;
    for answer in answers {
        assert_eq!(Events::parse(&answer).terminal().0, "done");
    }
    assert_eq!(cloud.upstream.counts().most_open, 5);
}
