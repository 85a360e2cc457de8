//! `Prefer: respond-async`.

use http::HeaderMap;
use lambent_service::headers::PREFER;

/// Whether the request would rather have a job than wait ([RFC 7240, 4.1](https://www.rfc-editor.org/rfc/rfc7240#section-4.1)).
#[must_use]
pub fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.split([';', '=']).next())
        .any(|name| name.trim().eq_ignore_ascii_case("respond-async"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_preference_is_found_among_others_and_in_any_case() {
        let with = |values: &[&'static str]| {
            let pairs = values
                .iter()
                .map(|value| (PREFER, HeaderValue::from_static(value)));
            let mut headers = HeaderMap::new();
            pairs.for_each(|(name, value)| {
                headers.append(name, value);
            });
            prefers_async(&headers)
        };
        assert!(with(&["respond-async"]));
        assert!(with(&["return=minimal, Respond-Async; foo, wait=10"]));
        assert!(with(&["wait=10", "respond-async"]));
        assert!(!with(&[]));
        assert!(!with(&[
            "wait=10",
            "no-respond-async",
            "handling=\"respond-async\""
        ]));
    }
}
