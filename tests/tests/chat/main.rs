//! Chat over the socket.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
mod frames;
mod money;
mod notices;
mod opening;
mod stopping;
