//! Looks after sockets that are near their end, and after messages that nobody answers.
//!
//! Clients are told before the gateway closes their sockets. When one was last active the gateway knows: asking it here, once in a while, costs
//! less than a write for each message. A message whose worker died, and whose record in the table's stream is used up or behind others,
//! ends here in an `error` frame.

mod message;
mod socket;

use futures::{StreamExt as _, stream};
use lambent_chat::{ChatConfig, Sockets};
use lambent_service::chain;
use lambent_store::{Callers, Conversations, StoreError, conversations::Due};
use serde::Serialize;

/// The most of one sweep. The next ones are for the next one.
const AT_MOST: usize = 2000;
/// Looked after at once.
const AT_ONCE: usize = 16;

/// What looks after them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// What is said.
    pub conversations: Conversations,
    /// The sockets.
    pub sockets: Sockets,
    /// Whose money is reserved.
    pub callers: Callers,
    /// How long sockets last.
    pub config: ChatConfig,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Clients that were told that their socket will be closed.
    pub told: u32,
    /// Sockets that were closed, or were gone.
    pub closed: u32,
    /// Messages whose clients were told that nobody answers them.
    pub messages: u32,
}

/// What was done about one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    Told,
    Closed,
    GaveUp,
    Nothing,
}

impl Sweeper {
    /// Looks after everything that is due at this time, in ms since 1970.
    ///
    /// # Errors
    /// The last one, after all others were looked after.
    pub async fn sweep(&self, now_ms: u64) -> Result<Swept, StoreError> {
        let due = self.conversations.due(now_ms, AT_MOST).await?;
        let mut looked = stream::iter(due)
            .map(|due| async move {
                match due {
                    Due::Message(key) => self.look_at_message(&key, now_ms).await,
                    Due::Connection(id) => self.look_at_socket(&id, now_ms).await,
                }
            })
            .buffer_unordered(AT_ONCE);
        let (mut swept, mut failed) = (Swept::default(), None);
        while let Some(one) = looked.next().await {
            match one {
                Ok(Did::Told) => swept.told += 1,
                Ok(Did::Closed) => swept.closed += 1,
                Ok(Did::GaveUp) => swept.messages += 1,
                Ok(Did::Nothing) => {}
                Err(error) => {
                    tracing::error!(cause = chain(&error), "could not look after a chat");
                    failed = Some(error);
                }
            }
        }
        if swept != Swept::default() {
            tracing::info!(?swept, "looked after chats");
        }
        failed.map_or(Ok(swept), Err)
    }
}
