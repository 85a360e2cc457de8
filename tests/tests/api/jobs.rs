//! Jobs: analyses that outlive their request.

mod acceptance;
mod callbacks;
mod cancelling;
mod failing;
mod idempotency;

use lambent_callers::ApiKey;
use lambent_tests::api::{Api, request};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// A document that the upstream can tell from others.
fn numbered(number: usize) -> Value {
    let text = format!("Document #{number}#: it says what documents say.");
    request(&text, "summary", "json")
}

/// A request by another caller than the API's own client.
fn by(key: &ApiKey, request: impl FnOnce(&Client) -> RequestBuilder) -> RequestBuilder {
    request(&Client::new()).header("x-api-key", key.reveal())
}

/// The ids of the caller's jobs, the newest first.
async fn listed(api: &Api) -> Vec<String> {
    let list: Value = api.get("/jobs?limit=100").await.json().await.unwrap();
    let jobs = list["jobs"].as_array().unwrap().iter();
    jobs.map(|job| job["job_id"].as_str().unwrap().to_owned())
        .collect()
}
