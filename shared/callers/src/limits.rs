//! Rates and budgets as people write them: `60/min`, `5.00/month`.

use lambent_store::callers::Rate;

/// A limit is not written as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct LimitError {
    /// What it should be.
    pub expected: &'static str,
}

pub(crate) const RATE_FORM: &str =
    "requests per second, minute, hour or day, such as 60/min, at most 1000 a second";
pub(crate) const BUDGET_FORM: &str = "dollars per calendar month, such as 5.00/month, up to 1000000";

/// A rate such as `60/min` or `10/5min`, with this burst (at least 1).
///
/// # Errors
/// It has another form.
pub fn parse_rate(text: &str, burst: u32) -> Result<Rate, LimitError> {
    let malformed = LimitError { expected: RATE_FORM };
    let (count, unit) = text.trim().split_once('/').ok_or(malformed)?;
    let unit = unit.trim();
    let digits = unit.len() - unit.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (times, unit) = unit.split_at(digits);
    let times: u64 = if times.is_empty() {
        1
    } else {
        times.parse().map_err(|_| malformed)?
    };
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" | "sec" | "second" => 1000,
        "m" | "min" | "minute" => 60 * 1000,
        "h" | "hour" => 60 * 60 * 1000,
        "d" | "day" => 24 * 60 * 60 * 1000,
        _ => return Err(malformed),
    };
    let unit_ms = unit_ms
        .checked_mul(times)
        .filter(|ms| *ms <= 366 * 24 * 60 * 60 * 1000)
        .ok_or(malformed)?;
    let count: u64 = count.trim().parse().map_err(|_| malformed)?;
    // Up, so that a rate is never exceeded; under a millisecond there is no keeping it.
    if count == 0 || count > unit_ms || burst == 0 {
        return Err(malformed);
    }
    Ok(Rate {
        interval_ms: unit_ms.div_ceil(count),
        burst,
    })
}

/// A budget such as `5.00/month` or `5.00`, in millionths of a dollar a month.
///
/// # Errors
/// It has another form.
pub fn parse_budget(text: &str) -> Result<u64, LimitError> {
    let malformed = LimitError {
        expected: BUDGET_FORM,
    };
    let text = text.trim();
    let amount = text.strip_suffix("/month").unwrap_or(text);
    let (dollars, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(dollars) || fraction.len() > 6 || !(fraction.is_empty() || is_number(fraction)) {
        return Err(malformed);
    }
    let dollars: u64 = dollars.parse().map_err(|_| malformed)?;
    let millionths: u64 = format!("{fraction:0<6}").parse().map_err(|_| malformed)?;
    let budget = dollars.saturating_mul(1_000_000).saturating_add(millionths);
    if budget > 1_000_000_000_000 {
        return Err(malformed);
    }
    Ok(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_requests_per_time() {
        let interval = |text| parse_rate(text, 10).map(|rate| rate.interval_ms);
        assert_eq!(interval("60/min"), Ok(1000));
        assert_eq!(interval("7/min"), Ok(8572));
        assert_eq!(interval(" 1000 / s "), Ok(1));
        assert_eq!(interval("1/day"), Ok(86_400_000));
        assert_eq!(interval("10/5min"), Ok(30_000));
        assert_eq!(interval("1/8572ms"), Ok(8572));
        for wrong in [
            "",
            "60",
            "0/min",
            "1001/s",
            "-1/s",
            "1.5/s",
            "60/fortnight",
            "/min",
        ] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
        assert!(parse_rate("60/min", 0).is_err());
    }

    #[test]
    fn budgets_are_dollars_a_month_to_a_millionth() {
        assert_eq!(parse_budget("5.00/month"), Ok(5_000_000));
        assert_eq!(parse_budget("0.000001"), Ok(1));
        assert_eq!(parse_budget("1000000"), Ok(1_000_000_000_000));
        for wrong in [
            "",
            "5.00/year",
            "1e3",
            "-1",
            "5.0000001",
            ".",
            "5,00",
            "1000001",
            "5./month/month",
        ] {
            assert!(parse_budget(wrong).is_err(), "{wrong}");
        }
    }
}
