//! One caller: one question after the other.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, timeout_at};

/// What is asked, and what is a right answer.
pub(crate) struct Question {
    pub(crate) url: reqwest::Url,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: HeaderMap,
    pub(crate) status: u16,
    pub(crate) token: Option<String>,
    pub(crate) end: Option<String>,
}

/// The time that is measured.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

impl Span {
    pub(crate) fn has(self, moment: Instant) -> bool {
        (self.start..self.end).contains(&moment)
    }
}

/// A question that was asked.
pub(crate) struct Asked {
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
    /// From the question to each token, in their order.
    pub(crate) tokens: Vec<Duration>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer was right.
    Right,
    /// It was another one, or broke off, or there was no connection.
    Wrong,
    /// There was none in time.
    Unanswered,
}

pub(crate) struct Caller {
    question: Arc<Question>,
    headers: HeaderMap,
    client: reqwest::Client,
}

impl Caller {
    /// `client` is that of all callers: it has as many connections as there are questions at once, and to make one takes a millisecond.
    pub(crate) fn new(
        question: Arc<Question>,
        client: reqwest::Client,
        key: Option<String>,
    ) -> anyhow::Result<Self> {
        let mut headers = question.headers.clone();
        if let Some(key) = key {
            headers.insert("x-api-key", HeaderValue::from_str(&key).context("a key")?);
        }
        Ok(Self {
            question,
            headers,
            client,
        })
    }

    /// Asks until the time is over.
    pub(crate) async fn ask_during(self, span: Span, give_up: Instant) -> Vec<Asked> {
        let mut asked = Vec::new();
        loop {
            let began = Instant::now();
            if began >= span.end {
                return asked;
            }
            let mut tokens = Vec::new();
            let answer = timeout_at(give_up, self.ask(began, &mut tokens)).await;
            let outcome = match answer {
                Ok(Ok(true)) => Outcome::Right,
                Ok(_) => Outcome::Wrong,
                Err(_) => Outcome::Unanswered,
            };
            asked.push(Asked {
                began,
                took: began.elapsed(),
                outcome,
                tokens,
            });
            if outcome == Outcome::Wrong {
                // A server that refuses connections should not be asked a million times.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Whether the answer is right.
    async fn ask(&self, began: Instant, tokens: &mut Vec<Duration>) -> anyhow::Result<bool> {
        let request = self.client.post(self.question.url.clone());
        let request = request.headers(self.headers.clone());
        let answer = request.body(self.question.body.clone()).send().await?;
        let status = answer.status();
        let mut text = Vec::new();
        let mut pieces = answer.bytes_stream();
        let mut read = 0;
        while let Some(piece) = pieces.next().await {
            text.extend_from_slice(&piece?);
            if let Some(token) = &self.question.token {
                let arrived = began.elapsed();
                while let Some(length) = find(&text[read..], b"\n\n") {
                    let event = &text[read..read + length];
                    if find(event, token.as_bytes()).is_some() {
                        tokens.push(arrived);
                    }
                    read += length + 2;
                }
            }
        }
        let end = self.question.end.as_deref();
        let has_end = end.is_none_or(|end| find(&text, end.as_bytes()).is_some());
        Ok(status.as_u16() == self.question.status && has_end)
    }
}

/// Headers of `name: value`.
pub(crate) fn headers(texts: &[String]) -> anyhow::Result<HeaderMap> {
    let header = |text: &String| {
        let (name, value) = text.split_once(':').context("a header is `name: value`")?;
        anyhow::Ok((
            HeaderName::from_str(name.trim())?,
            HeaderValue::from_str(value.trim())?,
        ))
    };
    texts.iter().map(header).collect()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
