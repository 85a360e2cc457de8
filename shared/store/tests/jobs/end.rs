//! A job ends once, by whoever holds it.

use lambent_store::JobStatus;
use lambent_store::jobs::{CALLBACK_DUE, CallbackStatus, Ending, MAX_RESULT_BYTES, QUEUED_DUE};
use serde_json::json;
use time::macros::datetime;

use crate::{Fixture, HOUR, LEASE, NOON, SECOND, callback_status, failed, id, succeeded};

#[tokio::test]
async fn a_job_that_succeeds_has_its_result_and_is_looked_at_no_more() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let ending = succeeded(NOON + SECOND);
    assert!(fixture.finish("w1", &ending).await);
    let job = fixture.find(1).await;
    assert_eq!((job.status, job.result), (JobStatus::Succeeded, ending.result));
    assert_eq!(job.finished_at, Some(datetime!(2026-11-21 12:00:01 UTC)));
    assert_eq!((job.lock, job.lease_until, job.error), (None, None, None));
    assert_eq!(
        (
            job.input_tokens,
            job.output_tokens,
            job.cost_tokens,
            job.cost_compute
        ),
        (1000, 200, 70, 3)
    );
    assert!(!fixture.is_due(NOON + 1000 * HOUR).await);
    assert_eq!(fixture.started(), (1, 0));
}

#[tokio::test]
async fn a_job_s_error_is_kept_as_it_is() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let ending = failed(NOON + SECOND);
    assert!(fixture.finish("w1", &ending).await);
    let job = fixture.find(1).await;
    assert_eq!((job.status, job.error), (JobStatus::Failed, ending.error));
}

#[tokio::test]
async fn who_comes_late_cannot_finish_what_another_has_taken() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let second = fixture.taken("w2", NOON + LEASE).await;
    let late = succeeded(NOON + LEASE + SECOND);
    assert!(!fixture.finish("w1", &late).await);
    assert!(!fixture.release("w1", None, NOON + LEASE).await);
    assert_eq!(fixture.find(1).await, second, "nothing is changed");
}

#[tokio::test]
async fn of_two_ends_one_counts_and_the_same_one_twice_is_one() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let (id, one, other) = (id(1), succeeded(NOON + SECOND), failed(NOON + SECOND));
    let (one_won, other_won) = tokio::join!(
        fixture.jobs.finish(&id, "w1", &one),
        fixture.jobs.finish(&id, "w1", &other)
    );
    let (one_won, other_won) = (one_won.unwrap(), other_won.unwrap());
    assert!(one_won != other_won);
    // Its answer was lost, and it is written again.
    let won = if one_won { &one } else { &other };
    assert!(fixture.jobs.finish(&id, "w1", won).await.unwrap());
    assert_eq!(fixture.find(1).await.input_tokens, 1000, "counted once");
}

#[tokio::test]
async fn attempts_add_up_and_the_error_of_one_before_is_gone_after_a_success() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let error = json!({"code": "model_busy"});
    assert!(fixture.release("w1", Some(error.clone()), NOON).await);
    let job = fixture.find(1).await;
    assert_eq!(
        (job.status, job.error, job.lock),
        (JobStatus::Running, Some(error), None)
    );
    assert!(!fixture.is_due(NOON - 1).await && fixture.is_due(NOON).await);

    fixture.taken("w2", NOON).await;
    let ending = succeeded(NOON + SECOND);
    assert!(fixture.finish("w2", &ending).await);
    let job = fixture.find(1).await;
    assert_eq!((job.error, job.attempt), (None, 2));
    assert_eq!((job.input_tokens, job.cost_compute), (2000, 6));
}

#[tokio::test]
async fn a_job_that_nobody_holds_can_be_ended_by_anybody_but_no_other() {
    let fixture = Fixture::with_job().await;
    let free = |now_ms| {
        let jobs = fixture.jobs.clone();
        async move { jobs.finish_free(&id(1), &failed(now_ms)).await.unwrap() }
    };
    fixture.taken("w1", NOON).await;
    assert!(!free(NOON + LEASE - 1).await);
    assert!(free(NOON + LEASE).await);
    assert!(!free(NOON + LEASE + 1).await);
    let job = fixture.find(1).await;
    assert_eq!((job.status, job.lock), (JobStatus::Failed, None));
    assert!(!fixture.is_due(NOON + 1000 * HOUR).await);
}

#[tokio::test]
async fn a_callback_is_due_with_the_end_and_not_before() {
    let fixture = Fixture::with_callback().await;
    let job = fixture.taken("w1", NOON).await;
    assert_eq!(callback_status(&job), Some(CallbackStatus::Waiting));
    assert_eq!(fixture.started(), (1, 0));
    let ending = Ending {
        has_callback: true,
        ..succeeded(NOON + SECOND)
    };
    assert!(fixture.finish("w1", &ending).await);
    let job = fixture.find(1).await;
    assert_eq!(callback_status(&job), Some(CallbackStatus::Due));
    assert_eq!(job.callback_next_at, Some(NOON + SECOND));
    assert_eq!(fixture.started(), (1, 1));
    let due = NOON + SECOND + u64::try_from(CALLBACK_DUE.as_millis()).unwrap();
    assert!(!fixture.is_due(due - 1).await && fixture.is_due(due).await);
}

#[tokio::test]
async fn the_largest_result_is_kept_and_read_back() {
    let fixture = Fixture::with_callback().await;
    fixture.taken("w1", NOON).await;
    let ending = Ending {
        result: Some("a".repeat(MAX_RESULT_BYTES)),
        has_callback: true,
        ..succeeded(NOON)
    };
    assert!(fixture.finish("w1", &ending).await);
    assert!(fixture.find(1).await.result == ending.result);
}

#[tokio::test]
async fn a_job_that_is_put_off_has_lost_no_attempt_and_waits_for_its_time() {
    let fixture = Fixture::with_job().await;
    fixture.taken("w1", NOON).await;
    let until = NOON + 5 * SECOND;
    let postponed = fixture.jobs.postpone(&id(1), "w1", until).await;
    assert!(postponed.unwrap());
    let job = fixture.find(1).await;
    assert_eq!((job.attempt, job.lease_until, job.lock), (0, Some(until), None));
    // The write starts nobody: that would be at once.
    assert_eq!(fixture.started(), (1, 0));
    assert!(!fixture.is_due(until - 1).await && fixture.is_due(until).await);
    assert!(!fixture.jobs.requeue(&id(1), until - 1, QUEUED_DUE).await.unwrap());
    assert!(fixture.jobs.requeue(&id(1), until, QUEUED_DUE).await.unwrap());
    assert_eq!(fixture.started(), (2, 0));
    assert!(!fixture.jobs.postpone(&id(1), "w1", until).await.unwrap());
}
