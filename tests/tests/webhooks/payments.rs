//! Payments and refunds, once each, in whatever order.

use futures::future::join_all;
use lambent_store::webhooks::EventStatus;
use serde_json::json;

use crate::{SECRET, Till, event, refund, signed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_copies_at_once_top_up_once() {
    let till = Till::start().await;
    let body = till.session("evt_1", "pi_1", 1000).to_string();
    let signature = signed(&body, SECRET, 0);
    let answers = join_all((0..20).map(|_| till.send(&body, &signature))).await;
    let mut received = 0;
    for answer in answers {
        assert_eq!(answer.status(), 200);
        received += u32::from(answer.text().await.unwrap().contains("received"));
    }
    assert_eq!(received, 1);
    assert_eq!(till.ended("stripe", "evt_1").await.status, EventStatus::Handled);
    assert_eq!(till.topped_up().await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_partial_refunds_take_back_their_sum_and_no_more() {
    let till = Till::start().await;
    for (event, cents) in [
        (till.session("evt_1", "pi_1", 1000), 1000),
        (refund("evt_2", "pi_1", 300), 700),
        (refund("evt_3", "pi_1", 500), 500),
        (refund("evt_3", "pi_1", 500), 500),
    ] {
        till.tell(&event).await;
        till.ended("stripe", event["id"].as_str().unwrap()).await;
        assert_eq!(till.topped_up().await, cents, "{}", event["id"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_comes_before_its_payment_ends_right() {
    let till = Till::start().await;
    till.tell(&refund("evt_1", "pi_1", 300)).await;
    till.ended("stripe", "evt_1").await;
    assert_eq!(till.topped_up().await, 0);
    till.tell(&till.session("evt_2", "pi_1", 1000)).await;
    till.ended("stripe", "evt_2").await;
    assert_eq!(till.topped_up().await, 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_begun_in_checkout_tops_up_once_and_its_refund_is_found() {
    let till = Till::start().await;
    let session = json!({
        "id": "cs_1", "object": "checkout.session", "mode": "subscription", "payment_status": "paid", "invoice": "in_1",
        "client_reference_id": till.key, "amount_total": 1000, "currency": "usd", "subscription": "sub_1",
    });
    let invoice = json!({
        "id": "in_1", "object": "invoice", "billing_reason": "subscription_create", "amount_paid": 1000, "currency": "usd",
        "parent": {"type": "subscription_details", "subscription_details": {"metadata": {"lambent_key": till.key}, "subscription": "sub_1"}},
    });
    let payment = json!({
        "id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    });
    for (event, status) in [
        (refund("evt_1", "pi_1", 250), EventStatus::Handled),
        (
            event("evt_2", "checkout.session.completed", &session),
            EventStatus::Ignored,
        ),
        (event("evt_3", "invoice.paid", &invoice), EventStatus::Handled),
        (
            event("evt_4", "invoice_payment.paid", &payment),
            EventStatus::Handled,
        ),
    ] {
        till.tell(&event).await;
        let ended = till.ended("stripe", event["id"].as_str().unwrap()).await;
        assert_eq!(ended.status, status, "{ended:?}");
    }
    assert_eq!(till.topped_up().await, 750);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_type_is_kept_as_it_came_and_ignored() {
    let till = Till::start().await;
    let body = r#"{ "id":"evt_1",  "type": "customer.created", "data": {"object": {}}, "n": 1.0 }"#;
    let answer = till.send(body, &signed(body, SECRET, 0)).await;
    assert_eq!(answer.status(), 200);
    let ended = till.ended("stripe", "evt_1").await;
    assert_eq!(ended.status, EventStatus::Ignored);
    assert_eq!(
        ended.reason.as_deref(),
        Some("nothing handles events of this type")
    );
    assert_eq!(ended.payload, body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_without_a_rate_or_for_nobody_is_kept_and_ignored_with_the_reason() {
    let till = Till::start().await;
    let mut euros = till.session("evt_1", "pi_1", 1000);
    euros["data"]["object"]["currency"] = "eur".into();
    let mut nobody = till.session("evt_2", "pi_2", 1000);
    nobody["data"]["object"]["client_reference_id"] = "0000000000000000".into();
    for (event, reason) in [
        (euros, "no rate is configured for its currency"),
        (nobody, "there is no such key"),
    ] {
        till.tell(&event).await;
        let ended = till.ended("stripe", event["id"].as_str().unwrap()).await;
        assert_eq!(
            (ended.status, ended.reason.as_deref()),
            (EventStatus::Ignored, Some(reason))
        );
    }
    assert_eq!(till.topped_up().await, 0);
}
