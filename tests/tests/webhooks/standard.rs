//! Events of sources that sign by Standard Webhooks, with its public library.

use lambent_store::{now_ms, webhooks::EventStatus};
use reqwest::Response;
use standardwebhooks::Webhook;

use crate::Till;

/// The secret of the source `acme`.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"type": "report.ready", "data": {"id": 7}}"#;

async fn send(till: &Till, source: &str, body: &str, secret: &str, offset: i64) -> Response {
    let time = i64::try_from(now_ms() / 1000).unwrap() + offset;
    let signature = Webhook::new(secret).unwrap();
    let signature = signature.sign("msg_1", time, BODY.as_bytes()).unwrap();
    let sent = till.api.client.post(till.api.url(&format!("/webhooks/{source}")));
    let sent = sent
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", time)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    sent.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_public_library_signs_is_kept_once() {
    let till = Till::start().await;
    for word in ["received", "duplicate"] {
        let answer = send(&till, "acme", BODY, SECRET, 0).await;
        assert_eq!(answer.status(), 200);
        let answer = answer.text().await.unwrap();
        assert!(answer.contains(word), "{answer}");
    }
    let event = till.ended("acme", "msg_1").await;
    assert_eq!(
        (event.kind.as_deref(), event.status, event.payload.as_str()),
        (Some("report.ready"), EventStatus::Ignored, BODY)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_secret_body_time_or_scheme_is_not_taken() {
    let till = Till::start().await;
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (body, secret, offset) in [
        (BODY, other, 0),
        ("{}", SECRET, 0),
        (BODY, SECRET, -301),
        (BODY, SECRET, 301 + 60),
    ] {
        let answer = send(&till, "acme", body, secret, offset).await;
        assert_eq!(answer.status(), 400, "{body} {secret} {offset}");
    }
    // Stripe's events are signed in Stripe's way.
    assert_eq!(send(&till, "stripe", BODY, SECRET, 0).await.status(), 400);
    assert_eq!(send(&till, "nobody", BODY, SECRET, 0).await.status(), 404);
    let kept = till.api.store.webhooks().unwrap().find("acme#msg_1").await;
    assert_eq!(kept.unwrap(), None);
}
