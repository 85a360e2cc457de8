//! Errors, from every layer, in OpenAI's words.

use lambent_tests::upstream::{Answer, Behaviour, Fault, SECRET};

use super::*;

#[tokio::test]
async fn errors_have_openais_form_statuses_types_and_codes_in_every_layer() {
    let api = Api::start().await;
    let no_key = api
        .posting(CHAT, &chat(false))
        .header("x-api-key", "sk_no")
        .send()
        .await
        .unwrap();
    let told = error(no_key, 401).await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("invalid_request_error"), &json!("invalid_api_key"))
    );

    let mut other = chat(false);
    other["model"] = json!("gpt-99");
    let told = error(post(&api, &other).await, 404).await;
    assert_eq!(
        (&told["code"], &told["param"]),
        (&json!("model_not_found"), &json!("model"))
    );

    let told = error(
        post(&api, &json!({"model": MODEL, "messages": [], "stream": "yes"})).await,
        400,
    )
    .await;
    assert_eq!(
        (&told["param"], &told["code"]),
        (&json!("stream"), &json!("invalid_type"))
    );
    let not_json = api
        .client
        .post(api.url(CHAT))
        .header("content-type", "application/json")
        .body("{")
        .send();
    error(not_json.await.unwrap(), 400).await;
    let long = json!({"model": MODEL, "messages": ["x".repeat(1024 * 1024)]});
    let told = error(post(&api, &long).await, 413).await;
    assert_eq!(told["code"], "payload_too_large");
    let text = api.client.post(api.url(CHAT)).body("hello").send().await.unwrap();
    error(text, 415).await;
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn who_is_not_known_is_not_told_what_is_wrong_with_the_body() {
    let api = Api::start().await;
    let refused = api
        .posting(CHAT, &json!({}))
        .header("x-api-key", "sk_no")
        .send()
        .await
        .unwrap();
    error(refused, 401).await;
}

#[tokio::test]
async fn a_rate_that_is_used_up_is_openais_429() {
    let api = Api::start().await;
    let key = api
        .new_key(|key| {
            key.limits.rate.interval_ms = 60_000;
            key.limits.rate.burst = 1;
        })
        .await;
    let ask = || {
        api.posting(CHAT, &chat(false))
            .header("x-api-key", key.reveal())
            .send()
    };
    let first = ask().await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["x-ratelimit-limit-requests"], "1");
    assert_eq!(first.headers()["x-ratelimit-remaining-requests"], "0");
    let refused = ask().await.unwrap();
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.headers()["x-ratelimit-remaining-requests"], "0");
    let told = error(refused, 429).await;
    assert_eq!(
        (&told["type"], &told["code"]),
        (&json!("requests"), &json!("rate_limit_exceeded"))
    );
}

#[tokio::test]
async fn what_the_provider_says_is_wrong_with_the_parameters_is_handed_on_and_all_else_is_not() {
    let api = Api::start().await;
    let refusal = Behaviour::error(
        400,
        "invalid_request_error",
        "unsupported_parameter",
        "No such parameter here.",
    );
    api.upstream.then(refusal);
    let told = error(post(&api, &chat(false)).await, 400).await;
    assert_eq!(
        (&told["message"], &told["code"]),
        (&json!("No such parameter here."), &json!("unsupported_parameter"))
    );
    let unpaid = format!("Your credit balance is too low ({SECRET})");
    let unpaid = Behaviour::error(400, "invalid_request_error", "invalid_request_error", &unpaid);
    for (behaviour, status) in [
        (Behaviour::unauthorized(), 502),
        (unpaid, 502),
        (Behaviour::status(500), 502),
        (Behaviour::rate_limited("7"), 503),
    ] {
        for stream in [false, true] {
            api.upstream.then(behaviour.clone());
            let answer = post(&api, &chat(stream)).await;
            assert_eq!(answer.headers().contains_key("retry-after"), status == 503);
            let told = error(answer, status).await;
            assert_eq!(told["type"], "server_error");
            assert!(!told.to_string().contains(SECRET));
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_an_error_and_not_in_done() {
    let api = Api::start().await;
    for fault in [
        Fault::Cut,
        Fault::EndWithoutEnd,
        Fault::Garbage,
        Fault::ErrorEvent,
    ] {
        api.upstream
            .then(Answer::text("one two three").with_fault(2, fault.clone()));
        let events = events(post(&api, &chat(true)).await).await;
        let last = json_of(events.last().unwrap());
        assert_eq!(last["error"]["type"], "server_error", "{fault:?}");
        assert!(last["error"]["request_id"].is_string());
        assert!(!events.concat().contains(SECRET) && !events.contains(&"[DONE]".to_owned()));
        assert!(events.concat().contains("two"), "{fault:?}: {events:?}");
    }
    let records = api.records(4).await;
    assert!(
        records
            .iter()
            .all(|record| record.output_tokens == Some(2) && record.tokens_are_estimated)
    );
}

#[tokio::test]
async fn a_fault_before_the_first_token_has_its_own_status() {
    let api = Api::start().await;
    for fault in [Fault::Cut, Fault::ErrorEvent] {
        api.upstream.then(Answer::text("one two").with_fault(0, fault));
        error(post(&api, &chat(true)).await, 502).await;
    }
    api.upstream
        .then(Answer::text("one two").with_fault(0, Fault::Garbage));
    error(post(&api, &chat(true)).await, 502).await;
    api.upstream.then(Answer::text("one").with_fault(0, Fault::Cut));
    error(post(&api, &chat(false)).await, 502).await;
}

#[tokio::test]
async fn an_unknown_path_below_v1_is_404_in_openais_words() {
    let api = Api::start().await;
    let told = error(api.get("/v1/assistants").await, 404).await;
    assert_eq!(told["code"], "unknown_url");
    error(api.get(CHAT).await, 405).await;
    let problem: Value = api.get("/v2/assistants").await.json().await.unwrap();
    assert_eq!(problem["code"], "not_found");
}
