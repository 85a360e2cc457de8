//! The API over HTTP, as its callers see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

mod analyse;
mod analyse_stream;
mod errors;
mod many_streams;
mod request_log;
mod service;
