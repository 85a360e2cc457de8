//! Work on behalf of a caller: paid by its budget, and bound by nothing else.

use lambent_store::callers::{Credential, Limits};
use lambent_store::{Callers, Refusal};

use super::{DAY, NOON, Request, limits, with_key};

const WORK: Credential<'static> = Credential::Work {
    id: "k1",
    limits: None,
};

fn work(cost: u64) -> Request {
    Request::at(NOON).by(WORK).costing(cost)
}

async fn with_budget(budget: u64) -> Callers {
    with_key(Limits {
        budget: Some(budget),
        concurrency: 1,
        ..limits()
    })
    .await
}

#[tokio::test]
async fn work_takes_from_the_budget_and_gives_back_what_it_did_not_cost() {
    let callers = with_budget(100).await;
    let admission = work(60).admitted(&callers).await;
    let held = admission.held.unwrap();
    assert_eq!(held.amount(), 60);
    // The rest comes back when that one is settled: soon, and not next month.
    let refusal = work(60).refused(&callers).await;
    assert!(refusal.is_for_now(), "{refusal:?}");
    callers.settle(&held, 10).await.unwrap();
    callers.settle(&held, 10).await.unwrap();
    assert_eq!(callers.keys(NOON).await.unwrap()[0].remaining, Some(90));
    let refusal = work(91).refused(&callers).await;
    assert!(matches!(refusal, Refusal::Budget { .. }) && !refusal.is_for_now());
}

#[tokio::test]
async fn work_needs_no_place_among_the_requests_and_takes_none() {
    let callers = with_budget(1000).await;
    for _ in 0..5 {
        work(10).admitted(&callers).await;
    }
    let request = Request::at(NOON).costing(10).admitted(&callers).await;
    assert_eq!(request.requests_left, 4);
    // The one place is taken: by the request, and not by the work.
    let refusal = Request::at(NOON).costing(10).refused(&callers).await;
    assert_eq!(refusal, Refusal::Concurrency { limit: 1 });
    work(10).admitted(&callers).await;
}

#[tokio::test]
async fn the_money_of_work_that_died_comes_back_to_whoever_needs_it() {
    let callers = with_budget(100).await;
    work(60).admitted(&callers).await;
    work(40).admitted(&callers).await;
    let later = Request::at(NOON + 10_001).by(WORK).costing(100);
    assert_eq!(later.admitted(&callers).await.held.unwrap().amount(), 100);
}

#[tokio::test]
async fn what_dead_workers_left_goes_also_where_money_is_never_short() {
    let callers = with_key(limits()).await;
    for _ in 0..12 {
        work(10).admitted(&callers).await;
    }
    let held = async |now| {
        let later = Request::at(now).by(WORK).costing(10);
        later.admitted(&callers).await;
        callers.keys(now).await.unwrap()[0].work
    };
    assert_eq!(held(NOON + 9_000).await, 13);
    // Twelve are dead by then; the two that are not stay.
    assert_eq!(held(NOON + 10_001).await, 2);
}

#[tokio::test]
async fn nobody_works_for_a_key_that_is_revoked_or_not_there() {
    let callers = with_budget(100).await;
    callers.revoke_key("k1", NOON).await.unwrap();
    assert_eq!(work(1).refused(&callers).await, Refusal::Unknown);
    let unknown = Credential::Work {
        id: "k2",
        limits: None,
    };
    let refusal = Request::at(NOON).by(unknown).costing(1).refused(&callers).await;
    assert_eq!(refusal, Refusal::Unknown);
}

#[tokio::test]
async fn work_for_the_bearer_of_a_token_is_paid_by_what_all_of_them_may_spend() {
    let callers = with_budget(100).await;
    let limits: &'static Limits = Box::leak(Box::new(Limits {
        budget: Some(50),
        ..limits()
    }));
    let bearer = Credential::Work {
        id: "token:https://issuer.example alice",
        limits: Some(limits),
    };
    let of = |cost, now| Request::at(now).by(bearer).costing(cost);
    of(30, NOON).admitted(&callers).await;
    assert!(of(30, NOON).refused(&callers).await.is_for_now());
    // In the next month all of it is there again.
    of(50, NOON + 15 * DAY).admitted(&callers).await;
}
