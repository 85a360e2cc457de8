use super::*;
use crate::error::{ModelError, UpstreamFault};

fn failure(retryable: bool, retry_after: Option<Duration>) -> Failure {
    Failure {
        error: ModelError::upstream(UpstreamFault::Other),
        retryable,
        retry_after,
    }
}

fn in_secs(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn two_pauses_that_grow_then_no_more() {
    let mut retries = Retries::new(2);
    let first = retries.after(&failure(true, None), in_secs(60)).unwrap();
    let second = retries.after(&failure(true, None), in_secs(60)).unwrap();
    assert!((125..=250).contains(&first.as_millis()), "{first:?}");
    assert!((250..=500).contains(&second.as_millis()), "{second:?}");
    assert_eq!(retries.after(&failure(true, None), in_secs(60)), None);
}

#[tokio::test(start_paused = true)]
async fn the_providers_pause_is_kept_if_the_deadline_allows_it() {
    let mut retries = Retries::new(2);
    let ten = Some(Duration::from_secs(10));
    assert_eq!(retries.after(&failure(true, ten), in_secs(10)), None);
    assert_eq!(retries.after(&failure(true, ten), in_secs(11)), ten);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_worth_repeating_is_not() {
    let mut retries = Retries::new(2);
    assert_eq!(retries.after(&failure(false, None), in_secs(60)), None);
    assert!(
        retries.after(&failure(true, None), in_secs(60)).is_some(),
        "and that used none up"
    );
}

#[test]
fn jitter_stays_in_its_half_and_differs() {
    let pauses: std::collections::HashSet<_> = (0..50).map(|_| with_jitter(FIRST_PAUSE)).collect();
    assert!(
        pauses
            .iter()
            .all(|pause| (FIRST_PAUSE / 2..=FIRST_PAUSE).contains(pause))
    );
    assert!(pauses.len() > 10);
}
