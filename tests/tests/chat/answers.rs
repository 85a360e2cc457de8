//! Answers, as they are written.

use std::time::Duration;

use lambent_tests::{
    api::Api,
    chat::Chat,
    upstream::{Answer, Behaviour, Fault, tokens},
};

use serde_json::Value;

const TEXT: &str = "It leaves Santa Apolonia at 21:40 and arrives at Chamartin at 8:10, every night but the first of the year.";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_in_numbered_pieces_and_ends_with_what_it_took() {
    let api = Api::here().await;
    let pace = Duration::from_millis(15);
    api.upstream.otherwise(Answer::text(TEXT).paced(pace, pace));
    let mut chat = Chat::open(&api).await;
    chat.say("When does the night train leave?", None).await;
    let answered = chat.answer().await;
    assert_eq!(answered.text, TEXT);
    let pieces = answered.seqs.len() as u64;
    assert_eq!(answered.seqs, (1..=pieces).collect::<Vec<_>>());
    // Gathered, since each costs; and not all at the end.
    assert!(pieces > 2 && pieces < tokens(TEXT).len() as u64 / 2, "{pieces}");
    let done = answered.last;
    assert_eq!(
        (&done["type"], &done["finish_reason"]),
        (&"done".into(), &"stop".into())
    );
    assert_eq!(done["seq"], pieces + 1);
    assert_eq!(done["usage"]["output_tokens"], tokens(TEXT).len());
    let record = &api.records(1).await[0];
    assert_eq!(record.route, "WS message");
    assert_eq!(record.caller.as_str(), api.key.id());
    assert_eq!(done["request_id"], record.request_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_with_what_was_said_before() {
    let api = Api::here().await;
    api.upstream
        .then(Answer::text("Your name is Ada."))
        .otherwise(Answer::text("Ada."));
    let mut chat = Chat::open(&api).await;
    chat.say("I am Ada.", None).await;
    let first = chat.answer().await;
    chat.say("Who am I?", Some(first.conversation())).await;
    let second = chat.answer().await;
    assert_eq!(second.conversation(), first.conversation());
    // Over another socket too, as after a reconnect.
    let mut other = Chat::open(&api).await;
    other.say("Really?", Some(first.conversation())).await;
    assert_eq!(other.answer().await.last["type"], "done");
    let said: Vec<Vec<String>> = api.upstream.bodies().iter().map(said).collect();
    assert_eq!(said[0], ["I am Ada."]);
    assert_eq!(said[1], ["I am Ada.", "Your name is Ada.", "Who am I?"]);
    assert_eq!(said[2].last().unwrap(), "Really?");
    assert_eq!(said[2].len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_model_has_no_room_for_is_left_out_by_whole_turns() {
    let api = Api::with(|model, _| {
        model.context_tokens = Some(400);
        model.max_output_tokens = 100;
    })
    .await;
    api.upstream.otherwise(Answer::text("b".repeat(300)));
    let mut chat = Chat::open(&api).await;
    let mut conversation = None;
    for number in 0..4 {
        chat.say(&format!("{number}{}", "a".repeat(100)), conversation.as_deref())
            .await;
        conversation = Some(chat.answer().await.conversation().to_owned());
    }
    let bodies = api.upstream.bodies();
    let last = said(bodies.last().unwrap());
    // One turn is 101 tokens, about, and there is room for some 170.
    assert_eq!(last.len(), 3, "{last:?}");
    assert!(last[0].starts_with('2') && last[2].starts_with('3'), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_caller_s_conversation_is_as_unknown_as_none() {
    let api = Api::here().await;
    let mut mine = Chat::open(&api).await;
    mine.say("I am Ada.", None).await;
    let conversation = mine.answer().await.conversation().to_owned();
    let key = api.new_key(|_| {}).await;
    let mut other = Chat::with_key(&api, &key.reveal()).await.unwrap();
    let mut problems = Vec::new();
    for id in [&*conversation, "00000000-0000-7000-8000-000000000000"] {
        for frame in [
            serde_json::json!({"type": "message", "text": "Who am I?", "conversation_id": id}),
            serde_json::json!({"type": "cancel", "conversation_id": id}),
        ] {
            other.send(&frame).await;
            let mut error = other.until("error").await["error"].clone();
            error.as_object_mut().unwrap().remove("request_id");
            assert_eq!(error["code"], "not_found");
            problems.push(error);
        }
    }
    assert_eq!(problems[..2], problems[2..]);
    assert_eq!(api.upstream.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_ends_in_an_error_and_the_conversation_goes_on() {
    let api = Api::with(|model, _| model.max_retries = 0).await;
    let pace = Duration::from_millis(5);
    api.upstream
        .then(Behaviour::status(500))
        .then(Answer::text(TEXT).paced(pace, pace).with_fault(6, Fault::Cut))
        .otherwise(Answer::text(TEXT));
    let mut chat = Chat::open(&api).await;
    chat.say("One.", None).await;
    let failed = chat.answer().await;
    assert_eq!(failed.last["error"]["code"], "model_failed");
    assert_eq!(failed.last["message_id"], failed.started["message_id"]);
    chat.say("Two.", Some(failed.conversation())).await;
    let broken = chat.answer().await;
    assert_eq!(broken.last["error"]["status"], 502);
    assert!(TEXT.starts_with(&broken.text) && !broken.text.is_empty());
    chat.say("Three.", Some(failed.conversation())).await;
    assert_eq!(chat.answer().await.text, TEXT);
}

/// What the model was sent, besides its instructions.
fn said(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    let said = messages.iter().filter(|message| message["role"] != "system");
    said.map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}
