//! Serving a router as a Lambda function: what is left for a function's `main`.

use std::{error::Error, future::Future, process::ExitCode};

use axum::Router;
use lambda_http::{
    lambda_runtime::{self, LambdaEvent},
    service_fn,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{call::deadline_of, logs};

/// Turns streaming off: set by `sam local` itself.
const AWS_SAM_LOCAL: &str = "AWS_SAM_LOCAL";
/// Turns streaming off, if it is `buffered`: for rigs that cannot hand on a streamed answer.
const RESPONSE_MODE: &str = "LAMBENT_RESPONSE_MODE";

/// What can stop a function from starting.
pub type StartError = Box<dyn Error + Send + Sync>;

/// Serves a function whose routes have `ResponseTransferMode: RESPONSE_STREAM`: starts the log and the runtime, makes the
/// router, and answers until the environment ends. Where the rig cannot stream, the same answers are sent whole.
///
/// What stops it is logged, in one line.
pub fn streaming(router: impl FnOnce() -> Result<Router, StartError>) -> ExitCode {
    if must_buffer(|name| std::env::var(name).ok()) {
        return buffered(router);
    }
    start(router, lambda_http::run_with_streaming_response)
}

/// The same for a function whose answers are small and complete at once.
pub fn buffered(router: impl FnOnce() -> Result<Router, StartError>) -> ExitCode {
    start(router, lambda_http::run)
}

/// The same for a function that no request calls: `handler` gets each event, and the instant by which it must be done with it.
pub fn events<H, E, F, R>(handler: impl FnOnce() -> Result<H, StartError>) -> ExitCode
where
    H: Fn(E, Instant) -> F,
    E: DeserializeOwned,
    F: Future<Output = Result<R, StartError>>,
    R: Serialize,
{
    start(handler, |handler| {
        lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| {
            handler(event.payload, deadline_of(&event.context))
        }))
    })
}

fn start<T, F>(make: impl FnOnce() -> Result<T, StartError>, serve: impl FnOnce(T) -> F) -> ExitCode
where
    F: Future<Output = Result<(), lambda_http::Error>>,
{
    logs::init();
    let served = in_lambda().and_then(|()| {
        // One request at a time: one thread serves it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async { serve(make()?).await })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

fn must_buffer(lookup: impl Fn(&str) -> Option<String>) -> bool {
    lookup(AWS_SAM_LOCAL).is_some_and(|value| value == "true")
        || lookup(RESPONSE_MODE).is_some_and(|value| value == "buffered")
}

fn in_lambda() -> Result<(), StartError> {
    match std::env::var_os("AWS_LAMBDA_RUNTIME_API") {
        Some(_) => Ok(()),
        None => Err(NOT_IN_LAMBDA.into()),
    }
}

const NOT_IN_LAMBDA: &str = "this is a Lambda function, and AWS_LAMBDA_RUNTIME_API is not set: `cargo run` serves the whole \
    API on this machine, `sam local invoke` runs one function";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sent_whole_where_the_rig_cannot_stream() {
        let with = |name: &'static str, value: &'static str| {
            must_buffer(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert!(with(AWS_SAM_LOCAL, "true"));
        assert!(with(RESPONSE_MODE, "buffered"));
        assert!(!with(RESPONSE_MODE, "streaming"));
        assert!(!must_buffer(|_| None));
    }
}
