//! Names that stand for several models, and models whose providers do not speak OpenAI's protocol.

use std::time::Duration;

use lambent_llm::relay::TableConfig;
use lambent_tests::upstream::{Answer, Behaviour, Fault, Upstream};

use super::*;

/// An API with this table, and its own model beside.
async fn with_table(table: Value) -> Api {
    Api::configured(|config| {
        // Processes are told the time of all models.
        if let lambent::dev::Model::Elsewhere(model) = &mut config.model {
            model.first_token_timeout = Duration::from_millis(300);
        }
        config.table = TableConfig::from_lookup(|name| match name {
            "LAMBENT_OPENAI_MODELS" => Some(table.to_string()),
            "LAMBENT_FIRST_TOKEN_TIMEOUT_SECS" => Some("0.3".to_owned()),
            _ => None,
        })
        .unwrap();
    })
    .await
}

fn target(upstream: &Upstream, model: &str) -> Value {
    json!({"model": format!("openai::{model}"), "url": upstream.url(), "key": format!("key-of-{model}"), "price": "0/0"})
}

fn named(name: &str, stream: bool) -> Value {
    let mut body = chat(stream);
    body["model"] = json!(name);
    body
}

#[tokio::test]
async fn the_next_model_is_asked_where_one_fails_before_its_answer_has_begun() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let api = with_table(json!({"fast": [target(&first, "one"), target(&second, "two")]})).await;
    second.otherwise(Answer::text("From the second."));
    for stream in [false, true] {
        for behaviour in [
            Behaviour::status(500),
            Behaviour::rate_limited("1"),
            Behaviour::unauthorized(),
            Behaviour::Answer(Answer::text("one two").with_fault(0, Fault::Cut)),
        ] {
            first.then(behaviour);
            let answer = post(&api, &named("fast", stream)).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["x-lambent-model"], "openai::two");
            let text = answer.text().await.unwrap();
            assert!(text.contains("\"model\":\"two\""), "{text}");
        }
    }
    assert_eq!(second.counts().requests, 8);
    assert_eq!(second.bodies()[0]["model"], "two");
    let silent = Answer::text("late").paced(Duration::from_secs(20), Duration::ZERO);
    first.then(silent);
    let answer = post(&api, &named("fast", true)).await;
    assert_eq!(answer.headers()["x-lambent-model"], "openai::two");
    let answer = post(&api, &named("fast", false)).await;
    assert_eq!(answer.headers()["x-lambent-model"], "openai::one");
    let listed: Value = api.get("/v1/models").await.json().await.unwrap();
    assert!(listed.to_string().contains("\"fast\"") && listed.to_string().contains(MODEL));
}

#[tokio::test]
async fn nobody_else_is_asked_what_is_the_callers_own_fault_or_has_begun() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let api = with_table(json!({"fast": [target(&first, "one"), target(&second, "two")]})).await;
    first.then(Behaviour::error(
        400,
        "invalid_request_error",
        "invalid_value",
        "No.",
    ));
    error(post(&api, &named("fast", true)).await, 400).await;
    first.then(Answer::text("one two three").with_fault(2, Fault::Cut));
    let events = events(post(&api, &named("fast", true)).await).await;
    assert!(events.last().unwrap().contains("error"));
    assert_eq!(second.counts().requests, 0);
}

#[tokio::test]
async fn images_are_passed_on_where_the_model_takes_them() {
    let upstream = Upstream::start().await;
    let table = json!({
        "seeing": [target(&upstream, "one")],
        "blind": {"targets": [target(&upstream, "one")], "images": false},
    });
    let api = with_table(table).await;
    let mut body = named("seeing", false);
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    body["messages"][0]["content"] = json!([{"type": "text", "text": "What is it?"}, image]);
    assert_eq!(post(&api, &body).await.status(), 200);
    assert_eq!(upstream.bodies()[0]["messages"], body["messages"]);
    body["model"] = json!("blind");
    assert_eq!(error(post(&api, &body).await, 400).await["param"], "messages");
}

/// A model that is asked through a client of its own, for texts alone, at a server with OpenAI's protocol all the same.
fn own(upstream: &Upstream, model: &str) -> Value {
    let mut target = target(upstream, model);
    target["model"] = json!(format!("mistral::{model}"));
    target
}

#[tokio::test]
async fn what_cannot_be_said_to_one_model_is_asked_of_the_next() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let api = with_table(json!({
        "mixed": [own(&first, "one"), target(&second, "two")],
        "turned": [target(&second, "two"), own(&first, "one")],
    }))
    .await;
    let mut body = named("mixed", false);
    body["tools"] = json!([{"type": "function", "function": {"name": "look"}}]);
    let answer = post(&api, &body).await;
    assert_eq!(answer.headers()["x-lambent-model"], "openai::two");
    assert_eq!((first.counts().requests, second.counts().requests), (0, 1));
    // What may pass is told, and not what the next one does not know.
    body["model"] = json!("turned");
    second.then(Behaviour::rate_limited("7"));
    error(post(&api, &body).await, 503).await;
    assert_eq!(first.counts().requests, 0);
}

#[tokio::test]
async fn embeddings_that_one_model_cannot_give_are_asked_of_the_next() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let mut targets = [own(&first, "one"), target(&second, "two")];
    for target in &mut targets {
        target["price"] = json!("0");
    }
    let api = with_table(json!({"mixed": {"targets": targets, "embeddings": true}})).await;
    let body = json!({"model": "mixed", "input": "night train", "dimensions": 64});
    let answer = api.post("/v1/embeddings", &body).await;
    assert_eq!(answer.headers()["x-lambent-model"], "openai::two");
    assert_eq!((first.counts().requests, second.counts().requests), (0, 1));
}

#[tokio::test]
async fn a_model_that_another_one_follows_is_asked_once() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let api = with_table(json!({"mixed": [own(&first, "one"), own(&second, "two")]})).await;
    first.otherwise(Behaviour::rate_limited("1"));
    let answer = post(&api, &named("mixed", false)).await;
    assert_eq!(answer.headers()["x-lambent-model"], "mistral::two");
    assert_eq!((first.counts().requests, second.counts().requests), (1, 1));
}

#[tokio::test]
async fn an_answer_that_a_filter_ended_says_so() {
    let upstream = Upstream::start().await;
    let api = with_table(json!({"own": [own(&upstream, "one")]})).await;
    let choice = json!([{"index": 0, "delta": {"content": "I"}, "finish_reason": "content_filter"}]);
    let chunk = json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "one", "choices": choice});
    for stream in [false, true] {
        upstream.then(Behaviour::Events(format!("data: {chunk}\n\ndata: [DONE]\n\n")));
        let text = post(&api, &named("own", stream)).await.text().await.unwrap();
        assert!(text.contains(r#""finish_reason":"content_filter""#), "{text}");
    }
}

/// A model of a provider with a protocol of its own, which cannot be reached.
async fn with_anthropic() -> Api {
    let mut target = target(&Upstream::start().await, "x");
    target["model"] = json!("anthropic::claude-haiku-4-5");
    target["url"] = json!("http://127.0.0.1:9");
    with_table(json!({"own": [target]})).await
}

#[tokio::test]
async fn a_model_with_a_protocol_of_its_own_is_asked_for_texts_and_nothing_else() {
    let api = with_anthropic().await;
    let mut body = named("own", false);
    body["tools"] = json!([{"type": "function"}]);
    body["n"] = json!(2);
    let told = error(post(&api, &body).await, 400).await;
    assert_eq!(
        (&told["param"], &told["code"]),
        (&json!("tools"), &json!("unsupported_parameter"))
    );
    assert!(told["message"].as_str().unwrap().contains("n: "), "{told}");
    // With texts alone it is asked: this one is not there.
    error(post(&api, &named("own", false)).await, 502).await;
}
