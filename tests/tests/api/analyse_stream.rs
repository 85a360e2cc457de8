//! `POST /analyse/stream`.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lambent_store::State;
use lambent_tests::{
    api::{Api, MODEL, report, request},
    sse::Events,
    upstream::{Answer, Behaviour, Fault, SECRET},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/analyse/stream";

async fn events(api: &Api, body: &Value) -> Events {
    let answer = api.post(PATH, body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Events::parse(&answer.text().await.unwrap())
}

#[tokio::test]
async fn markdown_is_sent_as_it_is_written_and_done_says_what_it_took() {
    let api = Api::start().await;
    let text = "## Summary\n\nIt is \"late\".";
    api.upstream.otherwise(Answer::text(text));
    let events = events(&api, &request(&report(), "summary", "markdown")).await;
    assert_eq!(events.text(), text);
    assert!(events.of("delta").count() > 2);
    let (name, done) = events.terminal();
    let counts = api.upstream.counts();
    assert_eq!(name, "done");
    assert_eq!(
        (&done["model"], &done["finish_reason"]),
        (&json!(MODEL), &json!("stop"))
    );
    assert_eq!(
        done["usage"],
        json!({"input_tokens": counts.prompt_tokens, "output_tokens": counts.completion_tokens})
    );
    assert_eq!(done.get("analysis"), None);
}

#[tokio::test]
async fn the_first_delta_comes_long_before_done() {
    let api = Api::start().await;
    let words = "one two three four five six seven eight nine ten";
    api.upstream
        .otherwise(Answer::text(words).paced(Duration::ZERO, Duration::from_millis(100)));
    let began = Instant::now();
    let answer = api.post(PATH, &request(&report(), "summary", "markdown")).await;
    let mut chunks = answer.bytes_stream();
    let first = chunks.next().await.unwrap().unwrap();
    let first_at = began.elapsed();
    assert!(first.starts_with(b"event: delta"), "{first:?}");
    while chunks.next().await.is_some() {}
    let last_at = began.elapsed();
    assert!(
        first_at * 2 < last_at,
        "the first delta after {first_at:?}, the end after {last_at:?}"
    );
}

#[tokio::test]
async fn json_is_sent_in_pieces_and_done_carries_the_analysis() {
    let api = Api::start().await;
    let events = events(&api, &request(&report(), "detailed", "json")).await;
    let (name, done) = events.terminal();
    assert_eq!(name, "done");
    let pieces: Value = serde_json::from_str(&events.text()).unwrap();
    assert_eq!(done["analysis"]["summary"], pieces["summary"]);
    assert_eq!(done["analysis"]["findings"], pieces["findings"]);
    assert_eq!(done["analysis"]["request_id"], done["request_id"]);
}

#[tokio::test]
async fn json_that_breaks_its_schema_ends_in_an_error() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::not_as_asked());
    let events = events(&api, &request(&report(), "detailed", "json")).await;
    let (name, error) = events.terminal();
    assert_eq!(
        (name, &error["error"]["code"]),
        ("error", &json!("model_reply_invalid"))
    );
}

#[tokio::test]
async fn text_alone_is_sent_to_who_asks_for_it() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::text("It is late."));
    let posted = api
        .posting(PATH, &request(&report(), "summary", "markdown"))
        .header("accept", "text/plain");
    let answer = posted.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.text().await.unwrap(), "It is late.\n");
}

#[tokio::test]
async fn a_fault_before_the_first_byte_has_its_status() {
    let api = Api::with(|model, _| model.first_token_timeout = Duration::from_millis(400)).await;
    let hour = Duration::from_secs(3600);
    let faults: [(Behaviour, u16, &str); 6] = [
        (Behaviour::status(500), 502, "model_failed"),
        (Behaviour::rate_limited("7"), 503, "model_busy"),
        (Behaviour::Hang, 504, "timeout"),
        (
            Answer::as_asked().paced(hour, Duration::ZERO).into(),
            504,
            "timeout",
        ),
        (
            Answer::as_asked().with_fault(0, Fault::Cut).into(),
            502,
            "model_failed",
        ),
        (Behaviour::context_length_exceeded(), 422, "document_too_long"),
    ];
    for (behaviour, status, code) in faults {
        api.upstream.otherwise(behaviour);
        let answer = api.post(PATH, &request(&report(), "summary", "markdown")).await;
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.status().as_u16(), status);
        let text = answer.text().await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["code"], code);
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn a_fault_after_the_first_byte_is_an_error_event() {
    let api = Api::with(|model, _| model.between_tokens_timeout = Duration::from_millis(400)).await;
    let faults = [
        (Fault::Cut, "model_failed"),
        (Fault::EndWithoutEnd, "model_failed"),
        (Fault::Garbage, "model_failed"),
        (Fault::ErrorEvent, "model_failed"),
        (Fault::Silence(Duration::from_secs(3600)), "timeout"),
    ];
    for (fault, code) in faults {
        api.upstream
            .otherwise(Answer::text("one two three four").with_fault(2, fault.clone()));
        let answer = api.post(PATH, &request(&report(), "summary", "markdown")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = answer.text().await.unwrap();
        let events = Events::parse(&body);
        assert!(events.text().starts_with("one"), "{fault:?}: {body}");
        let (name, data) = events.terminal();
        assert_eq!(
            (name, &data["error"]["code"], &data["error"]["request_id"]),
            ("error", &json!(code), &json!(id))
        );
        for internal in [SECRET, "127.0.0.1", "genai", "Lambda-Runtime-Function-Error"] {
            assert!(!body.contains(internal), "{fault:?}: {body}");
        }
    }
}

#[tokio::test]
async fn silence_within_the_limits_is_filled_with_comments() {
    let api = Api::with(|_, service| service.heartbeat = Duration::from_millis(100)).await;
    let silent = Answer::text("one two three four").with_fault(2, Fault::Silence(Duration::from_millis(550)));
    api.upstream.otherwise(silent);
    let events = events(&api, &request(&report(), "summary", "markdown")).await;
    assert_eq!(
        (events.text().as_str(), events.terminal().0),
        ("one two three four", "done")
    );
    assert!((3..=6).contains(&events.comments), "{} comments", events.comments);
}

#[tokio::test]
async fn when_the_client_leaves_the_model_is_stopped_and_the_record_ended() {
    let api = Api::start().await;
    let words = vec!["word"; 1000].join(" ");
    api.upstream
        .otherwise(Answer::text(words).paced(Duration::ZERO, Duration::from_millis(20)));
    let answer = api.post(PATH, &request(&report(), "summary", "markdown")).await;
    let mut chunks = answer.bytes_stream();
    chunks.next().await.unwrap().unwrap();
    drop(chunks);
    api.upstream
        .until(|counts| counts.cancelled == 1 && counts.open == 0)
        .await;
    let record = api.records(1).await.remove(0);
    assert_eq!((record.state, record.status), (State::Cancelled, Some(499)));
    assert!(record.first_token_ms.is_some());
}

#[tokio::test]
async fn when_the_client_leaves_before_the_first_token_the_model_is_stopped_too() {
    let api = Api::start().await;
    api.upstream.otherwise(Behaviour::Hang);
    let posted = api
        .posting(PATH, &request(&report(), "summary", "markdown"))
        .timeout(Duration::from_millis(300));
    assert!(posted.send().await.unwrap_err().is_timeout());
    api.upstream
        .until(|counts| counts.requests == 1 && counts.open == 0)
        .await;
    assert_eq!(api.records(1).await[0].state, State::Cancelled);
}
