//! Answers that nobody wants any more.

use std::time::Duration;

use lambent_tests::{api::Api, chat::Chat, upstream::Answer};
use serde_json::json;

fn endless() -> Answer {
    let pace = Duration::from_millis(20);
    Answer::text("and so on ".repeat(2000)).paced(pace, pace)
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_stops_the_model_and_the_conversation_goes_on() {
    let api = Api::here().await;
    api.upstream.then(endless()).otherwise(Answer::text("Yes."));
    let mut chat = Chat::open(&api).await;
    chat.say("Count.", None).await;
    let started = chat.until("started").await;
    let conversation = started["conversation_id"].as_str().unwrap().to_owned();
    chat.until("delta").await;
    // One at a time.
    chat.say("And?", Some(&conversation)).await;
    let busy = chat.until("error").await;
    assert_eq!(busy["error"]["code"], "conversation_busy");
    chat.send(&json!({"type": "cancel", "conversation_id": conversation}))
        .await;
    let done = chat.until("done").await;
    assert_eq!(done["finish_reason"], "cancelled");
    assert!(done["usage"]["output_tokens"].as_u64().unwrap() > 0, "{done}");
    api.upstream
        .until(|counts| counts.cancelled == 1 && counts.open == 0)
        .await;
    chat.send(&json!({"type": "cancel", "conversation_id": conversation}))
        .await;
    assert_eq!(chat.until("error").await["error"]["code"], "not_found");
    chat.say("Go on?", Some(&conversation)).await;
    assert_eq!(chat.answer().await.text, "Yes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_closed_stops_the_model() {
    let api = Api::here().await;
    api.upstream.otherwise(endless());
    let mut chat = Chat::open(&api).await;
    chat.say("Count.", None).await;
    chat.until("delta").await;
    chat.leave().await;
    let counts = api.upstream.until(|counts| counts.cancelled == 1).await;
    assert_eq!((counts.requests, counts.open), (1, 0));
    let record = &api.records(1).await[0];
    assert_eq!(record.state, lambent_store::State::Cancelled);
}
