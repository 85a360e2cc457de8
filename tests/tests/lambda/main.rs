//! Functions as processes behind a Runtime API, as Lambda runs them.
//!
//! `faults` runs a function of its own. The others run the real ones, as they are deployed: `LAMBENT_TEST_FUNCTIONS` is the folder
//! with their binaries, `.aws-sam/build` for example. Without it they say so and pass, unless `LAMBENT_REQUIRE_LAMBDA=1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests, which print figures and why they are skipped"
)]

mod cloud;
mod emulator;
mod environments;
mod faults;
mod routes;
