//! The stream delivers at least once: what comes twice is done once.

use std::time::Duration;

use futures::future::join;
use jobs_worker::Image;
use lambent_service::{BatchAnswer, StreamEvent};
use lambent_store::jobs::JobStatus;
use lambent_tests::upstream::Answer;
use serde_json::json;
use tokio::time::Instant;

use crate::{Cloud, LEASE};

/// The record that says that this job is queued.
fn queued(id: &str) -> StreamEvent<Image> {
    let event = json!({"Records": [{
        "eventID": "1",
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"id": {"S": id}},
            "NewImage": {"id": {"S": id}, "status": {"S": "queued"}},
            "SequenceNumber": "100",
        },
    }]});
    serde_json::from_value(event).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[tokio::test]
async fn a_record_that_is_delivered_twice_is_done_once() {
    let cloud = Cloud::start().await;
    cloud.upstream.otherwise(Answer::number());
    let id = cloud.accept(7).await;
    let worker = cloud.worker();
    for _ in 0..2 {
        assert_eq!(worker.handle(queued(&id), soon()).await, BatchAnswer::default());
    }
    let job = cloud.jobs.find(&id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempt), (JobStatus::Succeeded, 1));
    assert!(job.result.unwrap().contains("\"summary\":\"7\""));
    assert_eq!(cloud.upstream.counts().requests, 1);
    // Nobody needs the document any more.
    assert_eq!(cloud.jobs.input(&id).await.unwrap(), None);
}

#[tokio::test]
async fn of_two_workers_on_one_job_one_does_it_however_long_it_takes() {
    let cloud = Cloud::start().await;
    // Longer than a lease: the one who works renews it, and the other one sees that.
    cloud
        .upstream
        .otherwise(Answer::number().paced(LEASE * 3, Duration::ZERO));
    let id = cloud.accept(7).await;
    let (one, other) = (cloud.worker(), cloud.worker());
    let answers = join(one.handle(queued(&id), soon()), other.handle(queued(&id), soon())).await;
    assert_eq!(answers, (BatchAnswer::default(), BatchAnswer::default()));
    let job = cloud.jobs.find(&id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempt), (JobStatus::Succeeded, 1));
    assert_eq!(cloud.upstream.counts().requests, 1);
}

#[tokio::test]
async fn a_worker_that_was_taken_for_dead_changes_nothing() {
    let cloud = Cloud::start().await;
    cloud
        .upstream
        .then(Answer::text("{\"summary\": \"late\"}").paced(LEASE * 3, Duration::ZERO))
        .otherwise(Answer::number());
    let id = cloud.accept(7).await;
    let (mut slow, next) = (cloud.worker(), cloud.worker());
    // A process that was stopped: it has not renewed its lock when its answer comes.
    slow.config.lease = Duration::from_secs(60);
    let stalled = slow.handle(queued(&id), soon());
    let stolen = async {
        cloud.upstream.until(|counts| counts.requests == 1).await;
        // Somebody else's clock is ahead by more than a lease.
        let take = lambent_store::jobs::Take {
            lock: "the-thief",
            now_ms: lambent_store::now_ms() + 61_000,
            lease_ms: 1,
            due_at_ms: lambent_store::now_ms() + 120_000,
            max_attempts: 3,
        };
        let taken = cloud.jobs.take(&id, &take).await.unwrap();
        assert!(
            matches!(taken, lambent_store::jobs::Taking::Taken(_)),
            "{taken:?}"
        );
        cloud
            .jobs
            .requeue(&id, lambent_store::now_ms() + 120_000, Duration::ZERO)
            .await
            .unwrap();
        next.handle(queued(&id), soon()).await
    };
    let answers = join(stalled, stolen).await;
    assert_eq!(answers, (BatchAnswer::default(), BatchAnswer::default()));
    let job = cloud.jobs.find(&id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempt), (JobStatus::Succeeded, 3));
    assert!(job.result.unwrap().contains("\"summary\":\"7\""));
    assert_eq!(cloud.upstream.counts().requests, 2);
}
