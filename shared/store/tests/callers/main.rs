//! The decision over callers against a DynamoDB server, through the real SDK.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod work;

use common::store;
use futures::future::join_all;
use lambent_store::callers::{Ask, Credential, Decision, Held, Limits, NewKey, Rate};
use lambent_store::{Admission, Callers, Refusal};

/// 2026-11-21 12:00 UTC.
const NOON: u64 = 1_795_262_400_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

fn limits() -> Limits {
    Limits {
        rate: Rate {
            interval_ms: 1000,
            burst: 5,
        },
        budget: None,
        concurrency: 100,
        max_output_tokens: None,
    }
}

async fn with_key(limits: Limits) -> Callers {
    let (store, _) = store().await;
    with_key_in(store.callers().unwrap(), limits).await
}

async fn with_key_in(callers: Callers, limits: Limits) -> Callers {
    let key = NewKey {
        id: "k1".to_owned(),
        hash: "h1".to_owned(),
        name: "test".to_owned(),
        scopes: vec!["analyse".to_owned()],
        limits,
        created_at_ms: NOON - DAY,
    };
    assert!(callers.create_key(&key).await.unwrap());
    assert!(
        !callers.create_key(&key).await.unwrap(),
        "there is one of that id"
    );
    callers
}

const KEY: Credential<'static> = Credential::Key { id: "k1", hash: "h1" };

/// What a request says; it costs this much at most.
struct Request {
    credential: Credential<'static>,
    now: u64,
    cost: Option<u64>,
    call: String,
}

impl Request {
    fn at(now: u64) -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let call = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Self {
            credential: KEY,
            now,
            cost: None,
            call: format!("0199-{call}"),
        }
    }

    fn costing(self, cost: u64) -> Self {
        Self {
            cost: Some(cost),
            ..self
        }
    }

    fn by(self, credential: Credential<'static>) -> Self {
        Self { credential, ..self }
    }

    async fn ask(&self, callers: &Callers) -> Decision {
        let cost = self.cost;
        let price = move |most: Option<u32>| match most {
            Some(most) => cost.unwrap_or(0).min(u64::from(most)),
            None => cost.unwrap_or(0),
        };
        let ask = Ask {
            credential: self.credential,
            scope: "analyse",
            now_ms: self.now,
            price: cost.map(|_| &price as &(dyn Fn(Option<u32>) -> u64 + Sync)),
            until_ms: self.now + 10_000,
            call: &self.call,
        };
        callers.admit(&ask).await.unwrap()
    }

    async fn admitted(&self, callers: &Callers) -> Admission {
        match self.ask(callers).await {
            Decision::Admitted(admission) => *admission,
            Decision::Refused(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    async fn refused(&self, callers: &Callers) -> Refusal {
        match self.ask(callers).await {
            Decision::Refused(refusal) => refusal,
            Decision::Admitted(admission) => panic!("admitted: {admission:?}"),
        }
    }
}

async fn held(callers: &Callers, now: u64, cost: u64) -> Held {
    Request::at(now)
        .costing(cost)
        .admitted(callers)
        .await
        .held
        .unwrap()
}

#[tokio::test]
async fn as_many_as_the_burst_pass_at_once_and_then_one_an_interval() {
    let callers = with_key(limits()).await;
    for left in [4, 3, 2, 1, 0] {
        let admission = Request::at(NOON).admitted(&callers).await;
        assert_eq!((admission.requests_left, admission.caller.as_str()), (left, "k1"));
    }
    let wait = |refusal| match refusal {
        Refusal::Rate { wait_ms, .. } => wait_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(Request::at(NOON).refused(&callers).await), 1000);
    assert_eq!(wait(Request::at(NOON + 999).refused(&callers).await), 1);
    Request::at(NOON + 1000).admitted(&callers).await;
    assert_eq!(wait(Request::at(NOON + 1000).refused(&callers).await), 1000);
    let rested = Request::at(NOON + DAY).admitted(&callers).await;
    assert_eq!((rested.requests_left, rested.full_after_ms), (4, 1000));
}

#[tokio::test]
async fn twenty_at_once_are_five_whoever_decides() {
    let (store, _) = store().await;
    let one = with_key_in(store.callers().unwrap(), limits()).await;
    // Another process: it remembers for itself.
    let other = store.callers().unwrap();
    let asked = join_all((0..20).map(|n| {
        let callers = if n % 2 == 0 { &one } else { &other };
        async move { Request::at(NOON).ask(callers).await }
    }))
    .await;
    let admitted = asked
        .iter()
        .filter(|decision| matches!(decision, Decision::Admitted(_)));
    assert_eq!(admitted.count(), 5);
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_id_and_a_revoked_key_are_the_same_refusal_and_take_nothing() {
    let callers = with_key(limits()).await;
    for credential in [
        Credential::Key { id: "k1", hash: "h2" },
        Credential::Key { id: "k2", hash: "h1" },
    ] {
        let refusal = Request::at(NOON).by(credential).refused(&callers).await;
        assert_eq!(refusal, Refusal::Unknown);
    }
    assert_eq!(Request::at(NOON).admitted(&callers).await.requests_left, 4);
    assert!(callers.revoke_key("k1", NOON).await.unwrap());
    assert!(!callers.revoke_key("k1", NOON).await.unwrap());
    assert!(!callers.revoke_key("k2", NOON).await.unwrap());
    assert_eq!(Request::at(NOON).refused(&callers).await, Refusal::Unknown);
    assert!(!callers.rotate_key("k1", "h3", NOON).await.unwrap());
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_until_a_time() {
    let callers = with_key(limits()).await;
    assert!(callers.rotate_key("k1", "h2", NOON + 1000).await.unwrap());
    let new = Credential::Key { id: "k1", hash: "h2" };
    Request::at(NOON).admitted(&callers).await;
    Request::at(NOON).by(new).admitted(&callers).await;
    assert_eq!(Request::at(NOON + 1000).refused(&callers).await, Refusal::Unknown);
    Request::at(NOON + 1000).by(new).admitted(&callers).await;
}

#[tokio::test]
async fn what_is_not_spent_is_given_back_once() {
    let callers = with_key(Limits {
        budget: Some(100),
        ..limits()
    })
    .await;
    let first = held(&callers, NOON, 70).await;
    assert!(matches!(
        Request::at(NOON).costing(70).refused(&callers).await,
        Refusal::Budget { wait_ms: 1000 }
    ));
    callers.settle(&first, 20).await.unwrap();
    callers.settle(&first, 20).await.unwrap();
    let key = &callers.keys(NOON).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(80), 0));
    let second = held(&callers, NOON, 80).await;
    callers.settle(&second, 80).await.unwrap();
    let days_left = 10 * DAY - DAY / 2;
    assert_eq!(
        Request::at(NOON).costing(1).refused(&callers).await,
        Refusal::Budget { wait_ms: days_left }
    );
    assert_eq!(
        callers.keys(NOON + days_left).await.unwrap()[0].remaining,
        Some(100)
    );
}

#[tokio::test]
async fn a_new_month_has_a_new_budget_and_what_is_settled_late_does_not_add_to_it() {
    let callers = with_key(Limits {
        budget: Some(100),
        ..limits()
    })
    .await;
    let late = held(&callers, NOON, 90).await;
    let next_month = NOON + 10 * DAY;
    let of_december = held(&callers, next_month, 60).await;
    callers.settle(&late, 0).await.unwrap();
    let key = &callers.keys(next_month).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(40), 1));
    callers.settle(&of_december, 50).await.unwrap();
    let key = &callers.keys(next_month).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(50), 0));
}

#[tokio::test]
async fn the_first_request_of_a_month_is_bounded_by_the_budget_too() {
    let limits = Limits {
        budget: Some(100),
        ..limits()
    };
    let callers = with_key(limits.clone()).await;
    let scopes = ["analyse".to_owned()];
    let token: &'static _ = Box::leak(Box::new((scopes, limits)));
    let token = Credential::Token {
        id: "https://issuer.example someone",
        scopes: &token.0,
        limits: &token.1,
    };
    for credential in [KEY, token] {
        // So that this process remembers the caller as one of last month.
        Request::at(NOON)
            .by(credential)
            .costing(90)
            .admitted(&callers)
            .await;
        let next_month = Request::at(NOON + 10 * DAY).by(credential);
        let refused = next_month.costing(101).refused(&callers).await;
        assert!(matches!(refused, Refusal::Budget { .. }), "{refused:?}");
        let next_month = Request::at(NOON + 10 * DAY).by(credential);
        next_month.costing(100).admitted(&callers).await;
    }
}

#[tokio::test]
async fn a_request_at_once_too_many_is_refused_until_another_ends_or_its_function_is_gone() {
    let callers = with_key(Limits {
        concurrency: 2,
        budget: Some(100),
        ..limits()
    })
    .await;
    let first = held(&callers, NOON, 10).await;
    held(&callers, NOON, 10).await;
    let refusal = Request::at(NOON).costing(10).refused(&callers).await;
    assert_eq!(refusal, Refusal::Concurrency { limit: 2 });
    // What spends nothing takes no place.
    Request::at(NOON).admitted(&callers).await;
    callers.settle(&first, 10).await.unwrap();
    held(&callers, NOON, 10).await;
    // Both functions died: ten seconds later their places and their money are free.
    let later = NOON + 10_001;
    let key = &callers.keys(later).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(70), 2));
    held(&callers, later, 90).await;
    let key = &callers.keys(later).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(0), 1));
}

#[tokio::test]
async fn a_key_s_own_limit_of_tokens_lowers_what_is_reserved() {
    let callers = with_key(Limits {
        budget: Some(50),
        max_output_tokens: Some(30),
        ..limits()
    })
    .await;
    let admission = Request::at(NOON).costing(1000).admitted(&callers).await;
    assert_eq!(admission.limits.max_output_tokens, Some(30));
    assert_eq!(admission.held.unwrap().amount(), 30);
}

#[tokio::test]
async fn fifty_at_once_reserve_no_more_than_the_budget() {
    let callers = with_key(Limits {
        budget: Some(100),
        rate: Rate {
            interval_ms: 1,
            burst: 1000,
        },
        ..limits()
    })
    .await;
    let asked = join_all((0..50).map(|_| async { Request::at(NOON).costing(30).ask(&callers).await })).await;
    let admitted = asked
        .iter()
        .filter(|decision| matches!(decision, Decision::Admitted(_)));
    assert_eq!(admitted.count(), 3);
    assert_eq!(callers.keys(NOON).await.unwrap()[0].remaining, Some(10));
}

#[tokio::test]
async fn the_bearer_of_a_token_has_an_item_from_the_first_request_on_and_can_be_revoked() {
    let callers = with_key(limits()).await;
    static LIMITS: Limits = Limits {
        rate: Rate {
            interval_ms: 1000,
            burst: 2,
        },
        budget: Some(100),
        concurrency: 2,
        max_output_tokens: None,
    };
    static SCOPES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec!["analyse".to_owned()]);
    let bearer = Credential::Token {
        id: "token:https://issuer.example alice",
        scopes: &SCOPES,
        limits: &LIMITS,
    };
    let first = Request::at(NOON).costing(60).by(bearer).admitted(&callers).await;
    assert_eq!((first.requests_left, first.scopes.len()), (1, 1));
    let refusal = Request::at(NOON).costing(60).by(bearer).refused(&callers).await;
    assert_eq!(refusal, Refusal::Budget { wait_ms: 1000 });
    callers.settle(&first.held.unwrap(), 5).await.unwrap();
    let second = Request::at(NOON).costing(60).by(bearer).admitted(&callers).await;
    callers.settle(&second.held.unwrap(), 35).await.unwrap();
    assert!(matches!(
        Request::at(NOON).costing(1).by(bearer).refused(&callers).await,
        Refusal::Rate { wait_ms: 1000, .. }
    ));
    // 60 are left, then a new month.
    Request::at(NOON + 5000)
        .costing(60)
        .by(bearer)
        .admitted(&callers)
        .await;
    Request::at(NOON + 10 * DAY)
        .costing(100)
        .by(bearer)
        .admitted(&callers)
        .await;
    assert_eq!(callers.keys(NOON).await.unwrap().len(), 1, "it is no key");
    assert!(
        callers
            .revoke_key("token:https://issuer.example alice", NOON)
            .await
            .unwrap()
    );
    let refusal = Request::at(NOON + 11 * DAY).by(bearer).refused(&callers).await;
    assert_eq!(refusal, Refusal::Unknown);
}

#[tokio::test]
async fn a_missing_scope_is_refused_and_takes_nothing() {
    let (store, _) = store().await;
    let callers = store.callers().unwrap();
    let key = NewKey {
        id: "k1".to_owned(),
        hash: "h1".to_owned(),
        name: "test".to_owned(),
        scopes: vec!["analyses".to_owned()],
        limits: limits(),
        created_at_ms: NOON,
    };
    callers.create_key(&key).await.unwrap();
    for _ in 0..10 {
        assert_eq!(Request::at(NOON).refused(&callers).await, Refusal::Scope);
    }
}

#[tokio::test]
async fn what_dead_functions_held_over_a_month_s_end_does_not_lock_their_caller_out() {
    let callers = with_key(Limits {
        concurrency: 1,
        budget: Some(100),
        ..limits()
    })
    .await;
    held(&callers, NOON, 90).await;
    let next_month = NOON + 10 * DAY;
    let new = held(&callers, next_month, 60).await;
    callers.settle(&new, 60).await.unwrap();
    let key = &callers.keys(next_month).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(40), 0));
}

#[tokio::test]
async fn a_clock_that_is_behind_at_a_month_s_end_spends_of_the_new_month() {
    let callers = with_key(Limits {
        budget: Some(100),
        ..limits()
    })
    .await;
    // A moment after midnight.
    let next_month = NOON + 9 * DAY + DAY / 2 + 100;
    held(&callers, next_month, 60).await;
    let behind = held(&callers, next_month - 200, 30).await;
    assert_eq!(callers.keys(next_month).await.unwrap()[0].remaining, Some(10));
    callers.settle(&behind, 0).await.unwrap();
    assert_eq!(callers.keys(next_month).await.unwrap()[0].remaining, Some(40));
}

#[tokio::test]
async fn more_dead_calls_than_an_expression_can_name_are_released_too() {
    let callers = with_key(Limits {
        concurrency: 200,
        rate: Rate {
            interval_ms: 1,
            burst: 1000,
        },
        budget: Some(200),
        ..limits()
    })
    .await;
    for _ in 0..200 {
        held(&callers, NOON, 1).await;
    }
    let later = NOON + 20_000;
    held(&callers, later, 150).await;
    let key = &callers.keys(later).await.unwrap()[0];
    assert_eq!(key.remaining, Some(0), "as many were released as were needed");
}

#[tokio::test]
async fn an_attempt_whose_answer_was_lost_is_not_made_twice() {
    let callers = with_key(Limits {
        budget: Some(100),
        concurrency: 1,
        ..limits()
    })
    .await;
    let request = Request::at(NOON).costing(60);
    let first = request.admitted(&callers).await;
    let again = request.admitted(&callers).await;
    assert_eq!(first.held, again.held);
    let key = &callers.keys(NOON).await.unwrap()[0];
    assert_eq!((key.remaining, key.calls), (Some(40), 1));
    callers.settle(&again.held.unwrap(), 10).await.unwrap();
    assert_eq!(callers.keys(NOON).await.unwrap()[0].remaining, Some(90));
}
