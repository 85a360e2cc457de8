//! What has been left lying is found, and started anew.

use lambent_store::JobStatus;
use lambent_store::jobs::{NewJob, QUEUED_DUE};

use crate::{Fixture, HOUR, LEASE, MINUTE, NOON, SECOND, caller, failed, id, job, succeeded};

fn queued_due() -> u64 {
    u64::try_from(QUEUED_DUE.as_millis()).unwrap()
}

#[tokio::test]
async fn what_is_due_is_found_in_the_order_of_time_and_nothing_else() {
    let fixture = Fixture::start().await;
    // Over all shards.
    for number in 0..20 {
        let at = NewJob {
            now_ms: NOON + (20 - number) * SECOND,
            ..job(number)
        };
        fixture.create(&at).await;
    }
    let due = |now_ms, limit| {
        let jobs = fixture.jobs.clone();
        async move { jobs.due(now_ms, limit).await.unwrap() }
    };
    let at = NOON + queued_due();
    assert_eq!(due(at, 100).await, Vec::<String>::new());
    assert_eq!(due(at + 3 * SECOND, 100).await, [id(19), id(18), id(17)]);
    assert_eq!(due(at + 3 * SECOND - 1, 100).await, [id(19), id(18)]);
    assert_eq!(due(at + HOUR, 2).await, [id(19), id(18)]);
    assert_eq!(due(at + HOUR, 0).await, Vec::<String>::new());

    // It has ended.
    fixture
        .jobs
        .cancel(&caller("alice"), &id(18), NOON)
        .await
        .unwrap();
    let all: Vec<_> = (0..20).rev().filter(|number| *number != 18).map(id).collect();
    assert_eq!(due(at + HOUR, 100).await, all);
}

#[tokio::test]
async fn a_job_that_is_lying_in_the_queue_starts_a_worker_again() {
    let fixture = Fixture::with_job().await;
    let now = NOON + queued_due();
    assert!(fixture.is_due(now).await);
    assert!(fixture.jobs.requeue(&id(1), now, QUEUED_DUE).await.unwrap());
    assert_eq!(fixture.started(), (2, 0));
    assert!(!fixture.is_due(now + queued_due() - 1).await);
    assert!(fixture.is_due(now + queued_due()).await);
    assert_eq!(fixture.taken("w1", now).await.attempt, 1);
}

#[tokio::test]
async fn a_job_whose_worker_died_goes_back_into_the_queue_but_not_one_that_is_held() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    assert!(
        !fixture
            .jobs
            .requeue(&id(1), NOON + LEASE - 1, QUEUED_DUE)
            .await
            .unwrap()
    );
    assert_eq!(fixture.started(), (1, 0));
    assert!(
        fixture
            .jobs
            .requeue(&id(1), NOON + LEASE, QUEUED_DUE)
            .await
            .unwrap()
    );
    assert_eq!(fixture.started(), (2, 0));
    let job = fixture.find(1).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Queued, 1));
    assert_eq!((job.lock, job.lease_until), (None, None));
    // Who held it is fenced off.
    let late = succeeded(NOON + LEASE + SECOND);
    assert!(!fixture.finish("w1", &late).await);
    assert_eq!(fixture.taken("w2", NOON + LEASE).await.attempt, 2);
}

#[tokio::test]
async fn a_released_job_that_nobody_came_back_for_goes_back_into_the_queue() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    assert!(fixture.release("w1", None, NOON + SECOND).await);
    assert_eq!(fixture.started(), (1, 0), "a release starts nobody");
    assert!(
        fixture
            .jobs
            .requeue(&id(1), NOON + 2 * MINUTE, QUEUED_DUE)
            .await
            .unwrap()
    );
    assert_eq!(fixture.started(), (2, 0));
}

#[tokio::test]
async fn what_has_ended_or_is_gone_is_not_put_into_the_queue() {
    let fixture = Fixture::with_job().await;
    assert!(fixture.jobs.finish_free(&id(1), &failed(NOON)).await.unwrap());
    for id in [id(1), id(2), format!("input#{}", id(1))] {
        assert!(
            !fixture.jobs.requeue(&id, NOON + HOUR, QUEUED_DUE).await.unwrap(),
            "{id}"
        );
    }
    assert_eq!((fixture.started(), fixture.count().await), ((1, 0), 2));
}
