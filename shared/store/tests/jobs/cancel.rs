//! Cancelling is for the job's own caller: at once if nobody works on it.

use lambent_store::JobStatus;
use lambent_store::jobs::{CallbackStatus, Cancelling, Ending};
use time::macros::datetime;

use crate::{Fixture, HOUR, LEASE, NOON, SECOND, callback_status, caller, failed, id, succeeded};

impl Fixture {
    async fn cancel(&self, whose: &str, now_ms: u64) -> Cancelling {
        let cancelled = self.jobs.cancel(&caller(whose), &id(1), now_ms).await;
        cancelled.unwrap()
    }
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once() {
    let fixture = Fixture::with_job().await;
    let Cancelling::Cancelled(job) = fixture.cancel("alice", NOON + SECOND).await else {
        panic!("nobody works on it")
    };
    assert_eq!(job.status, JobStatus::Cancelled);
    assert_eq!(job.finished_at, Some(datetime!(2026-11-21 12:00:01 UTC)));
    assert_eq!(*job, fixture.find(1).await);
    assert!(!fixture.is_due(NOON + 1000 * HOUR).await);
    assert_eq!(fixture.started(), (1, 0));
    assert_eq!(
        fixture.cancel("alice", NOON + 2 * SECOND).await,
        Cancelling::Ended(job)
    );
}

#[tokio::test]
async fn who_waits_for_a_callback_is_told_that_the_job_is_cancelled() {
    let fixture = Fixture::with_callback().await;
    let Cancelling::Cancelled(job) = fixture.cancel("alice", NOON).await else {
        panic!("nobody works on it")
    };
    assert_eq!(callback_status(&job), Some(CallbackStatus::Due));
    assert_eq!(fixture.started(), (1, 1));
}

#[tokio::test]
async fn whoever_works_on_a_job_is_asked_to_stop_and_ends_it() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    for _ in 0..2 {
        let Cancelling::Asked(job) = fixture.cancel("alice", NOON + SECOND).await else {
            panic!("w1 works on it")
        };
        assert_eq!((job.status, job.cancel_requested), (JobStatus::Running, true));
    }
    // It is looked at when it would have been, not later.
    assert!(fixture.is_due(NOON + HOUR).await);
    let ending = Ending {
        status: JobStatus::Cancelled,
        result: None,
        ..succeeded(NOON + 2 * SECOND)
    };
    assert!(fixture.finish("w1", &ending).await);
    let job = fixture.find(1).await;
    assert_eq!((job.status, job.cancel_requested), (JobStatus::Cancelled, false));
}

#[tokio::test]
async fn a_job_whose_worker_died_is_cancelled_by_whoever_finds_it() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    fixture.cancel("alice", NOON + SECOND).await;
    let ending = Ending {
        status: JobStatus::Cancelled,
        error: None,
        ..failed(NOON + LEASE)
    };
    assert!(fixture.jobs.finish_free(&id(1), &ending).await.unwrap());
    assert_eq!(fixture.find(1).await.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn another_caller_s_job_is_as_if_there_were_none() {
    let fixture = Fixture::with_job().await;
    assert_eq!(fixture.cancel("bob", NOON).await, Cancelling::Unknown);
    let (alice, bob) = (caller("alice"), caller("bob"));
    assert_eq!(fixture.jobs.get(&bob, &id(1)).await.unwrap(), None);
    let own = fixture.jobs.get(&alice, &id(1)).await.unwrap();
    assert_eq!(own, Some(fixture.find(1).await));
    for id in [id(2), format!("input#{}", id(1))] {
        assert_eq!(fixture.jobs.get(&alice, &id).await.unwrap(), None, "{id}");
        let cancelled = fixture.jobs.cancel(&alice, &id, NOON).await.unwrap();
        assert_eq!(cancelled, Cancelling::Unknown, "{id}");
    }
    assert_eq!(fixture.find(1).await.status, JobStatus::Queued);
}

#[tokio::test]
async fn a_job_that_is_taken_and_cancelled_at_once_is_one_of_both() {
    for _ in 0..20 {
        let fixture = Fixture::with_job().await;
        let (id, take) = (id(1), crate::take("w1", NOON));
        let (taking, cancelling) = tokio::join!(fixture.jobs.take(&id, &take), fixture.cancel("alice", NOON));
        let job = fixture.find(1).await;
        match cancelling {
            Cancelling::Cancelled(_) => assert_eq!(job.status, JobStatus::Cancelled),
            Cancelling::Asked(_) => assert!(job.status == JobStatus::Running && job.cancel_requested),
            other => panic!("{other:?}, {taking:?}"),
        }
    }
}
