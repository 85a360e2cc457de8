//! Taking messages, and cancelling answers.

use http::HeaderMap;
use lambent_schema::{
    Problem, ProblemCode, Scope,
    background::{CHAT_SOCKET, CHAT_TIMEOUT_SECS},
    endpoints::chat::{CancelFrame, MAX_HISTORY_BYTES, MessageFrame, PROMPT_BYTES, ROUTE},
};
use lambent_service::{Admitted, Asking, Failure, Hold, Outcome, RequestId, Work};
use lambent_store::{
    CallerId,
    conversations::{Message, NewMessage, Session},
    now_ms,
};
use uuid::Uuid;

use crate::{Socket, SocketEvent, unavailable};

/// How long a message may wait for a worker, in seconds.
const MAX_WAIT_SECS: u32 = 120;

impl Socket {
    /// Takes a message: decides over its caller, reserves the most that the answer can cost, and puts it for a worker.
    pub(crate) async fn say(
        &self,
        event: &SocketEvent,
        id: &RequestId,
        said: MessageFrame,
    ) -> Result<(), Failure> {
        let session = self.session(event).await?;
        let now = now_ms();
        let held_until = now + u64::from(MAX_WAIT_SECS + CHAT_TIMEOUT_SECS) * 1000;
        // First, since it is also what bounds how much a caller can have read.
        let Admitted { caller, hold, .. } = match self.admit(&session, &said, held_until).await {
            Ok(admitted) => admitted,
            Err(failure) => return Err(self.refused(id, &session, None, failure).await),
        };
        let went_on = match &said.conversation_id {
            Some(conversation) => self.goes_on(&session.caller, conversation).await,
            None => Ok(()),
        };
        if let Err(failure) = went_on {
            return Err(self.refused(id, &session, hold, failure).await);
        }
        let message = NewMessage {
            message_id: Uuid::now_v7().to_string(),
            conversation_id: said.conversation_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            connection: event.request_context.connection_id.clone(),
            request_id: id.as_str().to_owned(),
            text: said.text,
            max_output_tokens: caller.max_output_tokens,
            caller: session.caller.clone(),
            held: hold.as_ref().map(|hold| hold.held().clone()),
            held_until,
            now_ms: now,
        };
        let Err(error) = self.conversations.say(&message).await else {
            return Ok(());
        };
        // Where it is not known whether the message is there, its worker settles what is reserved, or time does.
        if !error.is_refusal() {
            return Err(unavailable(error));
        }
        Err(self.refused(id, &session, hold, unavailable(error)).await)
    }

    /// Asks whoever writes the answer in a conversation to stop.
    pub(crate) async fn cancel(&self, event: &SocketEvent, cancel: &CancelFrame) -> Result<(), Failure> {
        let session = self.session(event).await?;
        let last = self.last(&session.caller, &cancel.conversation_id).await?;
        let cancelled = self.conversations.cancel(&last.key()).await;
        if cancelled.map_err(unavailable)? {
            return Ok(());
        }
        let detail = "No answer is being written in this conversation.";
        Err(Failure::new(Problem::new(ProblemCode::NotFound, detail)))
    }

    async fn session(&self, event: &SocketEvent) -> Result<Session, Failure> {
        let connection = &event.request_context.connection_id;
        let found = self.conversations.connection(connection).await;
        let found = found.map_err(unavailable)?.ok_or_else(|| {
            let detail = "This socket is not known. Open another one.";
            Failure::new(Problem::new(ProblemCode::Unauthenticated, detail))
        })?;
        Ok(found.session)
    }

    async fn admit(
        &self,
        session: &Session,
        said: &MessageFrame,
        until_ms: u64,
    ) -> Result<Admitted, Failure> {
        let history = match said.conversation_id {
            Some(_) => MAX_HISTORY_BYTES as u64,
            None => 0,
        };
        let bytes = PROMPT_BYTES + history + said.text.len() as u64;
        let price = |own: Option<u32>| self.pricing.at_most(bytes, 1, own);
        let asking = Asking {
            headers: &HeaderMap::new(),
            scope: Some(Scope::Chat),
            price: Some(&price),
            until_ms,
        };
        self.guard
            .admit_known(&session.caller, &session.scopes, asking)
            .await
    }

    /// Whether a conversation can go on: the caller has one of this id, and no answer is being written in it.
    async fn goes_on(&self, caller: &CallerId, conversation: &str) -> Result<(), Failure> {
        let last = self.last(caller, conversation).await?;
        if last.status.is_ended() {
            return Ok(());
        }
        let detail = "Wait for the end of the answer that is being written, or cancel it.";
        Err(Failure::new(Problem::new(ProblemCode::ConversationBusy, detail)))
    }

    async fn last(&self, caller: &CallerId, conversation: &str) -> Result<Message, Failure> {
        let last = self.conversations.last(caller, conversation).await;
        last.map_err(unavailable)?.ok_or_else(|| {
            let detail = "There is no such conversation.";
            Failure::new(Problem::new(ProblemCode::NotFound, detail))
        })
    }

    /// Records a message that is not answered, and gives back what was reserved for it. The others are recorded by their worker.
    async fn refused(
        &self,
        id: &RequestId,
        session: &Session,
        hold: Option<Hold>,
        failure: Failure,
    ) -> Failure {
        let work = Work {
            id: id.as_str(),
            function: CHAT_SOCKET.function,
            route: ROUTE,
            caller: session.caller.clone(),
        };
        let problem = failure.problem();
        let outcome = Outcome::Error(problem.code.clone().into_owned());
        let _ = self
            .service
            .work(work, hold)
            .finish(problem.status, outcome)
            .await;
        failure
    }
}
