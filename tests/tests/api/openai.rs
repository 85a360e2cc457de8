//! OpenAI's dialect: chats, embeddings, models, and their errors.

mod budgets;
mod chats;
mod embeddings;
mod errors;
mod routing;

use lambent_tests::api::{Api, MODEL};
use reqwest::Response;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A chat with one message.
fn chat(stream: bool) -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": "When does it leave?"}], "stream": stream})
}

/// The data of all events of an answer.
async fn events(response: Response) -> Vec<String> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let events = text
        .split_terminator("\n\n")
        .filter(|event| !event.starts_with(':'));
    events
        .map(|event| event.strip_prefix("data: ").expect("data").to_owned())
        .collect()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The error of an answer with this status.
async fn error(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    let body: Value = response.json().await.unwrap();
    let error = body["error"].clone();
    assert!(
        error["message"].is_string() && error["type"].is_string(),
        "{body}"
    );
    assert!(
        error.get("param").is_some() && error.get("code").is_some(),
        "{body}"
    );
    error
}

async fn post(api: &Api, body: &Value) -> Response {
    api.post(CHAT, body).await
}
