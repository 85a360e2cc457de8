//! Events of others: verified, kept once, and their effect on budgets, over HTTP and through the table's stream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests, which say why they are skipped"
)]

mod payments;
mod poison;
mod refusals;
mod standard;
mod stripe_library;

use std::time::Duration;

use lambent_store::{
    Webhooks, now_ms,
    webhooks::{Event, EventStatus},
};
use lambent_tests::api::Api;
use reqwest::Response;
use ring::hmac;
use serde_json::{Value, json};

/// One of the two secrets that events of Stripe's may be signed with here.
pub(crate) const SECRET: &str = "whsec_test_new";
/// What the key that is topped up may spend in a month: five dollars.
const BUDGET: u64 = 5_000_000;
/// A cent, in millionths of a dollar.
pub(crate) const CENT: i64 = 10_000;

/// An API, and a key whose budget payments change.
pub(crate) struct Till {
    pub(crate) api: Api,
    pub(crate) key: String,
}

impl Till {
    pub(crate) async fn start() -> Self {
        let api = Api::here().await;
        let key = api.new_key(|key| key.limits.budget = Some(BUDGET)).await;
        Self {
            api,
            key: key.id().to_owned(),
        }
    }

    /// Sends an event with this signature.
    pub(crate) async fn send(&self, body: &str, signature: &str) -> Response {
        let sent = self.api.client.post(self.api.url("/webhooks/stripe"));
        let sent = sent.header("stripe-signature", signature).body(body.to_owned());
        sent.send().await.unwrap()
    }

    /// Signs an event and sends it; it is taken.
    pub(crate) async fn tell(&self, event: &Value) -> String {
        let body = event.to_string();
        let answer = self.send(&body, &signed(&body, SECRET, 0)).await;
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        answer["status"].as_str().unwrap().to_owned()
    }

    /// The event, once it is not to be handled any more.
    pub(crate) async fn ended(&self, source: &str, event_id: &str) -> Event {
        let webhooks = self.api.store.webhooks().unwrap();
        for _ in 0..400 {
            let event = webhooks.find(&Webhooks::id(source, event_id)).await.unwrap();
            if let Some(event) = event.filter(|event| event.status != EventStatus::Received) {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{event_id} does not end")
    }

    /// What has come into the key's budget, in cents.
    pub(crate) async fn topped_up(&self) -> i64 {
        let keys = self.api.store.callers().unwrap().keys(now_ms()).await.unwrap();
        let key = keys.into_iter().find(|key| key.id == self.key).unwrap();
        assert_eq!(
            key.prepaid,
            key.remaining.unwrap() - i64::try_from(BUDGET).unwrap()
        );
        key.prepaid / CENT
    }

    /// A session that was paid, of this many cents.
    pub(crate) fn session(&self, event_id: &str, payment: &str, cents: u32) -> Value {
        event(
            event_id,
            "checkout.session.completed",
            &json!({
                "id": format!("cs_{payment}"), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
                "payment_intent": payment, "client_reference_id": self.key, "amount_total": cents, "currency": "usd",
            }),
        )
    }
}

pub(crate) fn event(event_id: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": event_id, "object": "event", "api_version": "2025-11-17.clover", "type": kind, "livemode": false,
        "data": {"object": object},
    })
}

/// A charge of which so many cents have been given back so far.
pub(crate) fn refund(event_id: &str, payment: &str, cents: u32) -> Value {
    let charge = json!({
        "id": format!("ch_{payment}"), "object": "charge", "payment_intent": payment, "amount": 1000,
        "amount_refunded": cents, "currency": "usd",
    });
    event(event_id, "charge.refunded", &charge)
}

/// Stripe's header for this body, signed so many seconds from now.
pub(crate) fn signed(body: &str, secret: &str, offset: i64) -> String {
    let time = i64::try_from(now_ms() / 1000).unwrap() + offset;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={digits}")
}
