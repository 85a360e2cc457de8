//! What follows from events as Stripe writes them.

use serde_json::{Value, json};

use super::*;

/// What follows from an event of this type, about this object.
fn of(kind: &str, object: &Value) -> Result<Step, Malformed> {
    let payload = json!({"id": "evt_1", "type": kind, "data": {"object": object}}).to_string();
    let event = json!({
        "id": "stripe#evt_1", "source": "stripe", "type": kind, "status": "received", "attempts": 0,
        "payload": payload, "request_id": "r1", "received_at": "", "expires_at": 0,
    });
    step(&serde_json::from_value(event).unwrap(), &Rates::default())
}

fn session(change: &Value) -> Value {
    let session = json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "amount_total": 1000,
        "currency": "usd", "payment_intent": "pi_1", "client_reference_id": "alice", "metadata": {},
    });
    with(session, change)
}

fn invoice(change: &Value) -> Value {
    let invoice = json!({
        "id": "in_1", "object": "invoice", "billing_reason": "subscription_cycle", "amount_paid": 1000, "currency": "usd",
        "metadata": {}, "parent": {"type": "subscription_details", "subscription_details": {"metadata": {"lambent_key": "alice"}}},
    });
    with(invoice, change)
}

fn with(mut object: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn paid(payment: &str, caller: &str) -> Result<Step, Malformed> {
    Ok(Step::Post(Fact::Paid(Paid {
        payment: payment.to_owned(),
        caller: caller.to_owned(),
        amount: 1000,
        currency: "usd".to_owned(),
        rate: 10_000,
    })))
}

#[test]
fn a_paid_session_tops_up_the_key_that_it_names() {
    let of = |change: Value| of("checkout.session.completed", &session(&change));
    assert_eq!(of(json!({})), paid("pi_1", "alice"));
    assert_eq!(
        of(json!({"metadata": {"lambent_key": "bob"}})),
        paid("pi_1", "bob")
    );
    assert_eq!(
        of(json!({"payment_intent": null, "currency": "USD"})),
        paid("cs_1", "alice")
    );
}

#[test]
fn a_session_that_is_not_paid_or_names_nobody_tops_up_nothing_and_says_why() {
    for (change, reason) in [
        (json!({"payment_status": "unpaid"}), "it is not paid yet"),
        (
            json!({"payment_status": "no_payment_required"}),
            "nothing was paid",
        ),
        (json!({"mode": "setup"}), "nothing was paid"),
        (
            json!({"mode": "subscription"}),
            "the invoices of its subscription count",
        ),
        (json!({"client_reference_id": null}), "it names no key"),
        (json!({"client_reference_id": ""}), "it names no key"),
        (json!({"amount_total": 0}), "nothing was paid"),
        (
            json!({"currency": "eur"}),
            "no rate is configured for its currency",
        ),
    ] {
        let found = of("checkout.session.completed", &session(&change));
        assert_eq!(found, Ok(Step::Ignore(reason)), "{change}");
    }
    // It arrives later, by the same handler.
    let later = of("checkout.session.async_payment_succeeded", &session(&json!({})));
    assert_eq!(later, paid("pi_1", "alice"));
}

#[test]
fn a_subscription_s_invoices_top_up_by_its_metadata_in_every_version_of_the_api() {
    let of = |change: Value| of("invoice.paid", &invoice(&change));
    assert_eq!(of(json!({})), paid("in_1", "alice"));
    let before = json!({
        "parent": null, "payment_intent": "pi_1", "subscription_details": {"metadata": {"lambent_key": "bob"}},
    });
    assert_eq!(of(before), paid("pi_1", "bob"));
    assert_eq!(
        of(json!({"metadata": {"lambent_key": "carol"}})),
        paid("in_1", "carol")
    );
    let manual = of(json!({"billing_reason": "manual"}));
    assert_eq!(manual, Ok(Step::Ignore("it is no subscription's invoice")));
    assert_eq!(
        of(json!({"amount_paid": 0})),
        Ok(Step::Ignore("nothing was paid"))
    );
}

#[test]
fn a_refund_is_of_a_payment_intent_or_else_of_its_charge() {
    let charge = json!({"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 300, "currency": "usd"});
    let refunded = |payment: &str| {
        Ok(Step::Post(Fact::Refunded(Refunded {
            payment: payment.to_owned(),
            charge: "ch_1".to_owned(),
            amount: 300,
            currency: "usd".to_owned(),
        })))
    };
    assert_eq!(of("charge.refunded", &charge), refunded("pi_1"));
    let alone = with(charge, &json!({"payment_intent": null}));
    assert_eq!(of("charge.refunded", &alone), refunded("ch_1"));
}

#[test]
fn an_invoice_payment_says_which_payment_intent_paid_which_invoice() {
    let payment = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    let pays = Fact::Pays {
        payment: "pi_1".to_owned(),
        invoice: "in_1".to_owned(),
    };
    assert_eq!(of("invoice_payment.paid", &payment), Ok(Step::Post(pays)));
}

#[test]
fn other_types_are_ignored_and_other_forms_are_malformed() {
    let ignored = of("customer.created", &json!({"id": "cus_1"}));
    assert_eq!(ignored, Ok(Step::Ignore("nothing handles events of this type")));
    for (kind, object) in [
        (
            "checkout.session.completed",
            session(&json!({"amount_total": "hunter2"})),
        ),
        (
            "checkout.session.completed",
            session(&json!({"amount_total": -5})),
        ),
        ("invoice.paid", json!({"id": "in_1"})),
        ("charge.refunded", json!({})),
    ] {
        assert_eq!(of(kind, &object), Err(Malformed), "{kind} {object}");
    }
}
