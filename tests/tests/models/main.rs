//! Every way in which a model's provider can fail, through [`Models`], against a provider that fails on purpose.
//!
//! What is asserted throughout: the kind of the error, the status for callers, the calls that the provider counted, tokens
//! equal to those that it reported, a bound on the time, and that no word of the provider reaches a caller.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod answers;
mod breaks;
mod embeddings;
mod leaving;
mod refusals;
mod repairs;
mod waits;

use std::time::Duration;

use futures::StreamExt;
use lambent_llm::{
    Chunk, Completion, CompletionStream, Finish, ModelConfig, ModelError, ModelErrorKind, Models, Prompt,
    ReplySchema, Structured, TimeoutPhase, UpstreamFault,
};
use lambent_schema::{Problem, Usage};
use lambent_tests::upstream::{Answer, Behaviour, Counts, Fault, SECRET, Upstream};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(20);
const TEXT: &str = "one two three four five";

#[derive(Debug, PartialEq, Deserialize)]
struct Finding {
    title: String,
    score: f64,
}

fn schema() -> ReplySchema {
    let schema = json!({
        "type": "object",
        "required": ["title", "score"],
        "properties": {
            "title": {"type": "string", "minLength": 3, "maxLength": 40},
            "score": {"type": "number", "minimum": 0, "maximum": 1}
        },
        "additionalProperties": false
    });
    ReplySchema::new("finding", schema).unwrap()
}

fn prompt() -> Prompt {
    Prompt {
        system: "You analyse documents.".to_owned(),
        user: "prompt-of-the-caller in a few words".to_owned(),
        ..Prompt::default()
    }
}

fn config(upstream: &Upstream) -> ModelConfig {
    ModelConfig {
        url: Some(upstream.url()),
        first_token_timeout: SHORT,
        between_tokens_timeout: SHORT,
        context_tokens: Some(2048),
        context_hint: Some("Name a larger model.".to_owned()),
        ..ModelConfig::new("loopback-model")
    }
}

async fn rig() -> (Upstream, Models) {
    let upstream = Upstream::start().await;
    let models = Models::new(config(&upstream)).unwrap();
    (upstream, models)
}

/// The three ways to ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Complete,
    Stream,
    Structured,
}

const WAYS: [Way; 3] = [Way::Complete, Way::Stream, Way::Structured];

/// What came of asking, whichever way: the error and the number of deltas before it.
async fn ask(models: &Models, way: Way, deadline: Duration) -> (usize, Result<Usage, ModelError>) {
    let deadline = Instant::now() + deadline;
    match way {
        Way::Complete => (
            0,
            models
                .complete(&prompt(), deadline)
                .await
                .map(|Completion { usage, .. }| usage),
        ),
        Way::Structured => {
            let answer = models.structured::<Finding>(&prompt(), &schema(), deadline).await;
            (0, answer.map(|Structured { usage, .. }| usage))
        }
        Way::Stream => match models.stream(&prompt(), None, deadline).await {
            Ok(stream) => drain(stream).await,
            Err(error) => (0, Err(error)),
        },
    }
}

/// Reads a stream to its end, and checks that it has exactly one.
async fn drain(mut stream: CompletionStream) -> (usize, Result<Usage, ModelError>) {
    let mut deltas = 0;
    let mut outcome = None;
    while let Some(chunk) = stream.next().await {
        assert!(outcome.is_none(), "nothing comes after the end");
        match chunk {
            Ok(Chunk::Delta(text)) => {
                assert!(!text.is_empty());
                deltas += 1;
            }
            Ok(Chunk::End { usage, .. }) => outcome = Some(Ok(usage)),
            Err(error) => outcome = Some(Err(error)),
        }
    }
    assert!(stream.next().await.is_none(), "an ended stream stays ended");
    (deltas, outcome.expect("a stream has an end"))
}

fn reported(counts: Counts) -> Usage {
    Usage {
        input_tokens: counts.prompt_tokens,
        output_tokens: counts.completion_tokens,
    }
}

/// What callers and the log may see of an error.
fn assert_discreet(error: &ModelError) -> Problem {
    let mut sources = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        sources.push_str(&cause.to_string());
        source = cause.source();
    }
    let problem = Problem::from(error);
    let log = format!("{error} {error:?} {sources}");
    let public = serde_json::to_string(&problem).unwrap();
    for secret in [
        SECRET,
        "prompt-of-the-caller",
        "127.0.0.1",
        "loopback-model",
        "Bearer",
    ] {
        assert!(!public.contains(secret), "{secret} in {public}");
    }
    for secret in [SECRET, "prompt-of-the-caller"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    problem
}

/// One behaviour of the provider, asked all three ways.
struct Case {
    behaviour: Behaviour,
    kind: ModelErrorKind,
    status: u16,
    calls: u64,
}

async fn check(case: Case) {
    for way in WAYS {
        let (upstream, models) = rig().await;
        upstream.otherwise(case.behaviour.clone());
        let begun = Instant::now();
        let (_, outcome) = ask(&models, way, LONG).await;
        let error = outcome.unwrap_err();
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{way:?} took {:?}",
            begun.elapsed()
        );
        assert_eq!(error.kind, case.kind, "{way:?}");
        assert_eq!(assert_discreet(&error).status, case.status, "{way:?}");
        assert_eq!(upstream.counts().requests, case.calls, "{way:?}");
        assert_eq!(error.usage, reported(upstream.counts()), "{way:?}");
    }
}
