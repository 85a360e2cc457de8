//! What the decision over callers costs a request of `/analyse`: calls to DynamoDB, processor time and time, beside the same
//! function with a gate that lets everybody in. Database, model and issuer are in another process, on loopback.
//!
//! `cargo run --release -p lambent-bench-callers`. Ways to come take turns; medians of the rounds.
#![allow(clippy::print_stdout, reason = "it prints its results")]

mod cloud;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Body};
use clap::Parser;
use futures::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lambent_callers::{CallersConfig, Guard, Pepper};
use lambent_llm::{ModelConfig, Models, Price};
use lambent_service::{Admitted, Asking, Caller, Failure, Gate, Service, ServiceConfig};
use lambent_store::{CallerId, Store, StoreConfig};
use lambent_tokens::TokenConfig;
use tower::ServiceExt as _;

use cloud::{Addresses, Cloud, Counts};

/// Measures what the decision over callers costs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds; each way to come has its turn in each.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Requests of a turn, one after the other.
    #[arg(long, default_value_t = 100)]
    requests: u32,
    /// Serves what is reached from here instead.
    #[arg(long, hide = true)]
    serve: bool,
}

/// Lets everybody in, and asks nobody.
#[derive(Debug)]
struct Open;

impl Gate for Open {
    fn admit<'a>(&'a self, _: Asking<'a>) -> BoxFuture<'a, Result<Admitted, Failure>> {
        Box::pin(async {
            Ok(Admitted {
                caller: Caller {
                    id: CallerId::anonymous(),
                    scopes: Vec::new(),
                    max_output_tokens: None,
                },
                limits: None,
                hold: None,
            })
        })
    }
}

/// A way to come: its name, the function behind its gate, and its credentials.
struct Way {
    name: &'static str,
    router: Router,
    header: (&'static str, String),
    turns: Vec<Turn>,
    counts: Counts,
}

/// One turn, for one request.
#[derive(Clone, Copy)]
struct Turn {
    processor: f64,
    time: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.serve {
        return cloud::serve().await;
    }
    let cloud = Cloud::start().await?;
    let mut ways = ways(&cloud.addresses)?;
    for way in &ways {
        turn(way, 20).await?;
    }
    for _ in 0..arguments.rounds {
        for way in &mut ways {
            let before = cloud.counts().await?;
            let measured = turn(way, arguments.requests).await?;
            way.turns.push(measured);
            for (operation, count) in cloud.counts().await? {
                let more = count - before.get(&operation).copied().unwrap_or(0);
                *way.counts.entry(operation).or_default() += more;
            }
        }
    }
    print(&ways, f64::from(arguments.requests) * arguments.rounds as f64);
    Ok(())
}

fn ways(addresses: &Addresses) -> anyhow::Result<Vec<Way>> {
    let [idle, busy] = &addresses.keys;
    let key = |key: &str| ("x-api-key", key.to_owned());
    let bearer = ("authorization", format!("Bearer {}", addresses.token));
    [
        ("nobody is asked", false, key(idle)),
        ("a key that was idle", true, key(idle)),
        ("a key that is busy", true, key(busy)),
        ("a token", true, bearer),
    ]
    .into_iter()
    .map(|(name, is_guarded, header)| {
        Ok(Way {
            name,
            router: router(addresses, is_guarded)?,
            header,
            turns: Vec::new(),
            counts: Counts::new(),
        })
    })
    .collect()
}

fn router(addresses: &Addresses, is_guarded: bool) -> anyhow::Result<Router> {
    let store = Store::connect(&StoreConfig::local(&addresses.database));
    let service = Service::new(ServiceConfig::default(), store.requests());
    let gate: Arc<dyn Gate> = if is_guarded {
        let mut config = CallersConfig::new(Pepper::new(&addresses.pepper).context("a pepper")?);
        config.tokens = Some(TokenConfig::new(&addresses.issuer, &addresses.audience));
        config.token_limits.rate.interval_ms = 1;
        config.token_limits.rate.burst = 1_000_000;
        Arc::new(Guard::new(&config, store.callers()?)?)
    } else {
        Arc::new(Open)
    };
    let models = Models::new(ModelConfig {
        url: Some(addresses.model.clone()),
        price: Some(Price::FREE),
        ..ModelConfig::new("openai::test-model")
    })?;
    Ok(analyse::router(&service.guarded(gate), models, store.jobs()?))
}

async fn turn(way: &Way, requests: u32) -> anyhow::Result<Turn> {
    let (processor, began) = (processor_time()?, Instant::now());
    for _ in 0..requests {
        let (name, value) = &way.header;
        let body = r#"{"text": "A text of some length.", "analysis_type": "summary"}"#;
        let request = Request::post("/analyse")
            .header(*name, value)
            .header("content-type", "application/json")
            .body(Body::from(body))?;
        let answer = way.router.clone().oneshot(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::ensure!(status == StatusCode::OK, "{}: {status} {body:?}", way.name);
    }
    let each = |duration: Duration| duration.as_secs_f64() * 1e6 / f64::from(requests);
    Ok(Turn {
        processor: each(processor_time()?.saturating_sub(processor)),
        time: each(began.elapsed()),
    })
}

/// What this thread, which is the only one that works, has used so far.
fn processor_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("a number")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn print(ways: &[Way], requests: f64) {
    println!(
        "| | DynamoDB calls a request | processor, µs | more | time, µs | more |\n|---|---|---|---|---|---|"
    );
    let medians = |way: &Way| {
        let median = |of: fn(&Turn) -> f64| {
            let mut values: Vec<f64> = way.turns.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        (median(|turn| turn.processor), median(|turn| turn.time))
    };
    let base = ways.first().map(medians).unwrap_or_default();
    for way in ways {
        let (processor, time) = medians(way);
        let calls: Vec<String> = way
            .counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(operation, count)| format!("{:.2} {operation}", *count as f64 / requests))
            .collect();
        println!(
            "| {} | {} | {processor:.0} | {:.0} | {time:.0} | {:.0} |",
            way.name,
            calls.join(", "),
            processor - base.0,
            time - base.1
        );
    }
}
