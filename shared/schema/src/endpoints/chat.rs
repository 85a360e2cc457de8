//! Chat over WebSocket: the ticket that opens a socket, and the frames that go over it, each one message of JSON text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{EXAMPLE_REQUEST_ID, EXAMPLE_USAGE};
use crate::{
    Cost, Problem, ProblemCode, Usage,
    endpoint::{Access, Content, Endpoint, Method, NoBody, Reply, RequestBody, Scope, Transfer},
};

/// Where `lambent dev` opens sockets. In the cloud it is the stage of an API of its own.
pub const SOCKET_PATH: &str = "/ws/chat";
/// How long a ticket is valid, in seconds.
pub const TICKET_SECS: u32 = 60;
/// The most characters of a message. Of four bytes each, and with what stands around them, they fit one frame.
pub const MAX_TEXT_CHARS: usize = 8000;
/// The largest message that a socket takes, in bytes: a larger one closes it with 1009. API Gateway's limit.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// For how long a socket may be silent, in seconds. API Gateway's limit.
pub const IDLE_SECS: u32 = 10 * 60;
/// For how long a socket may be open, in seconds. API Gateway's limit.
pub const AGE_SECS: u32 = 2 * 60 * 60;
/// The most bytes of what was said before that a message is answered with. They are part of what it can cost.
pub const MAX_HISTORY_BYTES: usize = 32 * 1024;
/// Bytes of text after which a piece of an answer is sent at the latest.
pub const MAX_DELTA_BYTES: usize = 16 * 1024;
/// Milliseconds in which pieces of an answer are gathered before they are sent: API Gateway bills each message.
pub const GATHERED_MS: u64 = 75;

/// Bytes of instructions that the model is asked with, at most. They are part of what a message can cost.
pub const PROMPT_BYTES: u64 = 1024;
/// What the request log calls the route of a message.
pub const ROUTE: &str = "WS message";

const EXAMPLE_CONVERSATION: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f010";
const EXAMPLE_MESSAGE: &str = "0199a1de-7c55-7d0c-9b63-52b1a1a4f011";

/// What a browser opens a socket with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// The ticket. It opens one socket.
    pub ticket: String,
    /// Where to: the socket's address, with the ticket in it.
    pub url: String,
    /// Until when.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: String,
}

/// `POST /chat/tickets`.
pub struct ChatTickets;

impl Endpoint for ChatTickets {
    const FUNCTION: &'static str = "chat-tickets";
    const ID: &'static str = "chat_tickets";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/chat/tickets";
    const SUMMARY: &'static str = "A ticket to open a socket with";
    const DESCRIPTION: &'static str = "Browsers cannot send headers when they open a WebSocket, so that they open it with a ticket: \
        `new WebSocket(url)`, within 60 seconds, once. What goes over the socket is in [asyncapi.json](asyncapi.json). Whoever can send \
        headers needs no ticket: the socket takes the same credentials as every path.";
    const TAG: &'static str = "Chat";
    const ACCESS: Access = Access::Caller(Scope::Chat);
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = 10;
    type Body = NoBody;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 201,
            description: "The ticket.",
            headers: &[],
            content: vec![Content::json(&Ticket {
                ticket: "Zl3vVqH6mJ0pXk2nT8sYw1cR5uB7dE9f".to_owned(),
                url: "wss://chat.example.com/?ticket=Zl3vVqH6mJ0pXk2nT8sYw1cR5uB7dE9f".to_owned(),
                expires_at: "2026-11-21T09:31:00.250Z".to_owned(),
            })],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = &[];
}

/// Something said to the model, which answers with `started`, `delta`s, and exactly one `done` or `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageFrame {
    /// `message`.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// What it goes on with; a new conversation is begun without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^[0-9a-f-]{36}$"))]
    pub conversation_id: Option<String>,
    /// What is said: 1 to 8,000 characters.
    #[schemars(length(min = 1, max = MAX_TEXT_CHARS), regex(pattern = r"\S"))]
    #[schemars(extend("errorMessage" = {"pattern": "A message must contain more than white space"}))]
    pub text: String,
}

/// `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum MessageKind {
    /// Something is said.
    Message,
}

/// The answer that is being written in a conversation is to stop. It ends with `done` at its next token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFrame {
    /// `cancel`.
    #[serde(rename = "type")]
    pub kind: CancelKind,
    /// The conversation.
    #[schemars(regex(pattern = r"^[0-9a-f-]{36}$"))]
    pub conversation_id: String,
}

/// `cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum CancelKind {
    /// Stop.
    Cancel,
}

/// Is anybody there? It is answered with `pong`, and keeps a silent socket open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PingFrame {
    /// `ping`.
    #[serde(rename = "type")]
    pub kind: PingKind,
}

/// `ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PingKind {
    /// Is anybody there?
    Ping,
}

impl RequestBody for MessageFrame {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |conversation_id, text: &str| Self {
            kind: MessageKind::Message,
            conversation_id,
            text: text.to_owned(),
        };
        vec![
            ("first", of(None, "When does the night train leave?")),
            (
                "next",
                of(Some(EXAMPLE_CONVERSATION.to_owned()), "And when does it arrive?"),
            ),
        ]
    }
}

impl RequestBody for CancelFrame {
    fn examples() -> Vec<(&'static str, Self)> {
        vec![(
            "cancel",
            Self {
                kind: CancelKind::Cancel,
                conversation_id: EXAMPLE_CONVERSATION.to_owned(),
            },
        )]
    }
}

impl RequestBody for PingFrame {
    fn examples() -> Vec<(&'static str, Self)> {
        vec![("ping", Self { kind: PingKind::Ping })]
    }
}

/// What the API says over a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame {
    /// The model is asked.
    Started(Started),
    /// The next piece of an answer.
    Delta(DeltaFrame),
    /// An answer has ended.
    Done(DoneFrame),
    /// An answer breaks off, or a frame could not be taken. The socket stays open.
    Error(ErrorFrame),
    /// Somebody is there.
    Pong,
    /// The socket will be closed. Open another one; conversations go on there.
    Reconnect(Reconnect),
}

/// The model is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The conversation, to go on with.
    pub conversation_id: String,
    /// The message that is answered.
    pub message_id: String,
    /// The id of the request, as the log has it.
    pub request_id: String,
}

/// The next piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeltaFrame {
    /// The message that is answered.
    pub message_id: String,
    /// The number of the piece, from 1, without gaps.
    pub seq: u32,
    /// The piece. All pieces in order are the whole text.
    pub text: String,
}

/// An answer has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoneFrame {
    /// The conversation, to go on with.
    pub conversation_id: String,
    /// The message that is answered.
    pub message_id: String,
    /// One more than the last piece's: a client that has fewer pieces has lost some.
    pub seq: u32,
    /// The model that answered.
    pub model: String,
    /// Why the answer ends.
    pub finish_reason: ChatFinish,
    /// Tokens read and written.
    pub usage: Usage,
    /// What the answer cost.
    pub cost: Cost,
    /// The id of the request, as the log has it.
    pub request_id: String,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ChatFinish {
    /// The model had said all.
    Stop,
    /// It reached the limit of output tokens: the text is cut off there.
    Length,
    /// The client wanted no more of it.
    Cancelled,
    /// For a reason of its provider's own.
    Other,
}

/// An answer breaks off, or a frame could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorFrame {
    /// The message whose answer breaks off; absent where a frame could not be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub message_id: Option<String>,
    /// What happened.
    pub error: Problem,
}

/// The socket will be closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reconnect {
    /// Why.
    pub reason: ReconnectReason,
    /// In how many seconds, about.
    pub in_seconds: u64,
}

/// Why a socket will be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ReconnectReason {
    /// Nothing was said for long. Any frame keeps it open.
    Idle,
    /// It has been open for as long as a socket may.
    Age,
}

impl ServerFrame {
    /// One of each, as they may look: name, when it comes, and the frame.
    #[must_use]
    pub fn examples() -> Vec<(&'static str, &'static str, Self)> {
        let [conversation_id, message_id, request_id] =
            [EXAMPLE_CONVERSATION, EXAMPLE_MESSAGE, EXAMPLE_REQUEST_ID].map(str::to_owned);
        let busy = Problem::new(
            ProblemCode::ModelBusy,
            "The model takes no more requests for now.",
        );
        vec![
            (
                "started",
                "The model is asked.",
                Self::Started(Started {
                    conversation_id: conversation_id.clone(),
                    message_id: message_id.clone(),
                    request_id: request_id.clone(),
                }),
            ),
            (
                "delta",
                "The next piece of the answer.",
                Self::Delta(DeltaFrame {
                    message_id: message_id.clone(),
                    seq: 1,
                    text: "It leaves ".to_owned(),
                }),
            ),
            (
                "done",
                "The answer is complete, or was cancelled. The last frame about its message.",
                Self::Done(DoneFrame {
                    conversation_id,
                    message_id: message_id.clone(),
                    seq: 2,
                    model: "smollm2-135m-instruct".to_owned(),
                    finish_reason: ChatFinish::Stop,
                    usage: EXAMPLE_USAGE,
                    cost: Cost {
                        tokens: 692,
                        compute: 11,
                    },
                    request_id: request_id.clone(),
                }),
            ),
            (
                "error",
                "The answer breaks off here (the last frame about its message), or a frame could not be taken. The socket stays open.",
                Self::Error(ErrorFrame {
                    message_id: Some(message_id),
                    error: busy.retry_after(2).request_id(request_id),
                }),
            ),
            ("pong", "The answer to a ping.", Self::Pong),
            (
                "reconnect",
                "The socket will be closed. Conversations go on over another one.",
                Self::Reconnect(Reconnect {
                    reason: ReconnectReason::Idle,
                    in_seconds: 60,
                }),
            ),
        ]
    }
}
