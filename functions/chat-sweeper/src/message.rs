//! Messages that nobody answers.

use lambent_chat::{error_frame, lost};
use lambent_service::chain;
use lambent_store::{
    StoreError,
    conversations::{MessageKey, MessageStatus},
};

use crate::{Did, Sweeper};

/// Within this time a message's own lane, or another worker, comes to it, in ms.
const COMES_MS: u64 = 30_000;

impl Sweeper {
    /// A message that has waited for long starts a worker anew. One that is being answered is looked at until its worker's lease is over.
    pub(crate) async fn look_at_message(&self, key: &MessageKey, now_ms: u64) -> Result<Did, StoreError> {
        let Some(message) = self.conversations.message(key).await? else {
            return Ok(Did::Nothing);
        };
        let is_held = message.lease_until.is_some_and(|until| until > now_ms);
        let is_waiting = message.status == MessageStatus::Queued;
        let still_comes = message.created_at + COMES_MS > now_ms;
        if message.status.is_ended() || (is_waiting && still_comes) {
            return Ok(Did::Nothing);
        }
        if is_held || is_waiting {
            self.conversations.look_later(&message, now_ms).await?;
            return Ok(Did::Nothing);
        }
        let problem = lost().request_id(message.request_id.as_str());
        if !self.conversations.give_up(&message, &problem.code).await? {
            return Ok(Did::Nothing);
        }
        if let Some(held) = &message.held
            && let Err(error) = self.callers.settle(held, 0).await
        {
            // The reservation ends by itself, later.
            tracing::error!(cause = chain(&error), "could not give back a reservation");
        }
        let frame = error_frame(Some(&message.sort), problem);
        if let Err(error) = self.sockets.send(&message.connection, &frame).await {
            tracing::info!(cause = chain(&error), "a client could not be told of an error");
        }
        Ok(Did::GaveUp)
    }
}
