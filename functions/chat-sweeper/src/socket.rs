//! Sockets that are near their end.

use std::time::Duration;

use lambent_chat::{Seen, SocketError};
use lambent_schema::endpoints::chat::{Reconnect, ReconnectReason, ServerFrame};
use lambent_service::chain;
use lambent_store::{StoreError, conversations::Connection};

use crate::{Did, Sweeper};

/// After what time a socket is looked at again that could not be looked at, in ms.
const AGAIN_MS: u64 = 60_000;

impl Sweeper {
    pub(crate) async fn look_at_socket(&self, id: &str, now_ms: u64) -> Result<Did, StoreError> {
        let Some(connection) = self.conversations.connection(id).await? else {
            return Ok(Did::Nothing);
        };
        match self.sockets.look(id).await {
            Ok(seen) => self.look(connection, seen, now_ms).await,
            // Nobody has told that it was closed.
            Err(SocketError::Gone) => self.forget(id).await,
            Err(error) => {
                tracing::warn!(cause = chain(&error), "could not look at a socket");
                self.conversations.told(&connection, now_ms + AGAIN_MS).await?;
                Ok(Did::Nothing)
            }
        }
    }

    async fn look(&self, mut connection: Connection, seen: Seen, now_ms: u64) -> Result<Did, StoreError> {
        let (age_ends, idle_ends) = (
            connection.connected_at + ms(self.config.age),
            seen.last_active_at + ms(self.config.idle),
        );
        let notice = ms(self.config.notice);
        // What was said to it counts as activity: whether its client has said anything since then shows by a later time.
        if let Some(told) = connection.told_idle_at {
            let is_still_idle = seen.last_active_at <= told + SLACK_MS;
            if is_still_idle && now_ms >= told + notice {
                // The gateway would count from the notice on; the client was told otherwise.
                let _ = self.sockets.close(&connection.connection).await;
                return self.forget(&connection.connection).await;
            }
            if is_still_idle {
                self.conversations.told(&connection, told + notice).await?;
                return Ok(Did::Nothing);
            }
            connection.told_idle_at = None;
        }
        let (reason, ends) = if !connection.told_age && now_ms + notice >= age_ends {
            connection.told_age = true;
            (ReconnectReason::Age, age_ends)
        } else if now_ms + notice >= idle_ends {
            connection.told_idle_at = Some(now_ms);
            (ReconnectReason::Idle, now_ms.max(idle_ends))
        } else {
            let due_at = self.next(&connection, seen.last_active_at, age_ends);
            self.conversations.told(&connection, due_at).await?;
            return Ok(Did::Nothing);
        };
        let frame = ServerFrame::Reconnect(Reconnect {
            reason,
            in_seconds: ends.saturating_sub(now_ms).div_ceil(1000),
        });
        match self.sockets.send(&connection.connection, &frame).await {
            Ok(()) => {}
            Err(SocketError::Gone) => return self.forget(&connection.connection).await,
            Err(error) => tracing::warn!(
                cause = chain(&error),
                "a client could not be told of its socket's end"
            ),
        }
        // The gateway counts what was said to it as activity, so that this is the time which tells its client's from it.
        connection.told_idle_at = connection
            .told_idle_at
            .map(|_| lambent_store::now_ms().max(now_ms));
        let due_at = match connection.told_idle_at {
            Some(told) => told + notice,
            None => self.next(&connection, now_ms, age_ends),
        };
        self.conversations.told(&connection, due_at).await?;
        Ok(Did::Told)
    }

    /// When to look again: before it has been idle for too long, or open; once that was told, when it is closed.
    fn next(&self, connection: &Connection, last_active_at: u64, age_ends: u64) -> u64 {
        let by_idle = self.config.due_at(u64::MAX / 2, last_active_at);
        let by_age = match connection.told_age {
            true => age_ends + AGAIN_MS,
            false => age_ends.saturating_sub(ms(self.config.notice)),
        };
        by_idle.min(by_age)
    }

    async fn forget(&self, id: &str) -> Result<Did, StoreError> {
        self.conversations.close(id).await?;
        Ok(Did::Closed)
    }
}

/// Between this clock and the gateway's.
const SLACK_MS: u64 = 1000;

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
