//! The `health` function.

use std::process::ExitCode;

use lambent_service::{Service, serve};

fn main() -> ExitCode {
    serve::buffered(|| Ok(health::router(&Service::from_env()?)))
}
