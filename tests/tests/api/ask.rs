//! `POST /ask`.

mod answers;
mod finding;
mod injection;
mod money;
mod refusals;
mod streams;
mod timings;

use lambent_callers::ApiKey;
use lambent_store::CallerId;
use lambent_tests::{
    api::Api,
    documents::{Document, put},
    sse::Events,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/ask";
const QUESTION: &str = "When does the night train leave?";
const TRAIN: &str = "The night train from Lisbon to Madrid returns. The night train leaves Santa Apolonia at 21:40. It arrives at 8:10.";
const LEAVES: &str = "The night train leaves Santa Apolonia at 21:40.";
const PRICES: &str = "A bed in the night train costs 59 euros.";

/// Whose documents the API's own client finds.
fn owner(key: &ApiKey) -> CallerId {
    CallerId::for_operator(key.id())
}

/// An API with a document about trains, in two chunks. The first one is nearer to [`QUESTION`].
async fn with_trains() -> Api {
    let api = Api::start().await;
    put_trains(&api).await;
    api
}

async fn put_trains(api: &Api) {
    let document = Document {
        title: "Night trains",
        ..Document::of("trains", &[TRAIN, PRICES])
    };
    put(&api.store, &owner(&api.key), &document).await;
}

/// A question for which whatever shares a word is near enough.
fn asking(question: &str) -> Value {
    json!({"question": question, "min_score": 0.52})
}

async fn answer(api: &Api, body: &Value) -> Value {
    let answer = api.post(PATH, body).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn events(api: &Api, body: &Value) -> Events {
    let asked = api.posting(PATH, body).header("accept", "text/event-stream");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Events::parse(&answer.text().await.unwrap())
}

/// The last request for a chat that the upstream got.
fn chat(api: &Api) -> Value {
    let mut bodies = api.upstream.bodies().into_iter().rev();
    bodies.find(|body| body.get("messages").is_some()).unwrap()
}

/// The last text that the upstream was to embed.
fn embedded(api: &Api) -> String {
    let mut bodies = api.upstream.bodies().into_iter().rev();
    let body = bodies.find(|body| body.get("input").is_some()).unwrap();
    match &body["input"] {
        Value::Array(texts) => texts[0].as_str().unwrap().to_owned(),
        text => text.as_str().unwrap().to_owned(),
    }
}

/// How often the chat model was asked.
fn chats(api: &Api) -> u64 {
    let counts = api.upstream.counts();
    counts.requests - counts.embeddings
}

/// The texts of an answer's sources.
fn texts(answer: &Value) -> Vec<&str> {
    let sources = answer["sources"].as_array().unwrap().iter();
    sources.map(|source| source["text"].as_str().unwrap()).collect()
}
