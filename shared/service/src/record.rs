//! The record of a request, as it is served: gathered in memory, written at its start and at its end.

use std::{
    collections::BTreeMap,
    future::Future,
    io::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderValue;
use lambent_schema::{Cost, Ledger, Spending, Usage};
use lambent_store::{CallerId, RequestRecord, Requests, State};
use sha2::{Digest as _, Sha256};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    Hold, compute,
    failure::chain,
    stage::{Stage, Stages},
};

/// The record of the request being served. Clones are the same record.
#[derive(Debug, Clone)]
pub struct Record(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: Requests,
    began: Instant,
    memory_mb: Option<u32>,
    state: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    record: RequestRecord,
    /// The first of the two writes, under way or done.
    start: Option<JoinHandle<()>>,
    stages: Stages,
    /// What is reserved for it.
    hold: Option<Hold>,
    finished: bool,
}

/// The status of a request whose client left before it had one: nginx's, which the field has adopted.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered in full.
    Done,
    /// With a problem of this code, as a status or as an event.
    Error(String),
    /// The client left.
    Cancelled,
}

impl Record {
    pub(crate) fn new(requests: Requests, record: RequestRecord, memory_mb: Option<u32>) -> Self {
        let state = Mutex::new(Progress {
            record,
            start: None,
            stages: Stages::default(),
            hold: None,
            finished: false,
        });
        Self(Arc::new(Inner {
            requests,
            began: Instant::now(),
            memory_mb,
            state,
        }))
    }

    /// A model is about to be called with this text: notes the model, the text's length and its hash, and begins to write
    /// the record as `started`, beside whatever follows. Returns at once.
    pub fn start(&self, model: &str, text: &str) {
        let mut progress = self.lock();
        progress.record.model = Some(model.to_owned());
        progress.record.text_chars = Some(text.chars().count() as u64);
        progress.record.text_sha256 = Some(sha256(&[text.as_bytes()]));
        let (requests, record) = (self.0.requests.clone(), progress.record.clone());
        progress.start = Some(tokio::spawn(async move {
            if let Err(error) = requests.started(&record).await {
                // The second write, or the line in its place, will say all that this one would have.
                tracing::debug!(%error, request_id = record.request_id, "could not write a record's start");
            }
        }));
    }

    /// After the model that [`Record::start`] was told of, this one is called.
    pub fn goes_on_with(&self, model: &str) {
        self.lock().record.model = Some(model.to_owned());
    }

    /// The model's first token is here.
    pub fn first_token(&self) {
        self.first_token_at(Instant::now());
    }

    /// The model's first token was here then.
    pub fn first_token_at(&self, instant: Instant) {
        let elapsed = milliseconds(instant.saturating_duration_since(self.0.began));
        self.lock().record.first_token_ms = Some(elapsed);
    }

    /// How often the model was asked: more than once where its answer had to be repaired.
    pub fn attempts(&self, attempts: u32) {
        self.lock().record.attempts = Some(attempts);
    }

    /// How long the request has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// A stage is over, and took so long.
    pub fn stage(&self, stage: Stage, took: Duration) {
        self.lock().stages.add(stage, took);
    }

    /// Does it as this stage.
    pub async fn timed<T>(&self, stage: Stage, doing: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = doing.await;
        self.stage(stage, began.elapsed());
        done
    }

    /// How long each stage took so far, in milliseconds, by name.
    #[must_use]
    pub fn timings(&self) -> BTreeMap<String, f64> {
        self.lock().stages.milliseconds()
    }

    /// The same as the value of `Server-Timing`; `None` where there are none.
    pub(crate) fn server_timing(&self) -> Option<HeaderValue> {
        self.lock().stages.header()
    }

    /// Who calls, and what is reserved for this request, which the end of the record settles.
    pub(crate) fn admitted(&self, caller: CallerId, hold: Option<Hold>) {
        let mut progress = self.lock();
        progress.record.caller = caller;
        progress.hold = hold;
    }

    /// Tokens that the model has read and written so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let progress = self.lock();
        Usage {
            input_tokens: progress.record.input_tokens.unwrap_or(0),
            output_tokens: progress.record.output_tokens.unwrap_or(0),
        }
    }

    /// What the request has cost so far.
    #[must_use]
    pub fn cost(&self) -> Cost {
        Cost {
            tokens: self.lock().record.cost_micro_dollars.unwrap_or(0),
            compute: compute::micro_dollars(self.0.memory_mb, self.0.began.elapsed()),
        }
    }

    /// Begins to write the record as ended, and to log its line; awaiting the handle waits for it. Goes on when the handle is
    /// dropped. Only the first call counts.
    pub fn finish(&self, status: u16, outcome: Outcome) -> JoinHandle<()> {
        let (record, start, hold) = {
            let mut progress = self.lock();
            if std::mem::replace(&mut progress.finished, true) {
                return tokio::spawn(async {});
            }
            progress.record.stages_us = progress.stages.microseconds();
            let record = &mut progress.record;
            record.status = Some(status);
            let elapsed = self.0.began.elapsed();
            record.total_ms = Some(milliseconds(elapsed));
            record.compute_micro_dollars = Some(compute::micro_dollars(self.0.memory_mb, elapsed));
            (record.state, record.error_code) = match outcome {
                Outcome::Done => (State::Done, None),
                Outcome::Error(code) => (State::Error, Some(code)),
                Outcome::Cancelled => (State::Cancelled, None),
            };
            (record.clone(), progress.start.take(), progress.hold.take())
        };
        log_line(&record);
        let requests = self.0.requests.clone();
        tokio::spawn(async move {
            let settled = settle(hold, &record);
            let written = async {
                // In this order, so that the writes do not meet.
                if let Some(start) = start {
                    let _ = start.await;
                }
                if let Err(error) = requests.finished(&record).await {
                    log_fallback(&record, &error);
                }
            };
            futures::join!(settled, written);
        })
    }

    /// A guard that, dropped, ends the record as left by the client, unless it has ended.
    pub fn end_on_drop(&self) -> EndOnDrop {
        EndOnDrop(Some(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Record {
    fn spent(&self, spending: Spending) {
        let mut progress = self.lock();
        let record = &mut progress.record;
        record.input_tokens = Some(spending.usage.input_tokens);
        record.output_tokens = Some(spending.usage.output_tokens);
        record.cost_micro_dollars = Some(spending.micro_dollars);
        record.tokens_are_estimated = spending.is_estimate;
    }
}

/// Gives back what was reserved and not spent.
async fn settle(hold: Option<Hold>, record: &RequestRecord) {
    let Some(hold) = hold else { return };
    if let Err(error) = hold.settle(record.cost_micro_dollars.unwrap_or(0)).await {
        // The reservation ends by itself, later.
        tracing::error!(
            cause = chain(&error),
            request_id = record.request_id,
            "could not settle a reservation"
        );
    }
}

/// See [`Record::end_on_drop`].
#[must_use]
#[derive(Debug)]
pub struct EndOnDrop(Option<Record>);

impl EndOnDrop {
    /// The record is ended by other means.
    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        // Without a runtime the process is on its way out.
        if let (Some(record), Ok(_runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            drop(record.finish(CLIENT_CLOSED_REQUEST, Outcome::Cancelled));
        }
    }
}

/// The one line that a request leaves in the log.
fn log_line(record: &RequestRecord) {
    tracing::info!(
        request_id = record.request_id,
        function = record.function,
        route = record.route,
        caller = record.caller.as_str(),
        status = record.status,
        state = record.state.as_str(),
        code = record.error_code,
        model = record.model,
        input_tokens = record.input_tokens,
        output_tokens = record.output_tokens,
        cost_micro_dollars = record.cost_micro_dollars,
        compute_micro_dollars = record.compute_micro_dollars,
        first_token_ms = record.first_token_ms,
        total_ms = record.total_ms,
        stages_us = stages(record),
        "request"
    );
}

/// The stages as one field of a line, which has none within fields.
fn stages(record: &RequestRecord) -> Option<String> {
    let stages = record.stages_us.iter();
    let stages: Vec<String> = stages.map(|(stage, took)| format!("{stage}={took}")).collect();
    Some(stages.join(" ")).filter(|stages| !stages.is_empty())
}

/// The whole record as one line of JSON on standard output, because the table did not take it.
fn log_fallback(record: &RequestRecord, error: &lambent_store::StoreError) {
    let line = serde_json::json!({"log_fallback": record, "reason": chain(error)});
    // Nothing can be done if standard output is gone too.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// SHA-256 of all these bytes in order, in lowercase hexadecimal.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> String {
    let digest = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
