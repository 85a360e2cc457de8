//! What the measured process reaches, in a process of its own: a database, and a provider.

use std::time::Duration;

use anyhow::Context as _;
use lambent_tests::{
    database::{Database, events_key},
    upstream::{Answer, Upstream},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

/// Tokens of an answer.
pub(crate) const TOKENS: usize = 200;

/// Where everything is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) database: String,
    pub(crate) model: String,
    pub(crate) pepper: String,
    pub(crate) key: String,
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
}

/// Serves until standard input ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    lambent_llm::install_crypto();
    let database = Database::start().await;
    let upstream = Upstream::start().await;
    // Paced, so that each token is an event of its own on the wire, as a model's are.
    let answer =
        Answer::text("token ".repeat(TOKENS)).paced(Duration::from_millis(5), Duration::from_millis(1));
    upstream.otherwise(answer);
    let (_, pepper) = database.pepper.variable();
    let addresses = Addresses {
        database: format!("http://{}", database.address),
        model: upstream.url(),
        pepper,
        key: events_key().reveal(),
    };
    println!("{}", serde_json::to_string(&addresses)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
