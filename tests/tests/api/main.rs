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
mod ask;
mod budgets;
mod callers;
mod documents;
mod errors;
mod jobs;
mod many_streams;
mod openai;
mod rates;
mod request_log;
mod search;
mod secrets;
mod service;
mod tokens;
