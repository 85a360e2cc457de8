//! What `POST /v1/chat/completions` adds to the answer of the provider that it is passed on to.
//!
//! `cargo run --release -p lambent-bench-pass-through`. The function's router, with the gate that decides over callers, is in this process, in
//! a runtime of one thread; database and provider are in another one, on loopback. The provider writes 200 tokens, one a millisecond, each
//! an event. A request through the function and one to the provider itself take turns, by the same HTTP client; what is printed is of all
//! requests of a kind, and their difference.
//!
//! | column | what is counted |
//! |---|---|
//! | first token | from the request to the first event that has a piece of the answer |
//! | per token | from the first event to the last, by the number of tokens: the provider's pace is in both |
//! | processor | what this thread has used for the whole request, by the number of tokens: directly, to send it and to read the events; through the function, to do the same and everything else |
//!
//! Through the function there is no socket to the caller, no TLS and no Lambda; its decision over the caller (a write to the database) and
//! its record are in the first token's time.
#![allow(clippy::print_stdout, reason = "it prints its results")]

mod cloud;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Body};
use chat_completions::router;
use clap::Parser;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lambent_callers::{CallersConfig, Guard, Pepper};
use lambent_llm::{
    ModelConfig, Price,
    relay::{ChatModels, TableConfig},
};
use lambent_service::{Service, ServiceConfig};
use lambent_store::{Store, StoreConfig};
use tower::ServiceExt as _;

use cloud::{Addresses, Cloud, TOKENS};

/// Measures what passing on adds.
#[derive(Debug, Parser)]
struct Arguments {
    /// Requests of each kind, in turn.
    #[arg(long, default_value_t = 100)]
    requests: usize,
    /// Serves what is reached from here instead.
    #[arg(long, hide = true)]
    serve: bool,
}

/// What a request took, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    first_token: f64,
    per_token: f64,
    processor_per_token: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.serve {
        return cloud::serve().await;
    }
    let cloud = Cloud::start().await?;
    let far = Far {
        http: lambent_http::client().build()?,
        url: format!("{}/chat/completions", cloud.addresses.model),
    };
    let near = Near {
        router: function(&cloud.addresses)?,
        key: cloud.addresses.key.clone(),
    };
    let (mut direct, mut passed) = (Vec::new(), Vec::new());
    for turn in 0..arguments.requests + 5 {
        let (one, other) = (far.ask().await?, near.ask().await?);
        // The first ones open connections.
        if turn >= 5 {
            direct.push(one);
            passed.push(other);
        }
    }
    print(&direct, &passed);
    Ok(())
}

fn body() -> String {
    let question = "When does the night train leave? ".repeat(20);
    serde_json::json!({
        "model": "test-model", "stream": true, "temperature": 0.2,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}],
        "stream_options": {"include_usage": true}, "max_tokens": 1000,
    })
    .to_string()
}

fn function(addresses: &Addresses) -> anyhow::Result<Router> {
    let store = Store::connect(&StoreConfig::local(&addresses.database));
    let config = CallersConfig::new(Pepper::new(&addresses.pepper).context("a pepper")?);
    let guard = Guard::new(&config, store.callers()?)?;
    let service = Service::new(ServiceConfig::default(), store.requests()).guarded(Arc::new(guard));
    let model = ModelConfig {
        url: Some(addresses.model.clone()),
        price: Some(Price::FREE),
        ..ModelConfig::new("openai::test-model")
    };
    Ok(router(
        &service,
        ChatModels::new(&model, &TableConfig::default())?,
    ))
}

/// The provider itself.
struct Far {
    http: reqwest::Client,
    url: String,
}

impl Far {
    async fn ask(&self) -> anyhow::Result<Took> {
        let mut clock = Clock::start()?;
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json");
        let mut response = request.body(body()).send().await?;
        anyhow::ensure!(response.status() == StatusCode::OK);
        while let Some(bytes) = response.chunk().await? {
            clock.heard(&bytes);
        }
        clock.took()
    }
}

/// The function.
struct Near {
    router: Router,
    key: String,
}

impl Near {
    async fn ask(&self) -> anyhow::Result<Took> {
        let mut clock = Clock::start()?;
        let request = Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Body::from(body()))?;
        let response = self.router.clone().oneshot(request).await?;
        anyhow::ensure!(response.status() == StatusCode::OK, "{}", response.status());
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                clock.heard(&bytes);
            }
        }
        clock.took()
    }
}

struct Clock {
    began: Instant,
    processor: Duration,
    first: Option<Instant>,
    last: Instant,
    end: Vec<u8>,
}

impl Clock {
    fn start() -> anyhow::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            began: now,
            processor: processor_time()?,
            first: None,
            last: now,
            end: Vec::new(),
        })
    }

    fn heard(&mut self, bytes: &[u8]) {
        self.last = Instant::now();
        if self.first.is_none() && bytes.windows(5).any(|window| window == b"token") {
            self.first = Some(self.last);
        }
        self.end = bytes.to_vec();
    }

    fn took(self) -> anyhow::Result<Took> {
        anyhow::ensure!(self.end.ends_with(b"data: [DONE]\n\n"), "the answer is not whole");
        let first = self.first.context("a first token")?;
        let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
        let processor = processor_time()?.saturating_sub(self.processor);
        Ok(Took {
            first_token: microseconds(first - self.began),
            per_token: microseconds(self.last - first) / TOKENS as f64,
            processor_per_token: microseconds(processor) / TOKENS as f64,
        })
    }
}

/// What this thread, which is the only one that works, has used so far.
fn processor_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("a number")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The value below which this part of the values is.
fn percentile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among a few hundred"
    )]
    let place = (part * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

fn print(direct: &[Took], passed: &[Took]) {
    println!(
        "{} requests of each kind, {TOKENS} tokens each; microseconds\n",
        direct.len()
    );
    println!("| | direct p50 | p99 | passed on p50 | p99 | added p50 | p99 |\n|---|---|---|---|---|---|---|");
    let columns: [fn(&Took) -> f64; 3] = [
        |took| took.first_token,
        |took| took.per_token,
        |took| took.processor_per_token,
    ];
    let names = ["first token", "per token", "processor, per token"];
    for (name, of) in names.iter().zip(columns) {
        let of = |values: &[Took], part| percentile(values.iter().map(of), part);
        let (d50, d99) = (of(direct, 0.5), of(direct, 0.99));
        let (p50, p99) = (of(passed, 0.5), of(passed, 0.99));
        println!(
            "| {name} | {d50:.1} | {d99:.1} | {p50:.1} | {p99:.1} | {:.1} | {:.1} |",
            p50 - d50,
            p99 - d99
        );
    }
}
