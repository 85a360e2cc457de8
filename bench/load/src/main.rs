//! Callers that ask the same question again and again, each as soon as it has its answer, and how long they waited for it.
//!
//! A run begins with a warm-up that is not counted, in which callers begin one after the other (`--stagger`), since those that begin
//! together would be answered together by a provider with fixed delays, and go on asking together. When its time is over no caller asks
//! again, and those that wait are waited for, up to `--patience`: whoever has no answer by then is counted with the time it has waited so
//! far. A load generator that forgets them shows a server that is overrun as fast. With `--token` answers are event streams, and each event
//! that has this text in it is a token.
//!
//! Standard output has a line `start` and one `end` when what is measured begins and ends, so that whoever runs it can read clocks then, and
//! last the results as a line of JSON.
#![allow(clippy::print_stdout, reason = "it prints its results")]

mod caller;
mod results;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use futures::future::join_all;
use tokio::time::Instant;

use caller::{Asked, Caller, Question, Span};

/// Has callers ask, and tells how long they waited.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to send it.
    url: String,
    /// The file with the body.
    #[arg(long)]
    body: PathBuf,
    /// A header, `name: value`.
    #[arg(long = "header")]
    headers: Vec<String>,
    /// A file with API keys as a JSON list. Callers have them in turn.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Callers at once, each on a connection that nobody else uses meanwhile.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before that are not.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Seconds within which the callers begin, one after the other.
    #[arg(long, default_value_t = 0.5)]
    stagger: f64,
    /// Seconds that answers are waited for after that.
    #[arg(long, default_value_t = 10.0)]
    patience: f64,
    /// The status of a right answer.
    #[arg(long, default_value_t = 200)]
    status: u16,
    /// What an event has in it that is a token of a stream.
    #[arg(long)]
    token: Option<String>,
    /// What has to be in a right answer, as at the end of a complete stream.
    #[arg(long)]
    end: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let keys: Vec<Option<String>> = match &arguments.keys {
        Some(file) => serde_json::from_slice(&std::fs::read(file)?).context("a list of keys")?,
        None => vec![None],
    };
    let question = Arc::new(Question {
        url: arguments.url.parse()?,
        body: std::fs::read(&arguments.body)?,
        headers: caller::headers(&arguments.headers)?,
        status: arguments.status,
        token: arguments.token,
        end: arguments.end,
    });
    let began = Instant::now();
    let start = began + Duration::from_secs_f64(arguments.warm_up);
    let span = Span {
        start,
        end: start + Duration::from_secs_f64(arguments.seconds),
    };
    let give_up = span.end + Duration::from_secs_f64(arguments.patience);
    let pause = Duration::from_secs_f64(arguments.stagger) / u32::try_from(arguments.connections)?.max(1);
    let client = lambent_http::client()
        .pool_max_idle_per_host(arguments.connections)
        .build()?;
    let callers = keys.into_iter().cycle().take(arguments.connections).zip(0..);
    let callers = callers.map(|(key, number)| {
        let question = Arc::clone(&question);
        let client = client.clone();
        tokio::spawn(async move {
            let caller = Caller::new(question, client, key)?;
            tokio::time::sleep_until(began + pause * number).await;
            anyhow::Ok(caller.ask_during(span, give_up).await)
        })
    });
    let callers: Vec<_> = callers.collect();
    for (moment, name) in [(span.start, "start"), (span.end, "end")] {
        tokio::time::sleep_until(moment).await;
        println!("{name}");
    }
    let mut asked: Vec<Asked> = Vec::new();
    for callers_asked in join_all(callers).await {
        asked.extend(callers_asked??);
    }
    println!("{}", results::of(&asked, span));
    Ok(())
}
