//! Every request leaves a record.

use std::time::Duration;

use lambent_store::State;
use lambent_tests::{
    api::{Api, MODEL, report, request},
    upstream::{Answer, Behaviour, Fault},
};
use serde_json::json;

#[tokio::test]
async fn a_record_says_who_asked_what_of_which_model_and_what_it_took() {
    let api = Api::start().await;
    api.upstream
        .otherwise(Answer::text("It is late.").paced(Duration::from_millis(50), Duration::ZERO));
    let text = report();
    let answer = api
        .post("/analyse/stream", &request(&text, "summary", "markdown"))
        .await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    answer.text().await.unwrap();
    let record = api.records(1).await.remove(0);
    let counts = api.upstream.counts();
    assert_eq!(record.request_id, id);
    assert_eq!(
        (record.function.as_str(), record.route.as_str()),
        ("analyse-stream", "POST /analyse/stream")
    );
    assert_eq!(
        (record.caller.as_str(), record.model.as_deref()),
        (api.key.id(), Some(MODEL))
    );
    assert_eq!(
        (record.status, record.state, record.error_code),
        (Some(200), State::Done, None)
    );
    assert_eq!(
        (record.input_tokens, record.output_tokens),
        (Some(counts.prompt_tokens), Some(counts.completion_tokens))
    );
    assert_eq!(record.text_chars, Some(text.chars().count() as u64));
    assert_eq!(record.text_sha256.map(|hash| hash.len()), Some(64));
    assert!(
        record
            .first_token_ms
            .is_some_and(|first| first >= 50 && Some(first) <= record.total_ms)
    );
    assert_eq!(
        record.cost_micro_dollars,
        Some(0),
        "a model on this machine is free"
    );
}

#[tokio::test]
async fn the_start_is_recorded_while_the_model_works() {
    let api = Api::start().await;
    api.upstream
        .otherwise(Answer::text("one two").paced(Duration::from_millis(1500), Duration::ZERO));
    let posted = tokio::spawn(
        api.posting("/analyse/stream", &request(&report(), "summary", "markdown"))
            .send(),
    );
    api.upstream.until(|counts| counts.requests == 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let states: Vec<_> = api.recorded().await.iter().map(|record| record.state).collect();
    assert_eq!(states, [State::Started]);
    posted.await.unwrap().unwrap().text().await.unwrap();
    assert_eq!(api.records(1).await[0].state, State::Done);
}

#[tokio::test]
async fn fifty_requests_of_all_kinds_leave_fifty_ended_records_with_the_upstream_s_tokens() {
    let api = Api::start().await;
    let mut sent = 0;
    for round in 0..5 {
        api.upstream.then(if round % 2 == 0 {
            Answer::as_asked()
        } else {
            Answer::not_as_asked()
        });
        api.post("/analyse", &request(&report(), "detailed", "json"))
            .await
            .text()
            .await
            .unwrap();
        api.post("/analyse/stream", &request(&report(), "summary", "markdown"))
            .await
            .text()
            .await
            .unwrap();
        api.upstream.then(Answer::as_asked().with_fault(1, Fault::Cut));
        api.post("/analyse/stream", &request(&report(), "summary", "markdown"))
            .await
            .text()
            .await
            .unwrap();
        api.post("/analyse", &request(&report(), "entities", "markdown"))
            .await
            .text()
            .await
            .unwrap();
        api.upstream.then(Behaviour::unauthorized());
        api.post("/analyse", &request(&report(), "summary", "json"))
            .await
            .text()
            .await
            .unwrap();
        api.post("/analyse", &json!({"text": "short"}))
            .await
            .text()
            .await
            .unwrap();
        api.client
            .post(api.url("/analyse/stream"))
            .body("{")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        api.get("/health").await.text().await.unwrap();
        api.get("/openapi.json").await.text().await.unwrap();
        let summary = request(&report(), "summary", "json");
        let (one, two) = tokio::join!(api.post("/analyse", &summary), api.get("/health"));
        one.text().await.unwrap();
        two.text().await.unwrap();
        sent += 11;
    }
    assert!(sent >= 50);
    let records = api.records(sent).await;
    assert_eq!(records.len(), sent);
    let sum = |tokens: &dyn Fn(&lambent_store::RequestRecord) -> Option<u64>| {
        records.iter().filter_map(tokens).sum::<u64>()
    };
    let counts = api.upstream.counts();
    let of_the_provider = |record: &lambent_store::RequestRecord, tokens: Option<u64>| {
        tokens.filter(|_| !record.tokens_are_estimated)
    };
    assert_eq!(
        sum(&|record| of_the_provider(record, record.input_tokens)),
        counts.prompt_tokens
    );
    assert_eq!(
        sum(&|record| of_the_provider(record, record.output_tokens)),
        counts.completion_tokens
    );
    let of_cut_ones: Vec<_> = records
        .iter()
        .filter(|record| record.tokens_are_estimated)
        .map(|record| record.output_tokens)
        .collect();
    assert_eq!(of_cut_ones, [Some(1); 5], "one token came before each cut");
    let with_code = |code: &str| {
        records
            .iter()
            .filter(|record| record.error_code.as_deref() == Some(code))
            .count()
    };
    assert_eq!(
        (
            with_code("validation_failed"),
            with_code("unsupported_media_type"),
            with_code("model_failed")
        ),
        (5, 5, 10)
    );
}
