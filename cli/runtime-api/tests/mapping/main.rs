//! An event source mapping between the stream of an embedded DynamoDB, over its protocol, and functions of these tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod events;
mod failures;
mod filters;
mod order;
mod rig;
mod shards;
