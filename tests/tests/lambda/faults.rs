//! A function that panics, blocks or dies: what its caller gets, and what becomes of its environment.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use lambent_runtime_api::InvokeError;
use lambent_store::State;
use lambent_tests::sse::Events;
use serde_json::Value;

use crate::cloud::{Cloud, call, post, text};

fn with(fault: &str) -> Request<Bytes> {
    post("/analyse/stream", &[("x-fault", fault)], "{}")
}

#[tokio::test]
async fn a_panic_before_the_first_byte_is_a_500_and_the_environment_goes_on() {
    let cloud = Cloud::start().await;
    let function = cloud.faulty(|_| {});
    for served in 1..=2 {
        let answer = call(&function, with("panic")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&text(answer).await).unwrap();
        assert_eq!(problem["code"], "internal");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
        let idle = crate::environments::idle(&function).await;
        assert_eq!(idle.iter().map(|info| info.served).collect::<Vec<_>>(), [served]);
    }
}

#[tokio::test]
async fn what_breaks_a_stream_is_an_error_event_and_nothing_of_the_runtime_s() {
    let cloud = Cloud::start().await;
    let function = cloud.faulty(|_| {});
    for (fault, code) in [("panic-later", "internal"), ("error-later", "model_failed")] {
        let answer = call(&function, with(fault)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = text(answer).await;
        let events = Events::parse(&body);
        assert_eq!(events.text(), "one");
        let (name, data) = events.terminal();
        assert_eq!((name, data["error"]["code"].as_str()), ("error", Some(code)));
        for internal in ["hunter2", "Lambda-Runtime-Function-Error"] {
            assert!(!body.contains(internal), "{body}");
        }
        let record = &cloud.records().await[0];
        assert_eq!(
            (record.state, record.error_code.as_deref()),
            (State::Error, Some(code))
        );
    }
}

#[tokio::test]
async fn a_process_that_is_out_of_time_is_killed_and_the_next_event_gets_another() {
    let cloud = Cloud::start().await;
    let function = cloud.faulty(|config| config.timeout = Duration::from_secs(4));
    text(call(&function, with("none")).await.unwrap()).await;
    let pid = crate::environments::idle(&function).await[0].pid;
    let error = call(&function, with("block")).await.unwrap_err();
    assert!(matches!(error, InvokeError::Timeout(_)), "{error}");
    assert_eq!(function.idle(), []);
    let is_there =
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if !is_there() {
            break;
        }
    }
    assert!(!is_there(), "process {pid} was not killed");
    let answer = call(&function, with("none")).await.unwrap();
    assert_eq!(Events::parse(&text(answer).await).terminal().0, "done");
}

#[tokio::test]
async fn a_process_that_ends_is_an_error_and_the_next_event_gets_another() {
    let cloud = Cloud::start().await;
    let function = cloud.faulty(|_| {});
    let error = call(&function, with("exit")).await.unwrap_err();
    assert!(matches!(error, InvokeError::Exited), "{error}");
    let answer = call(&function, with("none")).await.unwrap();
    assert_eq!(Events::parse(&text(answer).await).text(), "one two");
}

#[tokio::test]
async fn an_idle_process_that_something_killed_is_replaced() {
    let cloud = Cloud::start().await;
    let function = cloud.faulty(|_| {});
    text(call(&function, with("none")).await.unwrap()).await;
    let pid = crate::environments::idle(&function).await[0].pid.to_string();
    let killed = std::process::Command::new("/bin/sh")
        .args(["-c", "kill -KILL \"$0\"", &pid])
        .status();
    assert!(killed.unwrap().success());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = call(&function, with("none")).await.unwrap();
    assert_eq!(Events::parse(&text(answer).await).text(), "one two");
}

#[test]
fn a_function_that_is_not_configured_says_what_is_missing() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_faulty"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("LAMBENT_REQUESTS_TABLE is not set"), "{said}");
}
