//! Takes what comes over sockets: lets them be opened, takes messages for `chat-worker`, and answers what needs no model.
//!
//! The routes of the WebSocket API are one function's: `$connect` checks the caller, `$default` takes frames, `$disconnect` forgets the socket.
//! Whatever is wrong with a frame is told in an `error` frame; the socket stays open.

mod connect;
mod event;
mod message;

pub use event::{Context, EventType, SocketAnswer, SocketEvent};

use lambent_callers::Guard;
use lambent_chat::{ChatConfig, Sockets, error_frame};
use lambent_llm::Pricing;
use lambent_schema::{
    Problem, RequestBody, Violation,
    endpoints::chat::{CancelFrame, MessageFrame, PingFrame, ServerFrame},
};
use lambent_service::{Failure, RequestId, Service, chain, parse};
use lambent_store::{Conversations, StoreError};
use serde::Deserialize;
use tokio::time::Instant;

/// What takes frames. One for all invocations of a process.
#[derive(Debug)]
pub struct Socket {
    /// The request log.
    pub service: Service,
    /// What decides over callers.
    pub guard: Guard,
    /// What is said.
    pub conversations: Conversations,
    /// The sockets.
    pub sockets: Sockets,
    /// What an answer can cost.
    pub pricing: Pricing,
    /// How long sockets last.
    pub config: ChatConfig,
}

/// A frame, by its type.
enum Frame {
    Message(MessageFrame),
    Cancel(CancelFrame),
    Ping,
}

impl Socket {
    /// Does what an event asks for, until `deadline`.
    pub async fn handle(&self, event: SocketEvent, deadline: Instant) -> SocketAnswer {
        let status_code = match event.request_context.event_type {
            EventType::Connect => self.connect(&event, deadline).await,
            EventType::Message => self.take(&event).await,
            EventType::Disconnect => self.disconnect(&event).await,
        };
        SocketAnswer { status_code }
    }

    async fn take(&self, event: &SocketEvent) -> u16 {
        let connection = &event.request_context.connection_id;
        let id = RequestId::new();
        let frame = match self.answer(event, &id).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return 200,
            Err(failure) => {
                let problem = failure.problem().clone().request_id(id.as_str());
                failure.log();
                error_frame(None, problem)
            }
        };
        if let Err(error) = self.sockets.send(connection, &frame).await {
            tracing::info!(cause = chain(&error), "a client could not be answered");
        }
        200
    }

    /// What is answered at once, if anything.
    async fn answer(&self, event: &SocketEvent, id: &RequestId) -> Result<Option<ServerFrame>, Failure> {
        match frame(event.body.as_deref().unwrap_or_default())? {
            Frame::Ping => return Ok(Some(ServerFrame::Pong)),
            Frame::Message(said) => self.say(event, id, said).await?,
            Frame::Cancel(cancel) => self.cancel(event, &cancel).await?,
        }
        Ok(None)
    }
}

/// The frame in a text, or what is wrong with it.
fn frame(text: &str) -> Result<Frame, Failure> {
    /// As much as says which frame it is.
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Option<std::borrow::Cow<'a, str>>,
    }
    let kind = serde_json::from_str(text)
        .ok()
        .and_then(|kind: Kind<'_>| kind.kind);
    Ok(match kind.as_deref() {
        Some("cancel") => Frame::Cancel(read(text)?),
        Some("ping") => {
            read::<PingFrame>(text)?;
            Frame::Ping
        }
        Some("message") => Frame::Message(read(text)?),
        // What is not JSON is told so.
        _ => {
            read::<MessageFrame>(text)?;
            return Err(unknown_type());
        }
    })
}

fn read<T: RequestBody>(text: &str) -> Result<T, Failure> {
    let is_of_type = |violation: &Violation| violation.pointer == "/type";
    parse(text.as_bytes()).map_err(|failure| {
        if failure.problem().errors.iter().any(is_of_type) {
            return unknown_type();
        }
        failure
    })
}

fn unknown_type() -> Failure {
    Failure::new(Problem::invalid(vec![Violation {
        pointer: "/type".to_owned(),
        detail: "Must be one of: message, cancel, ping".to_owned(),
        code: "not_one_of".into(),
    }]))
}

fn unavailable(cause: StoreError) -> Failure {
    Failure::unavailable("The table of conversations does not answer.", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_frame_is_told_by_place_and_not_by_value() {
        let problem = |text: &str| match frame(text) {
            Err(failure) => failure.problem().clone(),
            Ok(_) => panic!("{text} is a frame"),
        };
        assert_eq!(problem("garbage").code, "invalid_json");
        assert_eq!(problem("").code, "invalid_json");
        for unknown in [
            "{}",
            r#"{"type": "hunter2"}"#,
            "[]",
            "7",
            r#"{"type": 7, "text": "x"}"#,
        ] {
            let problem = problem(unknown);
            assert_eq!(problem.code, "validation_failed", "{unknown}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
        let empty = problem(r#"{"type": "message", "text": " ", "more": 1}"#);
        let pointers: Vec<_> = empty.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/more", "/text"]);
        let long = format!(r#"{{"type": "message", "text": "{}"}}"#, "é".repeat(8001));
        assert_eq!(problem(&long).errors[0].code, "too_long");
        assert!(matches!(frame(r#"{"type": "ping"}"#), Ok(Frame::Ping)));
    }
}
