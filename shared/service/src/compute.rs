//! What the function's own time costs.

use std::time::Duration;

/// The variable by which Lambda tells a function its memory, in megabytes.
pub(crate) const MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

/// What a request asks for, in millionths of a millionth of a dollar: $0.20 a million.
const PER_REQUEST: u128 = 200_000;
/// A second of a gigabyte, in the same unit: $0.0000166667, and on arm64 $0.0000133334. Both: AWS Lambda's pricing page,
/// us-east-1, first tier, as of 2026-11-21.
const PER_GB_SECOND: u128 = if cfg!(target_arch = "aarch64") {
    13_333_400
} else {
    16_666_700
};

/// What an invocation of this length costs so far, in millionths of a dollar, rounded up; 0 elsewhere than on Lambda.
pub(crate) fn micro_dollars(memory_mb: Option<u32>, elapsed: Duration) -> u64 {
    let Some(memory_mb) = memory_mb else { return 0 };
    let milliseconds = elapsed.as_micros().div_ceil(1000);
    let time = milliseconds * u128::from(memory_mb) * PER_GB_SECOND / (1024 * 1000);
    u64::try_from((time + PER_REQUEST).div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_a_gigabyte_and_its_request_cost_what_the_price_list_says() {
        let second = Duration::from_secs(1);
        let expected = if cfg!(target_arch = "aarch64") { 14 } else { 17 };
        assert_eq!(micro_dollars(Some(1024), second), expected);
        assert_eq!(micro_dollars(Some(128), Duration::from_millis(1)), 1);
        assert_eq!(micro_dollars(None, second), 0);
    }
}
