//! Writing one answer.

use std::time::Duration;

use futures::StreamExt as _;
use lambent_chat::SocketError;
use lambent_llm::{Chunk, Finish, ModelError};
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::chat::{ChatFinish, DoneFrame, MAX_HISTORY_BYTES, ServerFrame, Started},
};
use lambent_service::{Outcome, Record, Stage, chain};
use lambent_store::{
    conversations::{Answered, Ended, Message},
    now_ms,
};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{ChatWorker, Failed, hold::Stop, pieces::Pieces, prompt::prompt};

/// What is left of an invocation for writing what came of an answer.
const RESERVE: Duration = Duration::from_secs(5);
/// An answer is not begun whose reservation ends within this time, in ms.
const ENOUGH_MS: u64 = 30_000;
/// How often the end of a message is written until somebody else has to find it.
const END_TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// How an answer ended.
enum End {
    /// With its last token, or when its client wanted no more.
    Done(ChatFinish),
    /// With a problem.
    Failed(Problem),
    /// Nobody is there to hear it.
    Gone,
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Done(ChatFinish::Cancelled),
            Stop::Gone => Self::Gone,
        }
    }
}

impl ChatWorker {
    /// Answers a message that is ours with this lock.
    pub(crate) async fn answer(
        &self,
        message: &Message,
        lock: &str,
        deadline: Instant,
    ) -> Result<(), Failed> {
        let record = self.record(message);
        // A panic must not leave it open, nor what is reserved.
        let guard = record.end_on_drop();
        let mut pieces = Pieces::new(&self.sockets, message);
        let until = until(message, deadline);
        let end = tokio::select! {
            end = self.write(message, &record, &mut pieces, until) => end,
            stop = self.hold(message, lock) => stop.into(),
            () = sleep_until(until) => End::Failed(Problem::new(
                ProblemCode::Timeout,
                "The answer was not complete in the time that an answer may take.",
            )),
        };
        guard.disarm();
        self.finish(message, lock, &record, pieces, end).await
    }

    /// Asks the model, and sends what it writes.
    async fn write(
        &self,
        message: &Message,
        record: &Record,
        pieces: &mut Pieces<'_>,
        until: Instant,
    ) -> End {
        if message.cancel_requested {
            return End::Done(ChatFinish::Cancelled);
        }
        if now_ms() + ENOUGH_MS > message.held_until {
            let detail = "Nobody came to answer in time. Say it again.";
            return End::Failed(Problem::new(ProblemCode::Timeout, detail));
        }
        let started = ServerFrame::Started(Started {
            conversation_id: message.conversation_id.clone(),
            message_id: message.sort.clone(),
            request_id: message.request_id.clone(),
        });
        if let Err(error) = self.sockets.send(&message.connection, &started).await {
            return gone(&error);
        }
        let before = match self.conversations.before(message, MAX_HISTORY_BYTES).await {
            Ok(before) => before,
            Err(error) => {
                tracing::warn!(cause = chain(&error), "a conversation could not be read");
                let detail = "The table of conversations does not answer.";
                return End::Failed(Problem::new(ProblemCode::StoreUnavailable, detail));
            }
        };
        let models = self.models.metered(record.clone(), message.max_output_tokens);
        record.start(models.model(), &message.text);
        let prompt = prompt(&models, &message.text, before);
        let began = Instant::now();
        let end = match models.stream(&prompt, None, until).await {
            Ok(chunks) => {
                record.first_token();
                send_all(chunks, pieces).await
            }
            Err(error) => failed(&error),
        };
        record.stage(Stage::Model, began.elapsed());
        end
    }

    /// Writes what came of it, and tells the client. The table first: who reads `done` may go on at once.
    async fn finish(
        &self,
        message: &Message,
        lock: &str,
        record: &Record,
        mut pieces: Pieces<'_>,
        end: End,
    ) -> Result<(), Failed> {
        let usage = record.usage();
        let (status, outcome, ended) = match &end {
            End::Done(_) | End::Gone => (200, Outcome::Done, true),
            End::Failed(problem) => (
                problem.status,
                Outcome::Error(problem.code.clone().into_owned()),
                false,
            ),
        };
        let (status, outcome) = match end {
            End::Gone | End::Done(ChatFinish::Cancelled) => (499, Outcome::Cancelled),
            _ => (status, outcome),
        };
        let cost = record.cost();
        let recorded = record.finish(status, outcome);
        let ended = match &end {
            End::Failed(problem) if !ended => Ended::Failed(problem.code.clone().into_owned()),
            _ => Ended::Done(Answered {
                text: pieces.text().to_owned(),
                input_tokens: usage.input_tokens,
                output_tokens: usage.output_tokens,
            }),
        };
        let is_ours = self.end(message, lock, &ended).await;
        if let Ok(true) = is_ours {
            match end {
                End::Done(finish_reason) => {
                    let rest = pieces.send().await;
                    let done = ServerFrame::Done(DoneFrame {
                        conversation_id: message.conversation_id.clone(),
                        message_id: message.sort.clone(),
                        seq: pieces.next_seq(),
                        model: self.models.model().to_owned(),
                        finish_reason,
                        usage,
                        cost,
                        request_id: message.request_id.clone(),
                    });
                    let told = match rest {
                        Ok(()) => self.sockets.send(&message.connection, &done).await,
                        failed => failed,
                    };
                    if let Err(error) = told {
                        tracing::info!(cause = chain(&error), "the end of an answer could not be sent");
                    }
                }
                End::Failed(problem) => {
                    // What was written before is the client's.
                    let _ = pieces.send().await;
                    self.tell(message, problem.request_id(message.request_id.as_str()))
                        .await;
                }
                End::Gone => {}
            }
        }
        let _ = recorded.await;
        is_ours.map(|_| ())
    }

    /// Writes the end, with patience.
    async fn end(&self, message: &Message, lock: &str, ended: &Ended) -> Result<bool, Failed> {
        let mut tries = 1;
        loop {
            match self.conversations.end(&message.key(), lock, ended).await {
                Err(error) if tries < END_TRIES => {
                    tracing::warn!(cause = chain(&error), "could not write a message's end");
                    tries += 1;
                    sleep(BETWEEN_TRIES).await;
                }
                ended => return Ok(ended?),
            }
        }
    }
}

/// Sends what the model writes, piece by piece.
async fn send_all(mut chunks: lambent_llm::CompletionStream, pieces: &mut Pieces<'_>) -> End {
    loop {
        let due = pieces.due();
        let sent = tokio::select! {
            biased;
            () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                pieces.send().await
            }
            chunk = chunks.next() => match chunk {
                Some(Ok(Chunk::Delta(text))) => pieces.add(&text).await,
                Some(Ok(Chunk::End { finish, .. })) => return End::Done(finish_of(finish)),
                Some(Err(error)) => return failed(&error),
                None => return End::Failed(Problem::new(ProblemCode::ModelFailed, "The answer ended without its end.")),
            },
        };
        if let Err(error) = sent {
            return gone(&error);
        }
    }
}

fn finish_of(finish: Finish) -> ChatFinish {
    match finish {
        Finish::Stop => ChatFinish::Stop,
        Finish::Length => ChatFinish::Length,
        Finish::Filtered | Finish::Other => ChatFinish::Other,
    }
}

fn failed(error: &ModelError) -> End {
    tracing::warn!(cause = chain(error), "an answer failed");
    End::Failed(Problem::from(error))
}

/// The client is gone: whatever is written from now on, nobody reads. Or it cannot be reached for now; it may be later, and is told then that this
/// answer has not come whole.
fn gone(error: &SocketError) -> End {
    if error.is_gone() {
        return End::Gone;
    }
    tracing::warn!(cause = chain(error), "a client cannot be reached");
    let detail =
        "A part of the answer could not be sent: this socket takes too little at once. Say it again.";
    End::Failed(Problem::new(ProblemCode::AnswerLost, detail))
}

/// When an answer has to be over: before its invocation is, and before what is reserved for it is void.
fn until(message: &Message, deadline: Instant) -> Instant {
    let held = Duration::from_millis(message.held_until.saturating_sub(now_ms()));
    deadline.min(Instant::now() + held) - RESERVE
}
