//! What payments and refunds do to budgets.

use futures::future::join_all;
use lambent_store::now_ms;
use lambent_store::webhooks::{EventStatus, Fact, Ledger, Paid, Posted, Refunded};

use crate::{CENT, event, extra, keep, ledger};

pub(crate) fn paid(payment: &str, amount: u64) -> Fact {
    Fact::Paid(Paid {
        payment: payment.to_owned(),
        caller: "alice".to_owned(),
        amount,
        currency: "usd".to_owned(),
        rate: 10_000,
    })
}

pub(crate) fn refunded(payment: &str, amount: u64) -> Fact {
    Fact::Refunded(Refunded {
        payment: payment.to_owned(),
        charge: "ch_1".to_owned(),
        amount,
        currency: "usd".to_owned(),
    })
}

async fn post(ledger: &Ledger, event_id: &str, fact: &Fact) -> Posted {
    let id = keep(&ledger.webhooks, event_id).await;
    ledger.post(&id, fact, now_ms()).await.unwrap()
}

#[tokio::test]
async fn a_payment_tops_up_and_refunds_take_back_their_difference() {
    let (_, ledger) = ledger().await;
    let steps = [
        ("evt_1", paid("pi_1", 1000), 1000),
        ("evt_2", refunded("pi_1", 300), 700),
        ("evt_3", refunded("pi_1", 500), 500),
        // The first of them, late: of the same charge more is known.
        ("evt_4", refunded("pi_1", 300), 500),
        // The same payment by another event.
        ("evt_5", paid("pi_1", 1000), 500),
        ("evt_6", paid("pi_2", 250), 750),
    ];
    for (event_id, fact, cents) in steps {
        post(&ledger, event_id, &fact).await;
        assert_eq!(extra(&ledger.callers, now_ms()).await, cents * CENT, "{event_id}");
    }
    let ignored = ledger.webhooks.find("stripe#evt_5").await.unwrap().unwrap();
    assert_eq!(ignored.status, EventStatus::Ignored);
    assert_eq!(
        ignored.reason.as_deref(),
        Some("it says nothing that is not known")
    );
}

#[tokio::test]
async fn a_refund_that_comes_before_its_payment_counts_when_that_comes() {
    let (_, ledger) = ledger().await;
    let posted = post(&ledger, "evt_1", &refunded("pi_1", 300)).await;
    assert_eq!(posted, Posted::Done { micro_dollars: 0 });
    let posted = post(&ledger, "evt_2", &paid("pi_1", 1000)).await;
    assert_eq!(
        posted,
        Posted::Done {
            micro_dollars: 700 * CENT
        }
    );
}

#[tokio::test]
async fn a_refund_of_an_invoice_s_payment_is_found_in_every_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (_, ledger) = ledger().await;
        for step in order {
            let fact = match step {
                0 => paid("in_1", 1000),
                1 => Fact::Pays {
                    payment: "pi_1".to_owned(),
                    invoice: "in_1".to_owned(),
                },
                _ => refunded("pi_1", 300),
            };
            post(&ledger, &format!("evt_{step}"), &fact).await;
        }
        assert_eq!(extra(&ledger.callers, now_ms()).await, 700 * CENT, "{order:?}");
    }
}

#[tokio::test]
async fn twenty_at_once_top_up_once() {
    let (_, ledger) = ledger().await;
    let id = keep(&ledger.webhooks, "evt_1").await;
    let fact = paid("pi_1", 1000);
    let posted = join_all((0..20).map(|_| ledger.post(&id, &fact, now_ms()))).await;
    let done = posted.iter().filter(
        |posted| matches!(posted, Ok(Posted::Done { micro_dollars }) if *micro_dollars == 1000 * CENT),
    );
    assert_eq!(done.count(), 1, "{posted:?}");
    assert_eq!(extra(&ledger.callers, now_ms()).await, 1000 * CENT);
}

#[tokio::test]
async fn payments_of_one_caller_at_once_all_count() {
    let (_, ledger) = ledger().await;
    let ids: Vec<String> = (0..10).map(|n| format!("evt_{n}")).collect();
    let posts = ids.iter().enumerate().map(async |(n, event_id)| {
        let id = keep(&ledger.webhooks, event_id).await;
        ledger.post(&id, &paid(&format!("pi_{n}"), 100), now_ms()).await
    });
    for posted in join_all(posts).await {
        assert_eq!(
            posted.unwrap(),
            Posted::Done {
                micro_dollars: 100 * CENT
            }
        );
    }
    assert_eq!(extra(&ledger.callers, now_ms()).await, 1000 * CENT);
}

#[tokio::test]
async fn a_payment_for_a_key_that_is_not_there_is_ignored_with_that_reason() {
    let (_, ledger) = ledger().await;
    let Fact::Paid(paid) = paid("pi_1", 1000) else {
        unreachable!("it is a payment")
    };
    let fact = Fact::Paid(Paid {
        caller: "bob".to_owned(),
        ..paid
    });
    let posted = post(&ledger, "evt_1", &fact).await;
    assert_eq!(posted, Posted::Ignored("there is no such key"));
    let event = ledger.webhooks.find("stripe#evt_1").await.unwrap().unwrap();
    assert_eq!(event.status, EventStatus::Ignored);
}

#[tokio::test]
async fn an_event_that_is_gone_changes_nothing() {
    let (_, ledger) = ledger().await;
    let posted = ledger
        .post(event("evt_1").event_id, &paid("pi_1", 1000), now_ms())
        .await;
    assert_eq!(posted.unwrap(), Posted::Ended);
    assert_eq!(extra(&ledger.callers, now_ms()).await, 0);
}
