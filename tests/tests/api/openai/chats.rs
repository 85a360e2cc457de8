//! Chats that succeed.

use lambent_store::State;
use lambent_tests::upstream::Answer;

use super::*;

const TEXT: &str = "It leaves at 21:40.";

#[tokio::test]
async fn a_chat_is_passed_on_with_all_that_it_says_and_its_answer_comes_back_as_it_is() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::text(TEXT));
    let mut body = chat(false);
    body["tools"] =
        json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    body["tool_choice"] = json!("none");
    body["temperature"] = json!(0.25);
    body["of_tomorrow"] = json!({"x": [1, null]});
    body["max_completion_tokens"] = json!(5000);
    let answer = post(&api, &body).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    assert_eq!(headers["x-lambent-model"], format!("openai::{MODEL}"));
    assert!(headers["x-lambent-cost"].to_str().unwrap().starts_with("tokens="));
    for name in [
        "openai-processing-ms",
        "x-ratelimit-limit-requests",
        "x-ratelimit-reset-requests",
        "server-timing",
    ] {
        assert!(headers.contains_key(name), "{name}");
    }
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], TEXT);
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    let mut sent = api.upstream.bodies().remove(0);
    // What is configured bounds what is asked for, by the one name that such a server surely knows.
    assert_eq!(sent["max_tokens"], 1024);
    let sent = sent.as_object_mut().unwrap();
    sent.remove("max_tokens");
    body.as_object_mut().unwrap().remove("max_completion_tokens");
    assert_eq!(Some(&*sent), body.as_object());
    let record = api.records(1).await.remove(0);
    assert_eq!(
        (record.route.as_str(), record.state),
        ("POST /v1/chat/completions", State::Done)
    );
    assert_eq!((record.input_tokens, record.output_tokens), (Some(4), Some(4)));
    assert!(!record.tokens_are_estimated);
}

#[tokio::test]
async fn a_tier_with_a_price_of_its_own_is_not_passed_on() {
    let api = Api::start().await;
    let mut body = chat(false);
    body["service_tier"] = json!("priority");
    assert_eq!(post(&api, &body).await.status(), 200);
    assert_eq!(api.upstream.bodies()[0].get("service_tier"), None);
}

#[tokio::test]
async fn a_stream_without_usage_has_none_and_ends_with_done() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::text(TEXT));
    let events = events(post(&api, &chat(true)).await).await;
    let (end, chunks) = events.split_last().unwrap();
    assert_eq!(end, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| json_of(chunk)).collect();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, TEXT);
    for chunk in &chunks {
        assert_eq!(chunk.get("usage"), None);
        assert_eq!(chunk["choices"].as_array().unwrap().len(), 1);
        for name in ["id", "model", "created"] {
            assert_eq!(chunk[name], chunks[0][name], "{name}");
            assert!(!chunk[name].is_null());
        }
    }
    // It is asked for all the same: by it the request is paid for.
    assert_eq!(
        api.upstream.bodies()[0]["stream_options"],
        json!({"include_usage": true})
    );
    let record = api.records(1).await.remove(0);
    assert_eq!((record.input_tokens, record.output_tokens), (Some(4), Some(4)));
    assert!(!record.tokens_are_estimated && record.first_token_ms.is_some());
}

#[tokio::test]
async fn a_stream_with_usage_has_null_on_each_chunk_and_a_chunk_of_its_own() {
    let api = Api::start().await;
    api.upstream.otherwise(Answer::text(TEXT));
    let mut body = chat(true);
    body["stream_options"] = json!({"include_usage": true, "include_obfuscation": false});
    let events = events(post(&api, &body).await).await;
    let [chunks @ .., usage, end] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(end, "[DONE]");
    let usage = json_of(usage);
    assert_eq!(
        (&usage["choices"], &usage["usage"]["total_tokens"]),
        (&json!([]), &json!(8))
    );
    for chunk in chunks {
        assert_eq!(json_of(chunk).get("usage"), Some(&Value::Null));
    }
    assert_eq!(
        api.upstream.bodies()[0]["stream_options"]["include_obfuscation"],
        false
    );
}

#[tokio::test]
async fn tools_that_the_model_calls_come_whole_and_streamed() {
    let api = Api::start().await;
    api.upstream
        .otherwise(Answer::tools(&[("look", json!({"where": "Lisbon"}))]));
    let whole: Value = post(&api, &chat(false)).await.json().await.unwrap();
    let call = &whole["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], r#"{"where":"Lisbon"}"#);
    let events = events(post(&api, &chat(true)).await).await;
    assert!(
        events
            .iter()
            .any(|event| event.contains("tool_calls") && event.contains("Lisbon"))
    );
}

#[tokio::test]
async fn the_form_of_an_answer_is_passed_on() {
    let api = Api::start().await;
    let mut body = chat(false);
    let schema = json!({"type": "object", "properties": {"time": {"type": "string"}}, "required": ["time"]});
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "time", "schema": schema}});
    let answer: Value = post(&api, &body).await.json().await.unwrap();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(json_of(content)["time"].is_string(), "{content}");
}
