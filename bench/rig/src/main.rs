//! What every contestant of `bench/run` reaches, in one process: a model provider that answers with fixed delays, and a DynamoDB with
//! callers and their documents. It says on standard output where everything is, and ends with its standard input.
//!
//! | at | |
//! |---|---|
//! | `model` | the provider of the tests (`lambent_tests::upstream`), slowed down: answers to `/ask` and `/analyse`, embeddings |
//! | `model_at_once` | the same without delays, to measure how much of it there is |
//! | `database` | dynoxide, in memory |
//! | `database_counted` | the same, behind a proxy that counts its calls: for checks, not for measurements |
//! | `counts` | what provider and proxy have counted, as JSON |
#![allow(clippy::print_stdout, reason = "it says where everything is")]

mod counted;

use std::time::Duration;

use axum::{Json, Router, extract::State, routing::get};
use clap::Parser;
use counted::Counted;
use lambent_callers::ApiKey;
use lambent_store::{CallerId, callers::Rate};
use lambent_tests::{
    database::{Database, new_key},
    documents::{Document, put},
    upstream::{Answer, Fault, Upstream, tokens},
};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

/// Serves a provider and a database.
#[derive(Debug, Parser)]
struct Arguments {
    /// Milliseconds from a request to its answer's first token.
    #[arg(long, default_value_t = 200)]
    first_token: u64,
    /// Milliseconds from token to token.
    #[arg(long, default_value_t = 10)]
    between_tokens: u64,
    /// Milliseconds that embeddings take.
    #[arg(long, default_value_t = 20)]
    embedding: u64,
    /// Callers, each with a key and a document.
    #[arg(long, default_value_t = 20)]
    callers: usize,
    /// Chunks of each document.
    #[arg(long, default_value_t = 10)]
    chunks: usize,
}

/// About 1,000 characters, as chunks have.
const CHUNK: &str = "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and arrives at \
    Chamartin at 8:10. Sleeping cars are booked with the national railways. ";
/// What is answered to questions: four sentences, of which three have marks of sources.
const ANSWER: &str = "The night train leaves Santa Apolonia at 21:40 [1]. It arrives at Chamartin at 8:10 in the morning [1]. Sleeping \
    cars are booked with the national railways [2]. It returns after twelve years.";
/// What documents are answered with.
const ANALYSIS: &str = r#"{"summary": "The night train from Lisbon to Madrid returns after twelve years, and leaves Santa Apolonia at 21:40 with sleeping cars that are booked with the national railways.", "entities": [{"name": "Lisbon", "kind": "place"}, {"name": "Santa Apolonia", "kind": "station"}]}"#;
/// With which every prompt of an analysis begins.
const DOCUMENT: &str = "<document>";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let database = Database::start().await;
    let keys = callers(&database, arguments.callers, arguments.chunks).await?;
    let between = Duration::from_millis(arguments.between_tokens);
    let paced = |text| Answer::text(text).paced(Duration::from_millis(arguments.first_token), between);
    let model = Upstream::start().await;
    model.otherwise(paced(ANSWER)).about(DOCUMENT, paced(ANALYSIS));
    model.otherwise_embedding(Fault::Silence(Duration::from_millis(arguments.embedding)));
    let model_at_once = Upstream::start().await;
    model_at_once
        .otherwise(Answer::text(ANSWER))
        .about(DOCUMENT, Answer::text(ANALYSIS));
    let counted = Counted::start(database.address).await?;
    let (_, pepper) = database.pepper.variable();
    let mut addresses = json!({
        "model": model.url(),
        "model_at_once": model_at_once.url(),
        "database": format!("http://{}", database.address),
        "database_counted": counted.url,
        "pepper": pepper,
        "keys": keys,
        "first_token_ms": arguments.first_token,
        "between_tokens_ms": arguments.between_tokens,
        "embedding_ms": arguments.embedding,
        "tokens": {"ask": tokens(ANSWER).len(), "analyse": tokens(ANALYSIS).len()},
    });
    addresses["counts"] = json!(serve_counts(model, model_at_once, counted).await?);
    println!("{addresses}");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// Keys that no measurement exhausts, and a document for each.
async fn callers(database: &Database, callers: usize, chunks: usize) -> anyhow::Result<Vec<String>> {
    let text = CHUNK.repeat(5);
    let chunks = vec![text.as_str(); chunks];
    let mut keys = Vec::with_capacity(callers);
    for _ in 0..callers {
        let key = ApiKey::generate()?;
        let mut kept = new_key(&key, &database.pepper);
        kept.limits.rate = Rate {
            interval_ms: 1,
            burst: 1_000_000,
        };
        kept.limits.concurrency = 10_000;
        database.insert(&kept).await;
        let owner = CallerId::for_operator(key.id());
        let id = format!("night-trains-{}", key.id());
        put(&database.store, &owner, &Document::of(&id, &chunks)).await;
        keys.push(key.reveal());
    }
    Ok(keys)
}

/// What is counted: the provider with its delays and without, the database.
type Served = std::sync::Arc<(Upstream, Upstream, Counted)>;

async fn serve_counts(model: Upstream, model_at_once: Upstream, counted: Counted) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/counts", listener.local_addr()?);
    let state = Served::new((model, model_at_once, counted));
    let app = Router::new().route("/counts", get(counts)).with_state(state);
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(url)
}

async fn counts(State(served): State<Served>) -> Json<Value> {
    let (model, model_at_once, counted) = &*served;
    Json(json!({
        "model": counts_of(model),
        "model_at_once": counts_of(model_at_once),
        "database": counted.so_far(),
    }))
}

fn counts_of(model: &Upstream) -> Value {
    let served = model.counts();
    json!({
        "requests": served.requests,
        "embeddings": served.embeddings,
        "written_tokens": served.written_tokens,
        "connections": served.connections,
        "open": served.open,
        "most_open": served.most_open,
        "cancelled": served.cancelled,
    })
}
