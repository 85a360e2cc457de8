//! What follows from an event: one function a type. They only say it; writing it, once, is the ledger's.
//!
//! # Payments of Stripe's
//! A payment tops up the budget of the API key that it names, by `lambent_key` in its metadata or a session's `client_reference_id`:
//!
//! | | counted by | since |
//! |---|---|---|
//! | a Checkout session with `mode=payment` | the session, once `payment_status` is `paid` | it has the key |
//! | a subscription, also one begun in Checkout | its invoices | there is one for each period; the session of the first one is ignored |
//!
//! So that no payment counts twice: invoices that are no subscription's (Checkout can make one for a single payment) are ignored.
//!
//! A refund is told of a charge, as the sum of all so far. It is found by the payment intent, which the session names too. Since API
//! version 2025-03-31 invoices do not name theirs: there `invoice_payment.paid` does.

use std::collections::BTreeMap;

use lambent_schema::endpoints::webhooks::{KEY_IN_METADATA, STRIPE};
use lambent_store::webhooks::{Event, Fact, Paid, Refunded};
use serde::{Deserialize, de::DeserializeOwned};

use crate::Rates;

/// What follows from an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something is known of a payment.
    Post(Fact),
    /// Nothing, for this reason.
    Ignore(&'static str),
}

/// An event does not have the form of its type. What is wrong with it is not said: it would quote the event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not have the form of its type")]
pub(crate) struct Malformed;

/// What follows from this event.
pub(crate) fn step(event: &Event, rates: &Rates) -> Result<Step, Malformed> {
    match (event.source.as_str(), event.kind.as_deref().unwrap_or_default()) {
        (STRIPE, "checkout.session.completed" | "checkout.session.async_payment_succeeded") => {
            Ok(checkout_session(object(event)?, rates))
        }
        (STRIPE, "invoice.paid") => Ok(invoice_paid(object(event)?, rates)),
        (STRIPE, "invoice_payment.paid") => Ok(invoice_payment_paid(object(event)?)),
        (STRIPE, "charge.refunded") => Ok(charge_refunded(object(event)?)),
        _ => Ok(Step::Ignore("nothing handles events of this type")),
    }
}

const NOBODY: &str = "it names no key";
const NOTHING: &str = "nothing was paid";
const CURRENCY: &str = "no rate is configured for its currency";

type Metadata = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Session {
    id: String,
    mode: String,
    payment_status: String,
    amount_total: Option<u64>,
    currency: Option<String>,
    payment_intent: Option<String>,
    client_reference_id: Option<String>,
    metadata: Option<Metadata>,
}

/// A Checkout session has ended, or its payment has arrived after that.
fn checkout_session(session: Session, rates: &Rates) -> Step {
    match (session.mode.as_str(), session.payment_status.as_str()) {
        ("subscription", _) => return Step::Ignore("the invoices of its subscription count"),
        ("payment", "paid") => {}
        ("payment", "unpaid") => return Step::Ignore("it is not paid yet"),
        _ => return Step::Ignore(NOTHING),
    }
    let caller = key_in(session.metadata.as_ref()).or(session.client_reference_id);
    let payment = session.payment_intent.unwrap_or(session.id);
    paid(payment, caller, session.amount_total, session.currency, rates)
}

#[derive(Deserialize)]
struct Invoice {
    id: String,
    billing_reason: Option<String>,
    amount_paid: u64,
    currency: String,
    metadata: Option<Metadata>,
    /// Before API version 2025-03-31.
    payment_intent: Option<String>,
    /// Before API version 2025-03-31.
    subscription_details: Option<Details>,
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    subscription_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    metadata: Option<Metadata>,
}

/// An invoice has been paid.
fn invoice_paid(invoice: Invoice, rates: &Rates) -> Step {
    let reason = invoice.billing_reason.unwrap_or_default();
    if !reason.starts_with("subscription") {
        return Step::Ignore("it is no subscription's invoice");
    }
    let of_parent = invoice.parent.and_then(|parent| parent.subscription_details);
    let details = [of_parent, invoice.subscription_details];
    let of_subscription = details
        .iter()
        .flatten()
        .find_map(|details| key_in(details.metadata.as_ref()));
    let caller = key_in(invoice.metadata.as_ref()).or(of_subscription);
    let payment = invoice.payment_intent.unwrap_or(invoice.id);
    paid(
        payment,
        caller,
        Some(invoice.amount_paid),
        Some(invoice.currency),
        rates,
    )
}

#[derive(Deserialize)]
struct InvoicePayment {
    invoice: String,
    payment: Payment,
}

#[derive(Deserialize)]
struct Payment {
    payment_intent: Option<String>,
    charge: Option<String>,
}

/// What has paid an invoice is known: its refunds are the invoice's.
fn invoice_payment_paid(paid: InvoicePayment) -> Step {
    match paid.payment.payment_intent.or(paid.payment.charge) {
        Some(payment) => Step::Post(Fact::Pays {
            payment,
            invoice: paid.invoice,
        }),
        None => Step::Ignore("it was paid outside of Stripe"),
    }
}

#[derive(Deserialize)]
struct Charge {
    id: String,
    payment_intent: Option<String>,
    amount_refunded: u64,
    currency: String,
}

/// Some of a charge has been given back; how much so far.
fn charge_refunded(charge: Charge) -> Step {
    Step::Post(Fact::Refunded(Refunded {
        payment: charge.payment_intent.unwrap_or_else(|| charge.id.clone()),
        charge: charge.id,
        amount: charge.amount_refunded,
        currency: charge.currency.to_lowercase(),
    }))
}

/// A payment that was made, if it is of anything, and for somebody.
fn paid(
    payment: String,
    caller: Option<String>,
    amount: Option<u64>,
    currency: Option<String>,
    rates: &Rates,
) -> Step {
    let Some(caller) = caller.filter(|caller| !caller.is_empty()) else {
        return Step::Ignore(NOBODY);
    };
    let (Some(amount @ 1..), Some(currency)) = (amount, currency) else {
        return Step::Ignore(NOTHING);
    };
    let currency = currency.to_lowercase();
    match rates.of(&currency) {
        Some(rate) => Step::Post(Fact::Paid(Paid {
            payment,
            caller,
            amount,
            currency,
            rate,
        })),
        None => Step::Ignore(CURRENCY),
    }
}

fn key_in(metadata: Option<&Metadata>) -> Option<String> {
    metadata?.get(KEY_IN_METADATA).cloned()
}

/// What an event of Stripe's is about.
fn object<T: DeserializeOwned>(event: &Event) -> Result<T, Malformed> {
    #[derive(Deserialize)]
    struct Whole<T> {
        data: Data<T>,
    }
    #[derive(Deserialize)]
    struct Data<T> {
        object: T,
    }
    let whole: Whole<T> = serde_json::from_str(&event.payload).map_err(|_| Malformed)?;
    Ok(whole.data.object)
}

#[cfg(test)]
#[path = "handlers_tests.rs"]
mod tests;
