//! Sockets, as those see them who do not hold them: API Gateway does, or what stands for it on this machine. What is said to a client is
//! posted to its management API ([`Sockets`]).

mod config;
mod request;
mod sockets;

pub use config::{ChatConfig, ConfigError};
pub use sockets::{Seen, SocketError, Sockets};

use lambent_schema::{
    Problem, ProblemCode,
    endpoints::chat::{ErrorFrame, ServerFrame},
};

/// An error as a frame.
#[must_use]
pub fn error_frame(message_id: Option<&str>, error: Problem) -> ServerFrame {
    ServerFrame::Error(ErrorFrame {
        message_id: message_id.map(str::to_owned),
        error,
    })
}

/// What a client is told whose answer nobody is writing any more.
#[must_use]
pub fn lost() -> Problem {
    Problem::new(
        ProblemCode::AnswerLost,
        "Whoever wrote the answer has ended without a word. Say it again.",
    )
}
