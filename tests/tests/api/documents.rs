//! Documents: put, read, listed, replaced and deleted, at once or as jobs.

mod jobs;
mod keeping;
mod others;
mod refusals;
mod replacing;

use lambent_callers::ApiKey;
use lambent_tests::api::Api;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// The longest document that is kept at once.
const AT_ONCE: usize = 50_000;

/// A document of at least so many characters, in sentences that all name the topic.
pub(crate) fn document(id: &str, topic: &str, characters: usize) -> Value {
    let mut text = String::new();
    for number in 0.. {
        text += &format!("Sentence {number} is about {topic} and says what there is to say. ");
        if text.len() >= characters {
            break;
        }
    }
    json!({"id": id, "title": format!("All about {topic}"), "text": text})
}

/// Puts a document, which is kept at once.
pub(crate) async fn put(api: &Api, document: &Value) -> Value {
    let answer = api.post("/documents", document).await;
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert_eq!(status, 201, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// What a search of at most fifty chunks finds.
pub(crate) async fn found(api: &Api, query: &str) -> Vec<Value> {
    let answer = api.post("/search", &json!({"query": query, "top_k": 50})).await;
    hits(answer).await
}

pub(crate) async fn hits(answer: Response) -> Vec<Value> {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, 200, "{body:#}");
    body["hits"].as_array().unwrap().clone()
}

/// The ids of the caller's documents, page by page.
async fn listed(api: &Api, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/documents?limit={limit}{cursor}");
        let page: Value = api.get(&path).await.json().await.unwrap();
        let documents = page["documents"].as_array().unwrap();
        assert!(documents.len() <= limit);
        ids.extend(
            documents
                .iter()
                .map(|one| one["document_id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

async fn status(api: &Api, id: &str) -> u16 {
    api.get(&format!("/documents/{id}")).await.status().as_u16()
}

/// A request by another caller than the API's own client.
pub(crate) fn by(key: &ApiKey, request: impl FnOnce(&Client) -> RequestBuilder) -> RequestBuilder {
    request(&Client::new()).header("x-api-key", key.reveal())
}
