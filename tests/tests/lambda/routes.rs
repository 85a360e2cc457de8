//! Every route answers from its process as it does from its router.

use std::collections::BTreeMap;

use http::{HeaderMap, Request};
use lambent_schema::{Method, operations};
use lambent_tests::{
    api::{Api, event_body, request},
    sse::Events,
    upstream::Answer,
};
use serde_json::Value;

use crate::cloud::{Cloud, call, document_id, folder, post, text, with_key};

/// The id of no job.
const UNKNOWN_JOB: &str = "00000000-0000-7000-8000-000000000000";

/// What has to be the same: not ids, times and framing.
fn comparable(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| {
            ![
                "x-request-id",
                "location",
                "date",
                "content-length",
                "transfer-encoding",
                // Times: Lambda's, and those of the rate.
                "x-lambent-cost",
                "ratelimit",
                "server-timing",
                "openai-processing-ms",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ]
            .contains(&name.as_str())
        })
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn without_id(body: &str) -> Value {
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            if let Some(object) = value.as_object_mut() {
                // Two callers, each with jobs, documents and a secret of its own.
                for own in [
                    "request_id",
                    "job_id",
                    "secret",
                    "created_at",
                    "updated_at",
                    "ticket",
                    "url",
                    "expires_at",
                ] {
                    object.remove(own);
                }
                for list in ["jobs", "documents"] {
                    if let Some(own) = object.get_mut(list) {
                        *own = own.as_array().unwrap().len().into();
                    }
                }
            }
            value
        }
        Err(_) if body.contains("event: ") => {
            let events = Events::parse(body);
            let (name, done) = events.terminal();
            serde_json::json!([events.text(), name, done["usage"]])
        }
        Err(_) => Value::String(body.to_owned()),
    }
}

#[tokio::test]
async fn every_route_answers_from_its_process_as_it_does_from_its_router() {
    let Some(folder) = folder() else { return };
    let cloud = Cloud::start().await;
    let api = Api::here().await;
    for upstream in [&cloud.upstream, &api.upstream] {
        upstream.otherwise(Answer::text(
            r###"{"summary": "## It is late.", "findings": [{"title": "Late", "detail": "By two weeks."}]}"###,
        ));
    }
    for op in operations() {
        let function = cloud.function(&folder, op.function);
        let bodies: Vec<String> = match op.method {
            Method::Get | Method::Delete => vec![String::new()],
            Method::Post => vec![
                event_body(op.id),
                request("short", "none", "json").to_string(),
                "{".to_owned(),
            ],
        };
        let path = op
            .path
            .replace("{job_id}", UNKNOWN_JOB)
            .replace("{source}", "acme")
            .replace("{document_id}", &document_id())
            .replace("{model}", "default");
        for body in bodies {
            let (here, there) = match op.method {
                Method::Get => (api.client.get(api.url(&path)), with_key(Request::get(&path))),
                Method::Delete => (
                    api.client.delete(api.url(&path)),
                    with_key(Request::delete(&path)),
                ),
                Method::Post => (
                    api.client
                        .post(api.url(&path))
                        .header("content-type", "application/json")
                        .body(body.clone()),
                    post(&path, &[], body.clone()),
                ),
            };
            let here = here.send().await.unwrap();
            let there = call(&function, there).await.unwrap();
            let route = op.route();
            assert_eq!(here.status(), there.status(), "{route} {body}");
            assert_eq!(comparable(here.headers()), comparable(there.headers()), "{route}");
            let (here, there) = (here.text().await.unwrap(), text(there).await);
            assert_eq!(without_id(&here), without_id(&there), "{route}");
        }
    }
}
