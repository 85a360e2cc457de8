//! Tests of the whole API over HTTP, and what they stand on.

// A test that cannot be set up has failed: saying so where it happens is what these modules are for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests"
)]

#[cfg(feature = "api")]
pub mod api;
#[cfg(feature = "api")]
pub mod chat;
pub mod database;
pub mod documents;
pub mod processes;
pub mod sse;
pub mod upstream;
