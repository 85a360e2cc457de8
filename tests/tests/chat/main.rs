//! Chat over the socket.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod answers;
