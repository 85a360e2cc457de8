//! How many bodies of `POST /search` a second of a processor validates: request in memory, router, `Valid<T>`, and the answer, which is empty or
//! says all that is wrong. `bench/peers/validation.py` is the same in FastAPI and Flask.
#![allow(clippy::print_stdout, reason = "it prints its results")]

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Body, routing::post};
use clap::Parser;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lambent_schema::endpoints::search::SearchRequest;
use lambent_service::Valid;
use serde_json::json;
use tower::ServiceExt as _;

/// Counts validations.
#[derive(Debug, Parser)]
struct Arguments {
    /// The file with the body.
    body: PathBuf,
    /// The status that it is to get: 204 or 422.
    status: u16,
    /// For how long, in seconds.
    seconds: f64,
}

async fn accept(Valid(_): Valid<SearchRequest>) -> StatusCode {
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let body = std::fs::read(&arguments.body)?;
    let router: Router = Router::new().route("/", post(accept));
    // The schema is compiled for the first body.
    ask(&router, &body, arguments.status).await?;
    let (processor, began) = (processor_time()?, Instant::now());
    let mut count = 0_u32;
    while began.elapsed().as_secs_f64() < arguments.seconds {
        ask(&router, &body, arguments.status).await?;
        count += 1;
    }
    let used = processor_time()?.saturating_sub(processor);
    println!(
        "{}",
        json!({"per_cpu_second": f64::from(count) / used.as_secs_f64()})
    );
    Ok(())
}

async fn ask(router: &Router, body: &[u8], status: u16) -> anyhow::Result<()> {
    let request = Request::post("/")
        .header("content-type", "application/json")
        .body(Body::from(body.to_vec()))?;
    let answer = router.clone().oneshot(request).await?;
    anyhow::ensure!(answer.status().as_u16() == status, "{}", answer.status());
    answer.into_body().collect().await?;
    Ok(())
}

/// What this thread, which is the only one that works, has used so far.
fn processor_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("a number")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
