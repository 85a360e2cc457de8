//! When to try again.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits after the first failed attempt, the second, and so on: Standard Webhooks' example, a little shortened. A server that is
/// down over night is told in the morning.
const WAITS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(MINUTE),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
];

/// The most attempts at one callback: spread over some 18 hours.
pub const MAX_ATTEMPTS: u32 = WAITS.len() as u32 + 1;

/// How far a wait may be from its middle, as a part of it.
const JITTER: f64 = 0.2;

/// How long to wait after this failed attempt, the first being 1; `None` after the last.
///
/// `random` (0 to 1) moves the wait by up to 20 % to either side, so that callbacks that failed together do not come back together.
#[must_use]
pub fn next_try(attempt: u32, random: f64) -> Option<Duration> {
    let number = usize::try_from(attempt.saturating_sub(1)).ok()?;
    let random = if random.is_nan() {
        0.5
    } else {
        random.clamp(0.0, 1.0)
    };
    let wait = WAITS.get(number)?;
    Some(wait.mul_f64(1.0 + JITTER * (2.0 * random - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_for_eight_attempts_in_some_18_hours() {
        let waits: Vec<_> = (1..).map_while(|attempt| next_try(attempt, 0.5)).collect();
        assert_eq!(waits, WAITS);
        assert_eq!(MAX_ATTEMPTS, 8);
        assert_eq!(next_try(MAX_ATTEMPTS - 1, 0.5), Some(Duration::from_secs(36_000)));
        let total: Duration = waits.iter().sum();
        assert_eq!(total.as_secs() / HOUR, 17);
        for attempt in [MAX_ATTEMPTS, MAX_ATTEMPTS + 1, u32::MAX] {
            assert_eq!(next_try(attempt, 0.5), None);
        }
    }

    #[test]
    fn jitter_is_a_fifth_to_either_side() {
        let after_the_second = |random| next_try(2, random).unwrap().as_millis();
        assert_eq!(after_the_second(0.0), 48_000);
        assert_eq!(after_the_second(0.25), 54_000);
        assert_eq!(after_the_second(1.0), 72_000);
    }

    #[test]
    fn numbers_out_of_range_count_as_the_nearest_in_it() {
        assert_eq!(next_try(0, 0.5), next_try(1, 0.5));
        assert_eq!(next_try(1, -7.0), next_try(1, 0.0));
        assert_eq!(next_try(1, f64::INFINITY), next_try(1, 1.0));
        assert_eq!(next_try(1, f64::NAN), next_try(1, 0.5));
    }
}
