//! The id of a request: the caller's own if it can be used, else a new one.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries it, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: 1 to 128 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id in the caller's `x-request-id`, if it matches `[A-Za-z0-9_-]{1,128}`; else a new UUID, version 7.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        headers
            .get(REQUEST_ID)
            .filter(|value| is_usable(value.as_bytes()))
            .cloned()
            .map_or_else(Self::new, Self)
    }

    /// A new id.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each one is different")]
    pub fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
        #[expect(clippy::expect_used, reason = "a UUID is hexadecimal digits and hyphens")]
        Self(HeaderValue::from_str(text).expect("a UUID is a header value"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header's value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_usable(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn an_id_of_the_right_form_is_kept() {
        for id in ["a", "0199a1de-7c55", "A_b-9", &"x".repeat(128)] {
            assert_eq!(of(id.as_bytes()).as_str(), id);
        }
    }

    #[test]
    fn any_other_id_is_replaced() {
        for id in [&b""[..], b"a b", b"a.b", b"\xc3\xa9", b"a/../b", &[b'x'; 129]] {
            let replaced = of(id);
            assert_ne!(replaced.as_str().as_bytes(), id);
            assert_eq!(replaced.as_str().len(), 36);
        }
    }

    #[test]
    fn no_two_new_ids_are_the_same() {
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
