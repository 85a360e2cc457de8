//! The `docs` function.

use std::process::ExitCode;

use docs::OAuth;
use lambent_service::{Service, serve};

fn main() -> ExitCode {
    serve::buffered(|| Ok(docs::router(&Service::from_env()?, OAuth::from_env()?)))
}
