//! Prepaid money outlives the month that it came in.

use lambent_store::Refusal;
use lambent_store::callers::{Ask, Credential, Decision};
use lambent_store::webhooks::Ledger;

use crate::payments::{paid, refunded};
use crate::{BUDGET, CENT, common, extra, insert, keep};

/// 15 November and 15 December 2026.
const NOVEMBER: u64 = 1_794_700_800_000;
const DECEMBER: u64 = NOVEMBER + 30 * 24 * 60 * 60 * 1000;

async fn ledger() -> Ledger {
    let (store, _) = common::store().await;
    insert(&store.callers().unwrap(), "alice", NOVEMBER).await;
    store.ledger().unwrap()
}

/// Spends so many millionths of a dollar, or says why not.
async fn spend(ledger: &Ledger, amount: u64, now_ms: u64, call: &str) -> Result<(), Refusal> {
    let price = move |_: Option<u32>| amount;
    let ask = Ask {
        credential: Credential::Key {
            id: "alice",
            hash: "hash",
        },
        scope: "analyse",
        now_ms,
        price: Some(&price),
        until_ms: now_ms + 1000,
        call,
    };
    match ledger.callers.admit(&ask).await.unwrap() {
        Decision::Admitted(admission) => {
            let held = admission.held.unwrap();
            ledger.callers.settle(&held, amount).await.unwrap();
            Ok(())
        }
        Decision::Refused(refusal) => Err(refusal),
    }
}

async fn post(ledger: &Ledger, event_id: &str, fact: &lambent_store::webhooks::Fact, now_ms: u64) {
    let id = keep(&ledger.webhooks, event_id).await;
    ledger.post(&id, fact, now_ms).await.unwrap();
}

#[tokio::test]
async fn what_was_paid_in_can_be_spent_and_what_is_left_of_it_next_month_too() {
    let ledger = ledger().await;
    post(&ledger, "evt_1", &paid("pi_1", 1000), NOVEMBER).await;
    // The month's own 5 dollars, and 2 of the 10.
    spend(&ledger, BUDGET + 2_000_000, NOVEMBER + 10, "a")
        .await
        .unwrap();
    assert_eq!(extra(&ledger.callers, NOVEMBER).await, 800 * CENT - 5_000_000);
    assert_eq!(extra(&ledger.callers, DECEMBER).await, 800 * CENT);
    spend(&ledger, BUDGET + 8_000_000, DECEMBER, "b").await.unwrap();
    let refused = spend(&ledger, 1, DECEMBER + 10, "c").await;
    assert!(matches!(refused, Err(Refusal::Budget { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_payment_in_a_month_in_which_nothing_was_asked_yet_is_on_top_of_its_budget() {
    let ledger = ledger().await;
    spend(&ledger, BUDGET, NOVEMBER, "a").await.unwrap();
    post(&ledger, "evt_1", &paid("pi_1", 1000), DECEMBER).await;
    assert_eq!(extra(&ledger.callers, DECEMBER).await, 1000 * CENT);
    spend(&ledger, BUDGET + 10_000_000, DECEMBER + 10, "b")
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_spent_and_then_taken_back_is_owed_in_the_next_month() {
    let ledger = ledger().await;
    post(&ledger, "evt_1", &paid("pi_1", 1000), NOVEMBER).await;
    spend(&ledger, BUDGET + 10_000_000, NOVEMBER + 10, "a")
        .await
        .unwrap();
    post(&ledger, "evt_2", &refunded("pi_1", 1000), NOVEMBER + 20).await;
    // Nothing is left of November's 5 dollars, and 10 are owed.
    assert_eq!(extra(&ledger.callers, NOVEMBER).await, -15_000_000);
    assert_eq!(extra(&ledger.callers, DECEMBER).await, -10_000_000);
    let refused = spend(&ledger, 1, DECEMBER, "b").await;
    assert!(matches!(refused, Err(Refusal::Budget { .. })), "{refused:?}");
}

#[tokio::test]
async fn many_first_requests_of_a_month_carry_over_once() {
    let ledger = ledger().await;
    post(&ledger, "evt_1", &paid("pi_1", 1000), NOVEMBER).await;
    let calls: Vec<String> = (0..8).map(|n| format!("call{n}")).collect();
    let spending = calls
        .iter()
        .map(|call| spend(&ledger, CENT as u64, DECEMBER, call));
    for spent in futures::future::join_all(spending).await {
        spent.unwrap();
    }
    assert_eq!(extra(&ledger.callers, DECEMBER).await, (1000 - 8) * CENT);
}
