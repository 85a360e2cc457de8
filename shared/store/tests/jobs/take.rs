//! One works on a job at a time, for as long as it keeps its lease.

use aws_sdk_dynamodb::types::AttributeValue;
use lambent_store::JobStatus;
use lambent_store::jobs::{QUEUED_DUE, Renewal, Taking};
use time::macros::datetime;

use crate::{Fixture, HOUR, LEASE, NOON, SECOND, caller, id, take};

#[tokio::test]
async fn a_queued_job_is_taken_with_a_lock_a_lease_and_an_attempt() {
    let fixture = Fixture::with_job().await;
    let job = fixture.taken("w1", NOON + SECOND).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Running, 1));
    assert_eq!(job.lock.as_deref(), Some("w1"));
    assert_eq!(job.lease_until, Some(NOON + SECOND + LEASE));
    assert_eq!(job.started_at, Some(datetime!(2026-11-21 12:00:01 UTC)));
    assert_eq!(job, fixture.find(1).await);
    let due_at = AttributeValue::N((NOON + SECOND + HOUR).to_string());
    assert_eq!(fixture.item(&id(1)).await.unwrap()["due_at"], due_at);
}

#[tokio::test]
async fn of_two_at_once_one_takes_it() {
    let fixture = Fixture::with_job().await;
    let (id, one, other) = (id(1), take("w1", NOON), take("w2", NOON));
    let (one, other) = tokio::join!(fixture.jobs.take(&id, &one), fixture.jobs.take(&id, &other));
    match (one.unwrap(), other.unwrap()) {
        (Taking::Taken(job), Taking::Held { until_ms, lock })
        | (Taking::Held { until_ms, lock }, Taking::Taken(job)) => {
            assert_eq!((Some(lock), Some(until_ms)), (job.lock, job.lease_until));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.find(1).await.attempt, 1);
}

#[tokio::test]
async fn taking_it_again_after_a_lost_answer_is_the_same_taking() {
    let fixture = Fixture::with_job().await;
    let first = fixture.taken("w1", NOON).await;
    assert_eq!(fixture.taken("w1", NOON).await, first);
    assert_eq!(fixture.find(1).await.attempt, 1);
}

#[tokio::test]
async fn a_held_job_can_be_taken_once_its_lease_has_ended() {
    let fixture = Fixture::with_job().await;
    let first = fixture.taken("w1", NOON).await;
    let early = fixture.take("w2", NOON + LEASE - 1).await;
    let held = Taking::Held {
        until_ms: NOON + LEASE,
        lock: "w1".to_owned(),
    };
    assert_eq!(early, held);
    let second = fixture.taken("w2", NOON + LEASE).await;
    assert_eq!((second.attempt, second.lock.as_deref()), (2, Some("w2")));
    assert_eq!(second.started_at, first.started_at, "of the first attempt");
}

#[tokio::test]
async fn a_released_job_can_be_taken_at_once() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    assert!(fixture.release("w1", None, NOON + SECOND).await);
    assert_eq!(fixture.taken("w2", NOON + SECOND).await.attempt, 2);
}

#[tokio::test]
async fn after_the_last_attempt_a_job_is_used_up_but_not_while_it_is_held() {
    let fixture = Fixture::with_job().await;
    for attempt in 0..3 {
        fixture.taken("w1", NOON + attempt * LEASE).await;
    }
    let held = fixture.take("w2", NOON + 3 * LEASE - 1).await;
    assert!(matches!(held, Taking::Held { .. }), "{held:?}");
    let Taking::UsedUp(job) = fixture.take("w2", NOON + 3 * LEASE).await else {
        panic!("three attempts")
    };
    assert_eq!(*job, fixture.find(1).await);
    assert_eq!(job.attempt, 3);
}

#[tokio::test]
async fn a_job_that_is_to_be_cancelled_is_not_taken_again() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    fixture.jobs.cancel(&caller("alice"), &id(1), NOON).await.unwrap();
    let early = fixture.take("w2", NOON + 1).await;
    assert!(matches!(early, Taking::Held { .. }), "{early:?}");
    let late = fixture.take("w2", NOON + LEASE).await;
    let Taking::CancelRequested(job) = late else {
        panic!("{late:?}")
    };
    assert!(job.cancel_requested && job.attempt == 1);
}

#[tokio::test]
async fn what_has_ended_or_is_no_job_is_over() {
    let fixture = Fixture::with_job().await;
    fixture.jobs.cancel(&caller("alice"), &id(1), NOON).await.unwrap();
    for id in [id(1), id(2), format!("input#{}", id(1))] {
        let taking = fixture.jobs.take(&id, &take("w1", NOON)).await.unwrap();
        assert!(
            matches!(taking, Taking::Ended(_) | Taking::Gone),
            "{id}: {taking:?}"
        );
    }
    assert_eq!(fixture.count().await, 2, "nothing is made of it");
}

#[tokio::test]
async fn a_lease_can_be_renewed_until_the_lock_is_lost() {
    let fixture = Fixture::with_job().await;
    let renew = |lock: &'static str, now_ms| {
        let jobs = fixture.jobs.clone();
        async move { jobs.renew(&id(1), lock, now_ms, LEASE).await.unwrap() }
    };
    let renewed = |cancel_requested| Renewal::Renewed { cancel_requested };
    assert_eq!(renew("w1", NOON).await, Renewal::Lost, "nobody has it");
    fixture.taken("w1", NOON).await;
    assert_eq!(renew("w2", NOON).await, Renewal::Lost);
    assert_eq!(renew("w1", NOON + 20 * SECOND).await, renewed(false));
    let early = fixture.take("w2", NOON + 20 * SECOND + LEASE - 1).await;
    assert!(matches!(early, Taking::Held { .. }), "{early:?}");

    fixture.jobs.cancel(&caller("alice"), &id(1), NOON).await.unwrap();
    // Late, but nobody else has taken it.
    let late = NOON + HOUR;
    assert_eq!(renew("w1", late).await, renewed(true));
    assert!(
        fixture
            .jobs
            .requeue(&id(1), late + LEASE, QUEUED_DUE)
            .await
            .unwrap()
    );
    assert_eq!(renew("w1", late + LEASE).await, Renewal::Lost);
}
