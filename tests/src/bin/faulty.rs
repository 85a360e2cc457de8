//! A function that does what functions must not do, as its caller asks for: for tests of what becomes of it.
//!
//! `POST /analyse/stream` with a header `x-fault` of `panic` (before the first byte), `panic-later` (after it), `block` (holds the
//! process), `exit`, or `error-later`; without the header it streams two words.
#![allow(clippy::panic, clippy::exit, reason = "it is what this is for")]

use std::{process::ExitCode, sync::Arc};

use async_stream::stream;
use axum::{Router, http::HeaderMap, response::Response};
use lambent_callers::guarded_from_env;
use lambent_schema::{
    Problem, ProblemCode, Usage,
    endpoints::analysis::AnalyseStream,
    stream::{Done, FinishReason},
};
use lambent_service::{Call, Failure, Form, Step, endpoint, serve, stream::respond};

fn main() -> ExitCode {
    serve::streaming(|| {
        let service = guarded_from_env()?.priced(Arc::new(|_, _| 0));
        Ok::<Router, _>(endpoint::<AnalyseStream, _, _, _>(&service, faulty))
    })
}

async fn faulty(headers: HeaderMap, call: Call) -> Response {
    let fault = headers.get("x-fault").and_then(|value| value.to_str().ok());
    let fault = fault.unwrap_or_default().to_owned();
    match fault.as_str() {
        "panic" => panic!("hunter2"),
        "block" => std::thread::sleep(std::time::Duration::from_secs(60)),
        "exit" => std::process::exit(7),
        _ => {}
    }
    let id = call.id.as_str().to_owned();
    let call_cost = call.record.cost();
    let steps = stream! {
        yield Ok(Step::Delta("one".to_owned()));
        match fault.as_str() {
            "panic-later" => panic!("hunter2"),
            "error-later" => yield Err(Failure::new(Problem::new(ProblemCode::ModelFailed, "It broke."))),
            _ => {}
        }
        yield Ok(Step::Delta(" two".to_owned()));
        yield Ok(Step::Done(Done {
            request_id: id,
            model: "none".to_owned(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            cost: call_cost,
            analysis: None,
        }));
    };
    respond(call, Form::Events, steps)
}
