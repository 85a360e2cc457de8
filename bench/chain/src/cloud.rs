//! What the measured process reaches, in a process of its own: a database with documents, and a provider that answers at once.

use anyhow::Context as _;
use lambent_store::CallerId;
use lambent_tests::{
    database::{Database, events_key},
    documents::{Document, put},
    upstream::{Answer, Upstream},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

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

/// About 1,000 characters, as chunks have.
const CHUNK: &str = "The night train from Lisbon to Madrid returns after twelve years. It leaves Santa Apolonia at 21:40 and arrives at \
    Chamartin at 8:10. Sleeping cars are booked with the national railways. ";
/// What the model says: four sentences, two marks, and one of them of a source that there is not.
const ANSWER: &str = "The night train leaves Santa Apolonia at 21:40 [1]. It arrives at Chamartin at 8:10 in the morning [1]. Sleeping cars are \
    booked with the national railways [2]. It returns after twelve years [99].";

/// Serves until standard input ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    lambent_llm::install_crypto();
    let database = Database::start().await;
    let upstream = Upstream::start().await;
    upstream.otherwise(Answer::text(ANSWER));
    let key = events_key();
    let owner = CallerId::for_operator(key.id());
    let chunk = CHUNK.repeat(5);
    let chunks = vec![chunk.as_str(); 20];
    put(&database.store, &owner, &Document::of("night-trains", &chunks)).await;
    let (_, pepper) = database.pepper.variable();
    let addresses = Addresses {
        database: format!("http://{}", database.address),
        model: upstream.url(),
        pepper,
        key: key.reveal(),
    };
    println!("{}", serde_json::to_string(&addresses)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
