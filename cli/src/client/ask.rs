//! `lambent ask`: a question, and its answer as it is written.

use std::time::Instant;

use clap::Args;
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::{
        ask::{Answered, MAX_SOURCES, Source, Sources},
        documents::{Metadata, MetadataValue},
    },
    stream::{Delta, StreamError},
};
use reqwest::{Response, header::ACCEPT};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    connection::{Api, Connection},
    events::{Event, Parser},
    failure::Failure,
    metadata,
    shown::Shown,
    terminal::write,
};
use crate::welcome::say;

/// A question to your documents.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The question.
    question: String,
    /// From how many passages the answer may be made, at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SOURCES)))]
    top_k: Option<u32>,
    /// What the metadata of a document has to say for it to be asked; several are possible.
    #[arg(long, value_name = "NAME=VALUE", value_parser = metadata::pair)]
    filter: Vec<(String, MetadataValue)>,
    /// How near a passage has to be to the question, from 0 to 1.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f64>,
    /// Shows the passages too that the answer could be made from.
    #[arg(long)]
    sources: bool,
    /// Shows the whole answer as the API gives it, in JSON, when it is complete.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Asks, and shows the answer.
///
/// # Errors
/// The API does not answer, or not to the end.
pub(crate) async fn ask(ask: Ask) -> Result<(), Failure> {
    let api = ask.connection.open(say)?;
    let begun = Instant::now();
    let call = api.post::<lambent_schema::endpoints::ask::Ask>(&ask.body());
    if ask.json {
        let answer = api.send(call).await?.text().await?;
        // Whoever read it may have seen enough.
        let _ = write(&format!("{}\n", answer.trim_end()));
        return Ok(());
    }
    let response = api.send(call.header(ACCEPT, "text/event-stream")).await?;
    let mut shown = Shown::new(begun, ask.sources);
    match follow(response, &mut shown).await {
        // What was written until then stays, on a line of its own.
        Err(failure) => {
            let _ = shown.end_line();
            Err(failure)
        }
        done => done,
    }
}

impl Ask {
    /// What is not said is left to the API.
    fn body(&self) -> Value {
        let mut body = json!({"question": self.question});
        if let Some(top_k) = self.top_k {
            body["top_k"] = top_k.into();
        }
        if let Some(min_score) = self.min_score {
            body["min_score"] = min_score.into();
        }
        if !self.filter.is_empty() {
            body["filter"] = json!(self.filter.iter().cloned().collect::<Metadata>());
        }
        body
    }
}

/// Shows the events of an answer as they come.
async fn follow(mut response: Response, shown: &mut Shown) -> Result<(), Failure> {
    let mut parser = Parser::default();
    while let Some(bytes) = response.chunk().await? {
        for event in parser.push(&bytes) {
            let is_read = match event.name.as_str() {
                "sources" => {
                    shown.sources = data::<Sources>(&event)?.sources;
                    Ok(())
                }
                "delta" => shown.delta(&data::<Delta>(&event)?.text),
                "done" => {
                    let _ = shown.done(&data::<Answered>(&event)?);
                    return Ok(());
                }
                "error" => return Err(broken(data(&event)?)),
                // Not known yet, so not needed.
                _ => Ok(()),
            };
            if is_read.is_err() {
                return Ok(());
            }
        }
    }
    Err(Failure::BrokeOff)
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, Failure> {
    serde_json::from_str(&event.data)
        .map_err(|_| Failure::Unexpected(format!("the event `{}` is not as expected", event.name)))
}

/// The event that an answer breaks off with, as a problem, which is what it would have been before the first byte.
fn broken(StreamError { error }: StreamError) -> Failure {
    let mut problem = Problem::new(ProblemCode::Internal, error.message);
    problem.code = error.code.into();
    problem.request_id = error.request_id;
    Failure::Refused(Box::new(problem))
}

/// What the answer to a question was made from, and what it cites of that.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Evidence {
    pub(crate) citations: Vec<lambent_schema::endpoints::ask::Citation>,
    pub(crate) sources: Vec<Source>,
}

/// Asks for the whole answer at once.
///
/// # Errors
/// The API does not answer.
pub(crate) async fn evidence(api: &Api, question: &str) -> Result<Evidence, Failure> {
    let body = json!({"question": question});
    api.json(api.post::<lambent_schema::endpoints::ask::Ask>(&body))
        .await
}
