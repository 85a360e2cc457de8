//! A job's end is told to its caller's own server, and to nobody whom it should not reach.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use lambent_tests::{api::Api, upstream::Behaviour};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use super::{by, numbered};

/// A server that callbacks are sent to: what it answers with, and what it got.
#[derive(Clone, Default)]
struct Receiver {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    /// Starts one that answers with these, and then with 204.
    async fn start(statuses: &[u16]) -> (Self, SocketAddr) {
        let receiver = Self::default();
        receiver.statuses.lock().unwrap().extend(statuses);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/callbacks", post(receive))
            .with_state(receiver.clone());
        tokio::spawn(axum::serve(listener, app).into_future());
        (receiver, address)
    }

    fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().unwrap().clone()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.got.lock().unwrap().push((headers, body));
    let status = receiver.statuses.lock().unwrap().pop_front().unwrap_or(204);
    StatusCode::from_u16(status).unwrap()
}

/// An API that may call this address back, which is neither public nor encrypted.
async fn calling(address: SocketAddr) -> Api {
    Api::configured(|config| config.callbacks.allow = vec![address.to_string()]).await
}

fn with_callback(number: usize, url: &str) -> Value {
    let mut body = numbered(number);
    body["callback_url"] = url.into();
    body
}

async fn secret(api: &Api) -> String {
    let told: Value = api.get("/callbacks/secret").await.json().await.unwrap();
    told["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_s_end_is_told_in_a_way_that_the_public_library_verifies() {
    let (receiver, address) = Receiver::start(&[]).await;
    let api = calling(address).await;
    api.upstream.about("#2#", Behaviour::context_length_exceeded());
    for (number, kind) in [(1, "job.succeeded"), (2, "job.failed")] {
        let url = format!("http://{address}/callbacks");
        let id = api.job(&with_callback(number, &url)).await;
        let job = api
            .until(&id, |job| job["callback"]["status"] == "delivered")
            .await;
        assert_eq!(
            (&job["callback"]["attempts"], &job["callback"]["http_status"]),
            (&json!(1), &json!(204))
        );
        let (headers, body) = receiver.got().pop().unwrap();
        let webhook = Webhook::new(&secret(&api).await).unwrap();
        webhook.verify(&body, &headers).unwrap();
        assert_eq!(headers["content-type"], "application/json");
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (event["type"].as_str(), &event["data"]["job_id"]),
            (Some(kind), &json!(id))
        );
        let mut without = job.clone();
        without.as_object_mut().unwrap().remove("callback");
        assert_eq!(event["data"], without);
    }
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test]
async fn a_caller_s_secret_is_its_own_and_always_the_same() {
    let (receiver, address) = Receiver::start(&[]).await;
    let api = calling(address).await;
    let stranger = api.new_key(|_| {}).await;
    let asked = by(&stranger, |client| client.get(api.url("/callbacks/secret")));
    let other: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_ne!(other["secret"], secret(&api).await);
    assert_eq!(secret(&api).await, secret(&api).await);
    let id = api
        .job(&with_callback(1, &format!("http://{address}/callbacks")))
        .await;
    api.until(&id, |job| job["callback"]["status"] == "delivered")
        .await;
    let (headers, body) = receiver.got().pop().unwrap();
    let webhook = Webhook::new(other["secret"].as_str().unwrap()).unwrap();
    assert!(webhook.verify(&body, &headers).is_err());
}

#[tokio::test]
async fn a_callback_that_fails_is_tried_again_with_the_same_id() {
    let (receiver, address) = Receiver::start(&[500]).await;
    let api = calling(address).await;
    let id = api
        .job(&with_callback(1, &format!("http://{address}/callbacks")))
        .await;
    let failed = api
        .until(&id, |job| job["callback"]["status"] == "retrying")
        .await;
    assert_eq!(failed["status"], "succeeded");
    assert_eq!(
        (
            &failed["callback"]["attempts"],
            &failed["callback"]["http_status"]
        ),
        (&json!(1), &json!(500))
    );
    assert!(failed["callback"]["next_attempt_at"].as_str() > failed["callback"]["last_attempt_at"].as_str());
    let job = api
        .until(&id, |job| job["callback"]["status"] == "delivered")
        .await;
    assert_eq!(job["callback"]["attempts"], 2);
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].0["webhook-id"], got[1].0["webhook-id"]);
    assert_eq!(got[0].1, got[1].1);
}

#[tokio::test]
async fn a_server_that_wants_no_callbacks_gets_no_second_one() {
    let (receiver, address) = Receiver::start(&[410]).await;
    let api = calling(address).await;
    let id = api
        .job(&with_callback(1, &format!("http://{address}/callbacks")))
        .await;
    let job = api.until(&id, |job| job["callback"]["status"] == "failed").await;
    assert_eq!(
        (job["status"].as_str(), receiver.got().len()),
        (Some("succeeded"), 1)
    );
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_when_the_job_is_sent() {
    let api = Api::start().await;
    for (url, code) in [
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://127.1/", "private_address"),
        ("https://2130706433/", "private_address"),
        ("https://[::ffff:10.0.0.1]/", "private_address"),
        ("https://localhost/", "private_name"),
        ("https://db.internal/", "private_name"),
        ("http://example.com/", "not_https"),
        ("https://user:password@example.com/", "has_credentials"),
    ] {
        let refused = api.post("/analyse/async", &with_callback(1, url)).await;
        assert_eq!(refused.status(), 422, "{url}");
        let problem: Value = refused.json().await.unwrap();
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/callback_url"), &json!(code)),
            "{url}"
        );
        assert!(!problem.to_string().contains("password@"));
    }
    assert_eq!(api.upstream.counts().requests, 0);
}
