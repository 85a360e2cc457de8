//! What the measured process reaches, in a process of its own: a database that counts its calls, a model and an issuer of tokens.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
    routing::get,
};
use lambent_tests::{
    database::{Database, events_key, new_key, now_ms},
    upstream::Upstream,
};
use lambent_tokens::testing::Issuer;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

/// Calls so far, by operation.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Where everything is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) database: String,
    pub(crate) model: String,
    pub(crate) pepper: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) token: String,
    /// Two keys: one whose requests always find it idle, one whose requests always find it busy.
    pub(crate) keys: [String; 2],
}

/// The process of [`serve`]. It ends with its standard input, which is this process's.
pub(crate) struct Cloud {
    pub(crate) addresses: Addresses,
    _process: Child,
}

impl Cloud {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().context("a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        Ok(Self {
            addresses: serde_json::from_str(&line)?,
            _process: process,
        })
    }

    pub(crate) async fn counts(&self) -> anyhow::Result<Counts> {
        let url = format!("{}/counts", self.addresses.database);
        Ok(reqwest::get(url).await?.json().await?)
    }
}

struct Counting {
    to: String,
    client: reqwest::Client,
    counts: Mutex<Counts>,
}

/// Serves until standard input ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    lambent_llm::install_crypto();
    let database = Database::start().await;
    let upstream = Upstream::start().await;
    let issuer = Issuer::start().await;
    let busy = lambent_callers::ApiKey::generate()?;
    let mut kept = new_key(&busy, &database.pepper);
    // An hour between requests, and a burst that no measurement uses up: after the first one, it is busy.
    kept.limits.rate.interval_ms = 3_600_000;
    kept.limits.rate.burst = 1_000_000;
    kept.created_at_ms = now_ms();
    database.insert(&kept).await;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let counting = Arc::new(Counting {
        to: format!("http://{}", database.address),
        client: reqwest::Client::new(),
        counts: Mutex::default(),
    });
    let app = Router::new()
        .route(
            "/counts",
            get(async |State(counting): State<Arc<Counting>>| Json(counting.so_far())),
        )
        .fallback(forward)
        .with_state(counting);
    tokio::spawn(axum::serve(listener, app).into_future());

    let (_, pepper) = database.pepper.variable();
    let addresses = Addresses {
        database: url,
        model: upstream.url(),
        pepper,
        issuer: issuer.url(),
        audience: lambent_tokens::testing::AUDIENCE.to_owned(),
        token: issuer.token("analyse"),
        keys: [events_key().reveal(), busy.reveal()],
    };
    println!("{}", serde_json::to_string(&addresses)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

impl Counting {
    fn so_far(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn forward(State(counting): State<Arc<Counting>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let operation = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = operation
        .and_then(|target| target.rsplit_once('.'))
        .map_or("", |(_, name)| name);
    *counting
        .counts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(operation.to_owned())
        .or_default() += 1;
    let forwarded = async {
        let body = to_bytes(body, usize::MAX).await?;
        let mut headers = parts.headers;
        headers.remove(http::header::HOST);
        let answer = counting
            .client
            .post(&counting.to)
            .headers(headers)
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        let mut response = Response::new(Body::from(answer.bytes().await?));
        *response.status_mut() = status;
        anyhow::Ok(response)
    };
    forwarded.await.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
        response
    })
}
