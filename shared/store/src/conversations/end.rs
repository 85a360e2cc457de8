//! How a message ends.

use uuid::Uuid;

use super::Conversations;
use super::message::{Key, Message, MessageStatus};
use crate::StoreError;
use crate::due::{DUE_AT, DUE_SHARD};
use crate::expression::Expression;
use crate::update::Updated;

const END: &str = "end a message";

/// How a message has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Done(Answered),
    /// Without one: a problem's code.
    Failed(String),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The text, or what there was of it when its client wanted no more.
    pub text: String,
    /// Tokens the model read.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
}

impl Conversations {
    /// Ends a message that is held with this lock. `false` if it is not any more: then nothing is changed. Written twice, the same end is one.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The message may have ended all the same.
    pub async fn end(&self, key: &Key, lock: &str, ended: &Ended) -> Result<bool, StoreError> {
        let mut ending = ending(ended, lock);
        ending.require_holder(lock);
        self.write_end(key, ending, lock).await
    }

    /// Gives up a message whose worker has not been heard of. `false` if somebody has changed it meanwhile, or given it up too: of several who do so at
    /// once one is told `true`.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The message may have ended all the same.
    pub async fn give_up(&self, message: &Message, code: &str) -> Result<bool, StoreError> {
        let by = format!("given up/{}", Uuid::now_v7().simple());
        let mut ending = ending(&Ended::Failed(code.to_owned()), &by);
        ending.require_holder(message.lock.as_deref().unwrap_or_default());
        let (name, until) = (
            ending.name("lease_until"),
            ending.number("held_until", message.lease_until.unwrap_or_default()),
        );
        ending.require(format!("{name} = {until}"));
        self.write_end(&message.key(), ending, &by).await
    }

    /// `by`: what nobody else ends a message with.
    async fn write_end(&self, key: &Key, ending: Expression, by: &str) -> Result<bool, StoreError> {
        Ok(match self.update(&key.id, &key.sort, ending, END).await? {
            Updated::Done(_) => true,
            // An attempt before did it, and its answer was lost on the way.
            Updated::Refused(Some(item)) => {
                item.get("ended_by")
                    .and_then(|by| by.as_s().ok())
                    .map(String::as_str)
                    == Some(by)
            }
            Updated::Refused(None) => false,
        })
    }
}

fn ending(ended: &Ended, by: &str) -> Expression {
    let mut ending = Expression::default();
    match ended {
        Ended::Done(answered) => {
            ending.set_text("status", MessageStatus::Done.as_str());
            ending.set_text("answer", &answered.text);
            ending.set_number("input_tokens", answered.input_tokens);
            ending.set_number("output_tokens", answered.output_tokens);
        }
        Ended::Failed(code) => {
            ending.set_text("status", MessageStatus::Failed.as_str());
            ending.set_text("error_code", code);
        }
    }
    ending.set_text("ended_by", by);
    ending.forget(&["held", "lease_until", DUE_SHARD, DUE_AT]);
    ending
}
