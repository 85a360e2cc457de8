//! How long to wait before something is tried again.

use std::time::Duration;

use crate::shard::hash;

/// 10 to 100 ms, until others who write the same items are through. Ids are random for the most part, and so are the pauses of
/// requests that came at once.
pub(crate) fn pause(id: &str, attempt: u32) -> Duration {
    Duration::from_millis(10 + u64::from(hash(&format!("{id}{attempt}")) % 91))
}

/// Until a table that took no more takes more again: around 50 ms for the first attempt, counted from 0, and twice as long for each
/// further one, at most around 3 s.
pub(crate) fn backoff(id: &str, attempt: u32) -> Duration {
    Duration::from_millis(40 << attempt.min(6)) + pause(id, attempt) * (1 << attempt.min(6)) / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_10_to_100_ms_and_differ() {
        let pauses: std::collections::BTreeSet<_> = (0..100).map(|n| pause(&format!("id{n}"), 1)).collect();
        assert!(pauses.len() > 30, "{pauses:?}");
        assert!(pauses.first() >= Some(&Duration::from_millis(10)));
        assert!(pauses.last() <= Some(&Duration::from_millis(100)));
    }

    #[test]
    fn each_wait_for_a_table_is_twice_as_long_up_to_a_bound() {
        let ms = |attempt| backoff("id", attempt).as_millis();
        assert!((42..=60).contains(&ms(0)), "{}", ms(0));
        assert!((42 * 16..=60 * 16).contains(&ms(4)), "{}", ms(4));
        assert!(ms(40) <= 60 * 64, "{}", ms(40));
    }
}
