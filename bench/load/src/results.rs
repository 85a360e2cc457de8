//! What is told of a run.

use std::time::Duration;

use serde_json::{Value, json};

use crate::caller::{Asked, Outcome, Span};

/// Counts, and times in milliseconds. `completed` and `wrong` are of answers that came within the span, whenever they were asked for: what the
/// server did then. Times are of the questions that began within it, also those that were not answered in time: what callers waited.
pub(crate) fn of(asked: &[Asked], span: Span) -> Value {
    let came = |outcome| {
        let ended = asked.iter().filter(|asked| asked.outcome == outcome);
        ended.filter(|asked| span.has(asked.began + asked.took)).count()
    };
    let began: Vec<&Asked> = asked.iter().filter(|asked| span.has(asked.began)).collect();
    let unanswered = asked.iter().filter(|asked| asked.outcome == Outcome::Unanswered);
    let waited = (began.iter().copied())
        .filter(|asked| asked.outcome == Outcome::Right)
        .chain(unanswered.clone());
    let first = began.iter().filter_map(|asked| asked.tokens.first().copied());
    let gaps = (began.iter())
        .flat_map(|asked| asked.tokens.windows(2))
        .map(|pair| pair[1].saturating_sub(pair[0]));
    json!({
        "completed": came(Outcome::Right),
        "wrong": came(Outcome::Wrong),
        "unanswered": unanswered.count(),
        "seconds": span.end.duration_since(span.start).as_secs_f64(),
        "at_once": most_at_once(asked),
        "latency": times(waited.map(|asked| asked.took)),
        "first_token": times(first),
        "between_tokens": times(gaps),
    })
}

/// Percentiles in milliseconds; null where there is nothing.
fn times(of: impl Iterator<Item = Duration>) -> Value {
    let mut times: Vec<Duration> = of.collect();
    if times.is_empty() {
        return Value::Null;
    }
    times.sort();
    let at = |part: usize| {
        let place = (times.len() * part).div_ceil(1000).max(1) - 1;
        times.get(place).map(|time| time.as_secs_f64() * 1000.0)
    };
    let mean = times.iter().sum::<Duration>().as_secs_f64() * 1000.0 / times.len() as f64;
    json!({
        "count": times.len(), "mean": mean, "p50": at(500), "p95": at(950), "p99": at(990), "max": at(1000),
    })
}

/// The most that had begun and not ended at one time.
fn most_at_once(asked: &[Asked]) -> usize {
    let mut changes: Vec<_> = (asked.iter())
        .flat_map(|asked| [(asked.began, true), (asked.began + asked.took, false)])
        .collect();
    changes.sort();
    let (mut now, mut most) = (0_usize, 0);
    for (_, has_begun) in changes {
        now = if has_begun { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn asked(zero: Instant, began: u64, took: u64, outcome: Outcome) -> Asked {
        Asked {
            began: zero + ms(began),
            took: ms(took),
            outcome,
            tokens: Vec::new(),
        }
    }

    fn span(zero: Instant) -> Span {
        Span {
            start: zero + ms(1000),
            end: zero + ms(2000),
        }
    }

    #[test]
    fn answers_are_counted_when_they_come_and_waiting_when_it_began() {
        let zero = Instant::now();
        let all = [
            asked(zero, 900, 300, Outcome::Right),
            asked(zero, 1200, 100, Outcome::Right),
            asked(zero, 1900, 500, Outcome::Right),
            asked(zero, 1300, 10, Outcome::Wrong),
        ];
        let told = of(&all, span(zero));
        assert_eq!((&told["completed"], &told["wrong"]), (&json!(2), &json!(1)));
        assert_eq!(told["latency"]["count"], 2);
        assert_eq!(told["latency"]["max"], 500.0);
    }

    #[test]
    fn who_is_not_answered_has_waited() {
        let zero = Instant::now();
        let all = [
            asked(zero, 500, 6000, Outcome::Unanswered),
            asked(zero, 1100, 20, Outcome::Right),
        ];
        let told = of(&all, span(zero));
        assert_eq!(told["unanswered"], 1);
        assert_eq!(told["latency"]["p99"], 6000.0);
    }

    #[test]
    fn a_percentile_is_the_least_that_so_many_do_not_exceed() {
        let told = times((1..=200).rev().map(ms));
        assert_eq!((&told["p50"], &told["p95"]), (&json!(100.0), &json!(190.0)));
        assert_eq!((&told["p99"], &told["max"]), (&json!(198.0), &json!(200.0)));
        assert_eq!(times(std::iter::empty()), Value::Null);
    }

    #[test]
    fn those_who_follow_each_other_are_not_at_once() {
        let zero = Instant::now();
        let of = |times: &[(u64, u64)]| {
            let asked = times
                .iter()
                .map(|(began, took)| asked(zero, *began, *took, Outcome::Right));
            most_at_once(&asked.collect::<Vec<_>>())
        };
        assert_eq!(of(&[(0, 10), (10, 10), (20, 10)]), 1);
        assert_eq!(of(&[(0, 30), (10, 5), (12, 20)]), 3);
    }
}
