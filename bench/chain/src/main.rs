//! What `POST /ask` itself costs a request, beside the calls that it waits for.
//!
//! `cargo run --release -p lambent-bench-chain`. The function's router, with the gate that decides over callers, is in this process, in a
//! runtime of one thread; database and provider are in another one, on loopback, and answer at once. Requests come one after the other.
//! Each kind of question has its turn in each round; a figure is the median of the rounds'.
//!
//! | column | what is counted |
//! |---|---|
//! | total | from the request, in memory, to the last byte of its answer |
//! | outside | the total without `auth`, `embed`, `search`, `model` and `log`, as the answer's `Server-Timing` has them: the stages that wait for the database or the provider. What is left is routing, reading and validating the body, choosing sources, the prompt, citations (`parse`) and the answer's JSON |
//! | parse | of that, citations |
//! | processor | what the thread has used, for everything: also what it does within those stages, which is to write and read HTTP and JSON of calls |
//!
//! p50 and p99 are of a turn's requests. The first write of the record goes on beside the other stages, and its processor time is in
//! theirs. No socket to the caller, no TLS and no Lambda: what those cost is not counted.
#![allow(clippy::print_stdout, reason = "it prints its results")]

mod cloud;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Body};
use clap::Parser;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use lambent_callers::{CallersConfig, Guard, Pepper};
use lambent_llm::{Embedder, EmbeddingConfig, ModelConfig, Models, Price};
use lambent_retrieval::Library;
use lambent_service::{Service, ServiceConfig};
use lambent_store::{Store, StoreConfig};
use tower::ServiceExt as _;

use cloud::{Addresses, Cloud};

/// Measures what the chain costs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds; each kind of question has its turn in each.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Requests of a turn, one after the other.
    #[arg(long, default_value_t = 200)]
    requests: u32,
    /// Only the kind of question of this name.
    #[arg(long, value_name = "KIND")]
    only: Option<String>,
    /// Serves what is reached from here instead.
    #[arg(long, hide = true)]
    serve: bool,
}

/// The stages that wait for somebody else.
const WAITING: &[&str] = &["auth", "embed", "search", "model", "log"];

/// A kind of question.
struct Kind {
    name: &'static str,
    body: String,
    turns: Vec<Turn>,
}

/// What the requests of a turn took, in microseconds.
#[derive(Default)]
struct Turn {
    total: Vec<f64>,
    outside: Vec<f64>,
    parse: Vec<f64>,
    /// For one request.
    processor: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.serve {
        return cloud::serve().await;
    }
    let cloud = Cloud::start().await?;
    let router = router(&cloud.addresses)?;
    let key = cloud.addresses.key.as_str();
    let mut kinds = kinds();
    if let Some(name) = &arguments.only {
        kinds.retain(|kind| kind.name == name);
        anyhow::ensure!(!kinds.is_empty(), "there is no kind {name:?}");
    }
    for kind in &kinds {
        turn(&router, key, &kind.body, 30).await?;
    }
    for _ in 0..arguments.rounds {
        for kind in &mut kinds {
            let turn = turn(&router, key, &kind.body, arguments.requests).await?;
            kind.turns.push(turn);
        }
    }
    print(&kinds);
    Ok(())
}

fn kinds() -> Vec<Kind> {
    let question = "When does the night train leave?";
    let kind = |name, body: serde_json::Value| Kind {
        name,
        body: body.to_string(),
        turns: Vec::new(),
    };
    vec![
        kind(
            "5 sources",
            serde_json::json!({"question": question, "min_score": 0.5}),
        ),
        kind(
            "20 sources",
            serde_json::json!({"question": question, "min_score": 0.5, "top_k": 20}),
        ),
        kind(
            "nothing found",
            serde_json::json!({"question": question, "min_score": 1.0}),
        ),
    ]
}

fn router(addresses: &Addresses) -> anyhow::Result<Router> {
    let store = Store::connect(&StoreConfig::local(&addresses.database));
    let config = CallersConfig::new(Pepper::new(&addresses.pepper).context("a pepper")?);
    let guard = Guard::new(&config, store.callers()?)?;
    let service = Service::new(ServiceConfig::default(), store.requests()).guarded(Arc::new(guard));
    let models = Models::new(ModelConfig {
        url: Some(addresses.model.clone()),
        price: Some(Price::FREE),
        ..ModelConfig::new("openai::test-model")
    })?;
    let embedder = Embedder::new(EmbeddingConfig {
        url: Some(addresses.model.clone()),
        ..EmbeddingConfig::new("openai::text-embedding-3-small")
    })?;
    let library = Library {
        documents: store.documents()?,
        embedder,
    };
    Ok(ask::router(&service, models, library))
}

async fn turn(router: &Router, key: &str, body: &str, requests: u32) -> anyhow::Result<Turn> {
    let mut turn = Turn::default();
    let processor = processor_time()?;
    for _ in 0..requests {
        let request = Request::post("/ask")
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))?;
        let router = router.clone();
        let began = Instant::now();
        let answer = router.oneshot(request).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        let total = began.elapsed().as_secs_f64() * 1e6;
        anyhow::ensure!(parts.status == StatusCode::OK, "{}: {body:?}", parts.status);
        let stages = stages(&parts.headers)?;
        let waited: f64 = WAITING.iter().filter_map(|stage| stages.get(*stage)).sum();
        turn.total.push(total);
        turn.outside.push(total - waited);
        turn.parse.push(stages.get("parse").copied().unwrap_or_default());
    }
    let used = processor_time()?.saturating_sub(processor);
    turn.processor = used.as_secs_f64() * 1e6 / f64::from(requests);
    Ok(turn)
}

/// The stages of an answer, in microseconds.
fn stages(headers: &HeaderMap) -> anyhow::Result<BTreeMap<String, f64>> {
    let header = headers.get("server-timing").context("Server-Timing")?.to_str()?;
    let stage = |part: &str| -> anyhow::Result<(String, f64)> {
        let (name, took) = part.split_once(";dur=").context("a stage")?;
        Ok((name.to_owned(), took.parse::<f64>()? * 1000.0))
    };
    header.split(", ").map(stage).collect()
}

/// What this thread, which is the only one that works, has used so far.
fn processor_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("a number")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The value below which this part of the values is.
fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among a few hundred"
    )]
    let place = (part * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

fn print(kinds: &[Kind]) {
    println!(
        "| | total p50, µs | p99 | outside p50, µs | p99 | parse p50, µs | p99 | processor, µs |\n|---|---|---|---|---|---|---|---|"
    );
    for kind in kinds {
        let median = |of: &dyn Fn(&Turn) -> f64| {
            let values: Vec<f64> = kind.turns.iter().map(of).collect();
            percentile(&values, 0.5)
        };
        let columns: [fn(&Turn) -> &[f64]; 3] =
            [|turn| &turn.total, |turn| &turn.outside, |turn| &turn.parse];
        let columns = columns.map(|column| {
            let of = |part: f64| median(&|turn| percentile(column(turn), part));
            format!("{:.0} | {:.0}", of(0.5), of(0.99))
        });
        println!(
            "| {} | {} | {:.0} |",
            kind.name,
            columns.join(" | "),
            median(&|turn| turn.processor)
        );
    }
}
