//! What an answer says about its caller's rate, in the words of either dialect.

use http::{HeaderName, HeaderValue};
use lambent_schema::Dialect;

use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// A caller's rate, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The most requests that it may send at once.
    pub burst: u32,
    /// In how many seconds that many come back.
    pub window_secs: u64,
    /// How many it may send now.
    pub left: u32,
    /// After how many seconds it may send as many as ever.
    pub full_after_secs: u64,
}

impl RequestLimits {
    /// `RateLimit` and `RateLimit-Policy`
    /// ([draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)), and for OpenAI's clients
    /// `x-ratelimit-limit-requests` and its like.
    pub(crate) fn headers(&self, dialect: Dialect) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let Self {
            burst,
            window_secs,
            left,
            full_after_secs,
        } = self;
        let mut headers = vec![
            (RATE_LIMIT, format!("\"default\";r={left};t={full_after_secs}")),
            (
                RATE_LIMIT_POLICY,
                format!("\"default\";q={burst};w={window_secs}"),
            ),
        ];
        if dialect == Dialect::OpenAi {
            let name = HeaderName::from_static;
            headers.extend([
                (name("x-ratelimit-limit-requests"), burst.to_string()),
                (name("x-ratelimit-remaining-requests"), left.to_string()),
                (name("x-ratelimit-reset-requests"), duration(*full_after_secs)),
            ]);
        }
        headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
    }
}

/// As OpenAI writes it: `1s`, `6m0s`.
fn duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openais_clients_are_told_in_their_words_too() {
        let limits = RequestLimits {
            burst: 10,
            window_secs: 600,
            left: 3,
            full_after_secs: 360,
        };
        let told = |dialect| -> Vec<String> {
            let headers = limits.headers(dialect);
            headers
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect()
        };
        let both = [
            "ratelimit: \"default\";r=3;t=360",
            "ratelimit-policy: \"default\";q=10;w=600",
        ];
        assert_eq!(told(Dialect::Problem), both);
        let expected = [
            both[0],
            both[1],
            "x-ratelimit-limit-requests: 10",
            "x-ratelimit-remaining-requests: 3",
            "x-ratelimit-reset-requests: 6m0s",
        ];
        assert_eq!(told(Dialect::OpenAi), expected);
        assert_eq!(duration(1), "1s");
    }
}
