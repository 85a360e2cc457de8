//! `lambent documents hit-rate`: whether questions find the passages that answer them, and whether answers cite those.

use std::{collections::BTreeSet, fs, path::PathBuf};

use clap::Args;
use lambent_schema::endpoints::{
    ask::Basis,
    documents::{Document, DocumentsGet},
    search::{Search, SearchReply},
};
use serde_json::json;

use super::{
    ask::evidence,
    connection::Api,
    failure::Failure,
    rank::{Question, hit_at, mean_reciprocal, part},
    terminal::{line, write},
};
use crate::welcome::say;

/// How many hits are looked at.
const TOP_K: usize = 5;

/// Questions whose answers are known.
#[derive(Debug, Args)]
pub(crate) struct HitRate {
    /// A JSON file: a list of `{"question", "document_id", "contains"}`, where `contains` is a phrase of the passage that answers.
    #[arg(value_name = "QUESTIONS.json")]
    questions: PathBuf,
    /// Has each question answered as well, and tells whether the answer cites the passage.
    #[arg(long)]
    ask: bool,
    /// The least part of questions, from 0 to 1, whose passage has to be among the first five hits; else this fails.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    at_least: Option<f64>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// Asks them all.
///
/// # Errors
/// The API does not answer, the file has no questions, or too few of them find what they should.
pub(crate) async fn hit_rate(command: HitRate, api: &Api) -> Result<(), Failure> {
    let questions = read(&command.questions)?;
    tell_missing(api, &questions).await?;
    let mut ranks = Vec::new();
    let (mut cited, mut grounded) = (0_u32, 0_u32);
    show(if command.ask {
        "RANK  CITED    QUESTION"
    } else {
        "RANK  QUESTION"
    });
    for question in &questions {
        let rank = search(api, question).await?;
        ranks.push(rank);
        let rank = rank.map_or("-".to_owned(), |rank| rank.to_string());
        let words = line(&question.question, 100);
        if command.ask {
            let citing = citing(api, question).await?;
            cited += u32::from(citing.is_some());
            grounded += u32::from(citing.is_some_and(|basis| basis != Basis::Nearest));
            let citing = citing.map_or("-", name);
            show(&format!("{rank:<4}  {citing:<7}  {words}"));
        } else {
            show(&format!("{rank:<4}  {words}"));
        }
    }
    let found = hit_at(TOP_K, &ranks);
    show(&format!(
        "\nhit@1 {:.2}, hit@{TOP_K} {found:.2}, MRR {:.2} ({} questions)",
        hit_at(1, &ranks),
        mean_reciprocal(&ranks),
        ranks.len()
    ));
    if command.ask {
        let part = |count| part(f64::from(count), ranks.len());
        show(&format!(
            "cited {:.2}, for what the answer says {:.2}",
            part(cited),
            part(grounded)
        ));
    }
    match command.at_least {
        Some(least) if found < least => Err(Failure::Some(format!(
            "hit@{TOP_K} is {found:.2}, and was to be at least {least:.2}"
        ))),
        _ => Ok(()),
    }
}

fn read(file: &PathBuf) -> Result<Vec<Question>, Failure> {
    let wrong = |what: String| Failure::Some(format!("{}: {what}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let questions: Vec<Question> = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if questions.is_empty() {
        return Err(wrong("there are no questions in it".to_owned()));
    }
    Ok(questions)
}

/// A document that was never added, or under another id, looks like one that is not found.
async fn tell_missing(api: &Api, questions: &[Question]) -> Result<(), Failure> {
    let ids: BTreeSet<_> = (questions.iter())
        .map(|question| question.document_id.as_str())
        .collect();
    for id in ids {
        let found: Option<Document> = api.found(api.call::<DocumentsGet>(Some(id), &[])).await?;
        if found.is_none() {
            say(&format!(
                "{id} is not among your documents, which `lambent documents list` shows: an id is the path that a file was added by"
            ));
        }
    }
    Ok(())
}

async fn search(api: &Api, question: &Question) -> Result<Option<usize>, Failure> {
    let body = json!({"query": question.question, "top_k": TOP_K});
    let found: SearchReply = api.json(api.post::<Search>(&body)).await?;
    Ok(question.rank(&found.hits))
}

/// Why an answer cites the passage, if it does.
async fn citing(api: &Api, question: &Question) -> Result<Option<Basis>, Failure> {
    let evidence = evidence(api, &question.question).await?;
    let answers = |n| {
        let mut sources = evidence.sources.iter().filter(|source| source.n == n);
        sources.any(|source| question.is_answered_by(&source.document_id, &source.text))
    };
    let right = evidence.citations.iter().find(|citation| answers(citation.n));
    Ok(right.map(|citation| citation.basis))
}

fn name(basis: Basis) -> &'static str {
    match basis {
        Basis::Named => "named",
        Basis::Matched => "matched",
        Basis::Nearest => "nearest",
    }
}

fn show(text: &str) {
    // Whoever read it may have seen enough; the exit code still counts.
    let _ = write(&format!("{text}\n"));
}
