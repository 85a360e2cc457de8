//! Answers as they are written.

use std::time::Duration;

use futures::StreamExt as _;
use lambent_schema::endpoints::ask::NOTHING_FOUND;
use lambent_store::State;
use lambent_tests::{
    api::{Api, MODEL},
    upstream::{Answer, Behaviour, EmbeddingBehaviour, Fault, SECRET},
};

use super::*;

fn names(events: &Events) -> Vec<&str> {
    let mut names: Vec<_> = events.events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn sources_come_first_then_deltas_and_done_has_the_citations() {
    let api = with_trains().await;
    let text = "It leaves Santa Apolonia at 21:40 [1]. Dogs are free [9].";
    api.upstream.otherwise(Answer::text(text));
    let events = events(&api, &asking(QUESTION)).await;
    assert_eq!(names(&events), ["sources", "delta", "done"]);
    assert_eq!(events.text(), text, "what has been sent stays");
    assert!(events.of("delta").count() > 5);
    assert_eq!(texts(&events.events[0].1), [TRAIN, PRICES]);
    let (_, done) = events.terminal();
    assert_eq!(
        done["citations"],
        json!([{"n": 1, "document_id": "trains", "chunk": 0, "quote": LEAVES, "basis": "named"}])
    );
    assert_eq!(
        (
            &done["grounded"],
            &done["invented_citations"],
            &done["finish_reason"],
            &done["model"]
        ),
        (&json!(true), &json!(1), &json!("stop"), &json!(MODEL))
    );
    let counts = api.upstream.counts();
    assert_eq!(
        done["usage"],
        json!({"input_tokens": counts.prompt_tokens, "output_tokens": counts.completion_tokens})
    );
}

#[tokio::test]
async fn where_nothing_is_found_the_events_say_so() {
    let api = with_trains().await;
    let events = events(&api, &json!({"question": "Quantum chromodynamics?"})).await;
    assert_eq!(events.events.len(), 3);
    assert_eq!(names(&events), ["sources", "delta", "done"]);
    assert_eq!(events.events[0].1, json!({"sources": []}));
    assert_eq!(events.text(), NOTHING_FOUND);
    let (_, done) = events.terminal();
    assert_eq!(
        (&done["grounded"], &done["citations"], done.get("model")),
        (&json!(false), &json!([]), None)
    );
    assert_eq!(chats(&api), 0);
}

#[tokio::test]
async fn json_is_the_answer_to_all_who_do_not_ask_for_events() {
    let api = with_trains().await;
    for accept in [
        "*/*",
        "application/json",
        "application/json, text/event-stream;q=0.5",
    ] {
        let asked = api.posting(PATH, &asking(QUESTION)).header("accept", accept);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json", "{accept}");
    }
}

#[tokio::test]
async fn a_fault_before_the_first_token_has_its_status() {
    let api = Api::with(|model, _| model.first_token_timeout = Duration::from_millis(400)).await;
    put_trains(&api).await;
    for (behaviour, status, code) in [
        (Behaviour::status(500), 502, "model_failed"),
        (Behaviour::rate_limited("7"), 503, "model_busy"),
        (Behaviour::Hang, 504, "timeout"),
        (Behaviour::context_length_exceeded(), 422, "document_too_long"),
    ] {
        api.upstream.otherwise(behaviour);
        for accept in ["text/event-stream", "application/json"] {
            let asked = api.posting(PATH, &asking(QUESTION)).header("accept", accept);
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(answer.status().as_u16(), status);
            let text = answer.text().await.unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["code"], code);
            assert!(!text.contains(SECRET), "{text}");
        }
    }
    let chats_before = chats(&api);
    api.upstream
        .otherwise_embedding(EmbeddingBehaviour::Failure(Behaviour::unauthorized()));
    let answer = api.post(PATH, &asking(QUESTION)).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(chats(&api), chats_before);
}

#[tokio::test]
async fn a_fault_after_the_first_token_is_an_error_event() {
    let api = Api::with(|model, _| model.between_tokens_timeout = Duration::from_millis(400)).await;
    put_trains(&api).await;
    for (fault, code) in [
        (Fault::Cut, "model_failed"),
        (Fault::Garbage, "model_failed"),
        (Fault::Silence(Duration::from_secs(3600)), "timeout"),
    ] {
        api.upstream
            .otherwise(Answer::text("one two three four").with_fault(2, fault));
        let events = events(&api, &asking(QUESTION)).await;
        assert_eq!(names(&events), ["sources", "delta", "error"]);
        assert!(events.text().starts_with("one"));
        let (_, error) = events.terminal();
        assert_eq!(error["error"]["code"], code);
        // In one piece there is nothing to keep of it.
        let whole = api.post(PATH, &asking(QUESTION)).await;
        assert!(whole.status().is_server_error());
    }
}

#[tokio::test]
async fn when_the_client_leaves_the_model_is_stopped() {
    let api = with_trains().await;
    let words = vec!["word"; 1000].join(" ");
    api.upstream
        .otherwise(Answer::text(words).paced(Duration::ZERO, Duration::from_millis(20)));
    let asked = api
        .posting(PATH, &asking(QUESTION))
        .header("accept", "text/event-stream");
    let mut pieces = asked.send().await.unwrap().bytes_stream();
    let first = pieces.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: sources"), "{first:?}");
    drop(pieces);
    api.upstream
        .until(|counts| counts.cancelled == 1 && counts.open == 0)
        .await;
    assert_eq!(api.records(1).await[0].state, State::Cancelled);
}
