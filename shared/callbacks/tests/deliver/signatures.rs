//! What a receiver gets, and how it knows whom it is from.

use http::{HeaderMap, HeaderValue, Method};
use lambent_callbacks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Outcome, Signer,
};
use standardwebhooks::Webhook;

use crate::receiver::{Answer, Received, Receiver};
use crate::{CALLER, PEPPER, callbacks_to, delivery, failed, outcome_of};

async fn received() -> Received {
    let (outcome, receiver) = outcome_of(Answer::Status(200)).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    receiver.received().remove(0)
}

/// Whether the bearer of this caller's secret takes it.
fn is_verified(caller: &str, body: &[u8], headers: &HeaderMap) -> bool {
    let secret = Signer::new(PEPPER).secret(caller);
    let webhook = Webhook::new(secret.reveal()).unwrap();
    webhook.verify(body, headers).is_ok()
}

#[tokio::test]
async fn the_caller_verifies_its_callback_with_its_secret() {
    let received = received().await;
    assert!(is_verified(CALLER, &received.body, &received.headers));
    assert_eq!(received.body, delivery("").body.as_bytes());
}

#[tokio::test]
async fn nobody_elses_secret_verifies_it() {
    let received = received().await;
    for caller in ["", "fedcba9876543210", "0123456789abcdef ", "0123456789abcde"] {
        assert!(
            !is_verified(caller, &received.body, &received.headers),
            "{caller:?}"
        );
    }
}

#[tokio::test]
async fn a_callback_with_one_byte_changed_is_not_verified() {
    let received = received().await;
    for place in 0..received.body.len() {
        let mut body = received.body.to_vec();
        body[place] ^= 1;
        assert!(!is_verified(CALLER, &body, &received.headers), "byte {place}");
    }
    for name in [
        HEADER_WEBHOOK_ID,
        HEADER_WEBHOOK_TIMESTAMP,
        HEADER_WEBHOOK_SIGNATURE,
    ] {
        let mut headers = received.headers.clone();
        let mut value = headers[name].as_bytes().to_vec();
        // The last but two: the last characters of base64 may be padding.
        let place = value.len() - 3;
        value[place] ^= 1;
        headers.insert(name, HeaderValue::from_bytes(&value).unwrap());
        assert!(!is_verified(CALLER, &received.body, &headers), "{name}");
    }
}

#[tokio::test]
async fn it_is_a_post_of_json_with_nothing_more_than_needed() {
    let received = received().await;
    assert_eq!(
        (received.method, received.uri.path()),
        (Method::POST, "/callback")
    );
    let user_agent = concat!("Lambent/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.headers["user-agent"], user_agent);
    assert_eq!(received.headers[HEADER_WEBHOOK_ID], "msg_job_1");
    assert!(
        received.headers[HEADER_WEBHOOK_SIGNATURE]
            .to_str()
            .unwrap()
            .starts_with("v1,")
    );
    let mut names: Vec<_> = received.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_id_that_is_no_header_is_never_sent() {
    let receiver = Receiver::start(Answer::Status(200)).await;
    let callbacks = callbacks_to(&receiver, std::time::Duration::from_secs(1));
    let mut delivery = delivery(receiver.url("/"));
    delivery.id = "a\r\nx-forged: b".to_owned();
    let outcome = callbacks.deliver(&delivery).await;
    assert_eq!(outcome, failed(None, "the request could not be made", true));
    assert!(receiver.received().is_empty());
}
