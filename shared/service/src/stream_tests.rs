//! A stream ends with one terminal event, whatever its source does.

use std::time::Duration;

use futures::stream::{self, pending};
use http_body_util::BodyExt as _;
use lambent_store::{CallerId, RequestRecord, Store, StoreConfig};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::*;
use crate::{Record, RequestId};

/// A call with a minute to go. Its database is not there, so that its record becomes a line on standard output.
fn call() -> Call {
    let requests = Store::connect(&StoreConfig::local("http://127.0.0.1:9")).requests();
    let id = RequestId::new();
    let record = RequestRecord::started(
        id.as_str(),
        "test",
        "POST /test",
        CallerId::anonymous(),
        OffsetDateTime::now_utc(),
    );
    Call {
        deadline: Instant::now() + Duration::from_secs(60),
        record: Record::new(requests, record, None),
        heartbeat: Duration::from_secs(15),
        id,
    }
}

fn delta(text: &str) -> Result<Step<u32>, Failure> {
    Ok(Step::Delta(text.to_owned()))
}

/// The whole body of the answer that `source` makes.
async fn sent(form: Form, source: impl Stream<Item = Result<Step<u32>, Failure>> + Send + 'static) -> String {
    let body = respond(call(), form, source)
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn pieces_come_in_order_and_done_comes_last() {
    let source = || stream::iter([delta("a"), delta("\n\"b\""), Ok(Step::Done(7))]);
    let events = "event: delta\ndata: {\"text\":\"a\"}\n\nevent: delta\ndata: {\"text\":\"\\n\\\"b\\\"\"}\n\nevent: done\ndata: 7\n\n";
    assert_eq!(sent(Form::Events, source()).await, events);
    assert_eq!(sent(Form::Text, source()).await, "a\n\"b\"\n");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_done_is_not_sent() {
    let source = stream::iter([Ok(Step::Done(7)), delta("more"), Ok(Step::Done(8))]);
    assert_eq!(sent(Form::Events, source).await, "event: done\ndata: 7\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_error_event_with_the_request_s_id() {
    let call = call();
    let id = call.id.clone();
    let busy = Failure::new(Problem::new(ProblemCode::ModelBusy, "The model is busy."));
    let response = respond(call, Form::Events, stream::iter([delta("a"), Err(busy)]));
    let body = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let last = body.trim_end().rsplit_once("\n\n").unwrap().1;
    let data: serde_json::Value =
        serde_json::from_str(last.strip_prefix("event: error\ndata: ").unwrap()).unwrap();
    assert_eq!(
        data,
        serde_json::json!({"error": {
            "message": "The model is busy.", "type": "server_error", "code": "model_busy", "request_id": id.as_str(),
        }})
    );
}

#[tokio::test(start_paused = true)]
async fn text_says_a_failure_in_its_last_line() {
    let busy = Failure::new(Problem::new(ProblemCode::ModelBusy, "The model is busy."));
    let text = sent(Form::Text, stream::iter([delta("a"), Err(busy)])).await;
    assert_eq!(text, "a\n[error] The model is busy. (model_busy)\n");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_just_ends_is_an_error() {
    for source in [vec![], vec![delta("a")]] {
        let body = sent(Form::Events, stream::iter(source)).await;
        assert_eq!(body.matches("event: error").count(), 1, "{body}");
        assert!(body.contains("\"code\":\"internal\""), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error() {
    let source = stream::iter([1, 2]).map(|n| if n == 1 { delta("a") } else { panic!("secret") });
    let body = sent(Form::Events, source).await;
    assert!(body.starts_with("event: delta"), "{body}");
    assert_eq!(body.matches("event: error").count(), 1, "{body}");
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_comments_until_the_deadline_ends_it() {
    let body = sent(Form::Events, stream::iter([delta("a")]).chain(pending())).await;
    // 60 s of it: at 15, 30 and 45 s.
    assert_eq!(body.matches(": still here\n\n").count(), 3, "{body}");
    assert!(
        body.trim_end().ends_with('}') && body.contains("\"code\":\"timeout\""),
        "{body}"
    );
    let text = sent(Form::Text, stream::iter([delta("a")]).chain(pending())).await;
    assert!(
        text.starts_with("a\n[error] ") && text.ends_with("(timeout)\n"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_also_for_a_source_that_never_stops() {
    let source = stream::repeat_with(|| delta("a")).then(async |step| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        step
    });
    let body = sent(Form::Events, source).await;
    assert_eq!(body.matches("event: delta").count(), 59, "{body}");
    assert!(body.contains("\"code\":\"timeout\""), "{body}");
}

#[test]
fn accept_chooses_between_events_and_text() {
    let asked_for = |accept: &str| {
        Form::asked_for(&HeaderMap::from_iter([(
            header::ACCEPT,
            HeaderValue::from_str(accept).unwrap(),
        )]))
    };
    for events in [
        "text/event-stream",
        "*/*",
        "text/*",
        "application/json",
        "text/plain;q=0.5, text/event-stream",
        "",
    ] {
        assert_eq!(asked_for(events), Form::Events, "{events}");
    }
    for text in [
        "text/plain",
        "Text/Plain; charset=utf-8",
        "text/plain, */*;q=0.1",
        "text/event-stream;q=0.1, text/plain",
    ] {
        assert_eq!(asked_for(text), Form::Text, "{text}");
    }
    assert_eq!(Form::asked_for(&HeaderMap::new()), Form::Events);
}
