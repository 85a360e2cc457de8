//! A caller's jobs, the newest first.

use lambent_store::JobStatus;
use lambent_store::jobs::{Job, NewJob};

use crate::{Fixture, NOON, SECOND, caller, failed, id, job, job_with_callback, succeeded};

impl Fixture {
    /// Numbers of alice's jobs, and whether there are more.
    async fn page(&self, limit: usize, before: Option<&str>) -> (Vec<String>, Option<String>) {
        let page = self.jobs.list(&caller("alice"), limit, before).await.unwrap();
        (page.jobs.into_iter().map(|job| job.id).collect(), page.next)
    }
}

#[tokio::test]
async fn pages_are_newest_first_and_end_where_there_are_no_more() {
    let fixture = Fixture::start().await;
    for number in [3, 1, 5, 2, 4] {
        fixture.create(&job(number)).await;
        let bob_s = NewJob {
            caller: caller("bob"),
            ..job(number + 100)
        };
        fixture.create(&bob_s).await;
    }
    let first = fixture.page(2, None).await;
    assert_eq!(first, (vec![id(5), id(4)], Some(id(4))));
    let second = fixture.page(2, first.1.as_deref()).await;
    assert_eq!(second, (vec![id(3), id(2)], Some(id(2))));
    let third = fixture.page(2, second.1.as_deref()).await;
    assert_eq!(third, (vec![id(1)], None));

    assert_eq!(
        fixture.page(5, None).await,
        ((1..=5).rev().map(id).collect(), None),
        "just as many as there are"
    );
    assert_eq!(fixture.page(2, Some(&id(1))).await, (vec![], None));
    assert_eq!(fixture.page(0, None).await, (vec![], None));
}

#[tokio::test]
async fn lists_show_a_job_without_what_is_large_or_nobody_s_business() {
    let fixture = Fixture::start().await;
    fixture.create(&job_with_callback(1)).await;
    fixture.create(&job(2)).await;
    fixture.create(&job(3)).await;
    fixture.taken("w1", NOON).await;
    let ending = succeeded(NOON + SECOND);
    assert!(fixture.finish("w1", &ending).await);
    assert!(fixture.jobs.finish_free(&id(2), &failed(NOON)).await.unwrap());

    let page = fixture.jobs.list(&caller("alice"), 10, None).await.unwrap();
    let [queued, failed, succeeded] = &page.jobs[..] else {
        panic!("{page:?}")
    };
    assert_eq!((queued.status, queued.attempt), (JobStatus::Queued, 0));
    assert_eq!(*failed, fixture.find(2).await, "it has nothing to leave out");
    let whole = fixture.find(1).await;
    assert!(whole.result.is_some());
    let listed = Job {
        result: None,
        ..whole
    };
    assert_eq!(*succeeded, listed);
}

#[tokio::test]
async fn a_job_under_way_is_listed_without_its_lock() {
    let fixture = Fixture::with_job().await;
    let job = fixture.taken("w1", NOON).await;
    fixture.jobs.cancel(&caller("alice"), &id(1), NOON).await.unwrap();
    let page = fixture.jobs.list(&caller("alice"), 10, None).await.unwrap();
    let listed = Job {
        lock: None,
        lease_until: None,
        cancel_requested: true,
        ..job
    };
    assert_eq!(page.jobs, [listed]);
}
