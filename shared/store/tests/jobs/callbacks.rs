//! Somebody is told of a job's end: one try at a time, until it is delivered or given up.

use lambent_store::jobs::{CALLBACK_DUE, CallbackStatus, Ending, FailedTry, Job};
use time::macros::datetime;

use crate::{Fixture, HOUR, MINUTE, NOON, SECOND, callback_status, id, succeeded};

const FAILED: FailedTry<'static> = FailedTry {
    next_at_ms: Some(NOON + 10 * MINUTE),
    http_status: Some(503),
    error: "answered with status 503",
};

fn callback_due() -> u64 {
    u64::try_from(CALLBACK_DUE.as_millis()).unwrap()
}

impl Fixture {
    /// With a job that has ended at noon, so that its callback is due.
    async fn with_due_callback() -> Self {
        let fixture = Self::with_callback().await;
        fixture.taken("w1", NOON).await;
        let ending = Ending {
            has_callback: true,
            ..succeeded(NOON)
        };
        assert!(fixture.finish("w1", &ending).await);
        fixture
    }

    async fn take_callback(&self, now_ms: u64) -> Option<Job> {
        let taken = self.jobs.take_callback(&id(1), now_ms, now_ms + MINUTE).await;
        taken.unwrap()
    }

    async fn again(&self, now_ms: u64) -> bool {
        self.jobs.callback_again(&id(1), now_ms).await.unwrap()
    }

    async fn delivered(&self, attempt: u32, http_status: u16, now_ms: u64) -> bool {
        let written = self
            .jobs
            .callback_delivered(&id(1), attempt, http_status, now_ms)
            .await;
        written.unwrap()
    }

    async fn failed(&self, attempt: u32, failed: &FailedTry<'_>) -> bool {
        let now = NOON + 2 * SECOND;
        let written = self.jobs.callback_failed(&id(1), attempt, failed, now).await;
        written.unwrap()
    }
}

#[tokio::test]
async fn a_due_callback_is_taken_once_and_delivered() {
    let fixture = Fixture::with_due_callback().await;
    let (one, other) = tokio::join!(
        fixture.take_callback(NOON + SECOND),
        fixture.take_callback(NOON + SECOND)
    );
    assert!(one.is_some() != other.is_some());
    let job = one.or(other).unwrap();
    assert_eq!(
        (callback_status(&job), job.callback_attempt),
        (Some(CallbackStatus::Sending), 1)
    );
    assert_eq!(job.callback_at, Some(datetime!(2026-11-21 12:00:01 UTC)));
    assert!(job.result.is_some(), "what is to be sent is at hand");

    assert!(fixture.delivered(1, 204, NOON + 2 * SECOND).await);
    let job = fixture.find(1).await;
    assert_eq!(callback_status(&job), Some(CallbackStatus::Delivered));
    assert_eq!(
        (job.callback_http_status, job.callback_next_at),
        (Some(204), None)
    );
    assert_eq!(job.callback_at, Some(datetime!(2026-11-21 12:00:02 UTC)));
    assert!(!fixture.is_due(NOON + 1000 * HOUR).await);
    assert_eq!(fixture.take_callback(NOON + HOUR).await, None);
    assert!(!fixture.again(NOON + HOUR).await);
    assert_eq!(fixture.started(), (1, 1));
}

#[tokio::test]
async fn no_callback_is_taken_before_the_job_has_ended_or_where_there_is_none() {
    let fixture = Fixture::with_callback().await;
    assert_eq!(fixture.take_callback(NOON).await, None);
    let fixture = Fixture::with_job().await;
    assert_eq!(fixture.take_callback(NOON).await, None);
    assert!(!fixture.again(NOON + HOUR).await);
}

#[tokio::test]
async fn a_failed_try_is_repeated_when_its_time_has_come() {
    let fixture = Fixture::with_due_callback().await;
    fixture.take_callback(NOON + SECOND).await.unwrap();
    assert!(fixture.failed(1, &FAILED).await);
    let job = fixture.find(1).await;
    assert_eq!(callback_status(&job), Some(CallbackStatus::Retrying));
    assert_eq!(job.callback_next_at, FAILED.next_at_ms);
    assert_eq!(
        (job.callback_http_status, job.callback_error.as_deref()),
        (Some(503), Some(FAILED.error))
    );

    let next = NOON + 10 * MINUTE;
    assert!(!fixture.is_due(next - 1).await && fixture.is_due(next).await);
    assert_eq!(fixture.take_callback(next - 1).await, None);
    assert!(!fixture.again(next - 1).await);
    assert!(fixture.again(next).await);
    assert_eq!(fixture.started(), (1, 2), "a sender is started");
    assert!(!fixture.again(next).await, "it has just been");
    assert_eq!(fixture.take_callback(next).await.unwrap().callback_attempt, 2);
    assert!(fixture.delivered(2, 200, next).await);
    let job = fixture.find(1).await;
    assert_eq!((job.callback_http_status, job.callback_error), (Some(200), None));
}

#[tokio::test]
async fn a_callback_that_is_given_up_is_looked_at_no_more() {
    let fixture = Fixture::with_due_callback().await;
    fixture.take_callback(NOON + SECOND).await.unwrap();
    assert!(fixture.failed(1, &FAILED).await);
    assert!(fixture.again(NOON + 10 * MINUTE).await);
    fixture.take_callback(NOON + 10 * MINUTE).await.unwrap();
    let last = FailedTry {
        next_at_ms: None,
        http_status: None,
        error: "did not answer",
    };
    assert!(fixture.failed(2, &last).await);
    let job = fixture.find(1).await;
    assert_eq!(callback_status(&job), Some(CallbackStatus::Failed));
    assert_eq!((job.callback_http_status, job.callback_next_at), (None, None));
    assert_eq!(job.callback_error.as_deref(), Some("did not answer"));
    assert!(!fixture.is_due(NOON + 1000 * HOUR).await);
    assert!(!fixture.again(NOON + HOUR).await);
}

#[tokio::test]
async fn a_try_of_which_nothing_was_heard_is_repeated_and_what_it_says_late_counts_for_nothing() {
    let fixture = Fixture::with_due_callback().await;
    fixture.take_callback(NOON).await.unwrap();
    assert!(!fixture.again(NOON + MINUTE - 1).await);
    assert!(fixture.again(NOON + MINUTE).await);
    assert_eq!(fixture.started(), (1, 2));
    assert!(!fixture.delivered(1, 200, NOON + MINUTE).await, "it is due again");
    fixture.take_callback(NOON + MINUTE).await.unwrap();
    assert!(
        !fixture.delivered(1, 200, NOON + MINUTE).await,
        "another try is under way"
    );
    assert!(!fixture.failed(1, &FAILED).await);
    assert!(fixture.failed(2, &FAILED).await);
}

#[tokio::test]
async fn a_due_callback_whose_sender_never_started_starts_one_again() {
    let fixture = Fixture::with_due_callback().await;
    let now = NOON + callback_due();
    assert!(!fixture.again(now - 1).await);
    assert!(fixture.again(now).await);
    assert_eq!(fixture.started(), (1, 2));
    assert!(!fixture.is_due(now + callback_due() - 1).await);
    assert!(fixture.is_due(now + callback_due()).await);
}
