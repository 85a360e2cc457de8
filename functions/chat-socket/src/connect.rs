//! Opening sockets and forgetting them.

use lambent_schema::{Problem, ProblemCode, Scope};
use lambent_service::{Asking, Failure, Gate as _, call::gone_by_ms, chain, sha256};
use lambent_store::{
    conversations::{Connection, Session},
    now_ms,
};
use tokio::time::Instant;

use crate::{Socket, SocketEvent, unavailable};

impl Socket {
    /// Whether a socket is opened: a status.
    pub(crate) async fn connect(&self, event: &SocketEvent, deadline: Instant) -> u16 {
        match self.open(event, deadline).await {
            Ok(()) => 200,
            Err(failure) => {
                failure.log();
                failure.problem().status
            }
        }
    }

    async fn open(&self, event: &SocketEvent, deadline: Instant) -> Result<(), Failure> {
        let session = match event.ticket() {
            Some(ticket) => self.of_ticket(ticket).await?,
            None => self.of_headers(event, deadline).await?,
        };
        let context = &event.request_context;
        let connection = Connection {
            connection: context.connection_id.clone(),
            session,
            connected_at: context.connected_at,
            told_idle_at: None,
            told_age: false,
        };
        let due_at = self.config.due_at(context.connected_at, context.connected_at);
        let opened = self.conversations.open(&connection, due_at).await;
        opened.map_err(unavailable)
    }

    async fn of_ticket(&self, ticket: &str) -> Result<Session, Failure> {
        let hash = sha256(&[ticket.as_bytes()]);
        let taken = self.conversations.take_ticket(&hash, now_ms()).await;
        taken.map_err(unavailable)?.ok_or_else(|| {
            let detail = "There is no such ticket, it was used, or its time is over.";
            Failure::new(Problem::new(ProblemCode::Unauthenticated, detail))
        })
    }

    async fn of_headers(&self, event: &SocketEvent, deadline: Instant) -> Result<Session, Failure> {
        let headers = event.headers();
        let asking = Asking {
            headers: &headers,
            scope: Some(Scope::Chat),
            price: None,
            until_ms: gone_by_ms(deadline),
        };
        let admitted = self.guard.admit(asking).await?;
        Ok(Session {
            caller: admitted.caller.id,
            scopes: admitted.caller.scopes,
        })
    }

    /// Forgets a socket. Answers on their way to it find it gone.
    pub(crate) async fn disconnect(&self, event: &SocketEvent) -> u16 {
        let connection = &event.request_context.connection_id;
        if let Err(error) = self.conversations.close(connection).await {
            // The sweeper will.
            tracing::warn!(cause = chain(&error), "could not forget a connection");
        }
        200
    }
}
