//! `Idempotency-Key`: what identifies a request that may be sent twice.

use http::HeaderMap;
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::jobs::{JobRequest, MAX_IDEMPOTENCY_KEY_BYTES},
};
use lambent_service::{Failure, headers::IDEMPOTENCY_KEY, sha256};
use lambent_store::{CallerId, jobs::Idempotency};

/// What the request's key, if it has one, and its body are known by: their hashes. A caller's keys are its own.
///
/// # Errors
/// 400 where the key is empty, too long, not text, or there are two.
pub(crate) fn of(
    headers: &HeaderMap,
    caller: &CallerId,
    request: &JobRequest,
) -> Result<Option<Idempotency>, Failure> {
    let Some(key) = key(headers)? else { return Ok(None) };
    let body = serde_json::to_vec(request).map_err(Failure::internal)?;
    Ok(Some(Idempotency {
        // No caller's id has a zero byte in it, so that no two pairs are the same text.
        key_hash: sha256(&[caller.as_str().as_bytes(), b"\0", key.as_bytes()]),
        body_hash: sha256(&[&body]),
    }))
}

/// The key: a string as [RFC 9651](https://www.rfc-editor.org/rfc/rfc9651) writes them, in quotes, as the draft wants it; or without, as
/// most clients send it.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').unwrap_or_default(),
        None => text,
    };
    if values.next().is_some() || key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
        let detail = format!(
            "Idempotency-Key must be one text of 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible characters."
        );
        return Err(Failure::new(Problem::new(ProblemCode::InvalidRequest, detail)));
    }
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use lambent_schema::RequestBody as _;

    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_may_stand_in_quotes_and_is_refused_if_it_is_none() {
        assert_eq!(key(&with(&[])).unwrap(), None);
        for same in [&b"8e03978e-40d5"[..], b"\"8e03978e-40d5\"", b" 8e03978e-40d5 "] {
            assert_eq!(key(&with(&[same])).unwrap(), Some("8e03978e-40d5"));
        }
        let long = [b'k'; MAX_IDEMPOTENCY_KEY_BYTES + 1];
        for wrong in [&b""[..], b"\"\"", b"\"", b"\"open", b"\xff", &long] {
            let failure = key(&with(&[wrong])).unwrap_err();
            assert_eq!(failure.problem().status, 400, "{wrong:?}");
        }
        assert_eq!(key(&with(&[b"a", b"b"])).unwrap_err().problem().status, 400);
    }

    #[test]
    fn callers_keys_and_bodies_are_told_apart() {
        let [a, b] = ["a", "b"].map(CallerId::for_operator);
        let (_, request) = JobRequest::examples().remove(0);
        let (_, other) = JobRequest::examples().remove(1);
        let of = |caller: &CallerId, key: &[u8], request: &JobRequest| {
            of(&with(&[key]), caller, request).unwrap().unwrap()
        };
        let first = of(&a, b"k", &request);
        assert_eq!(first, of(&a, b"\"k\"", &request));
        assert_ne!(first.key_hash, of(&b, b"k", &request).key_hash);
        assert_ne!(first.key_hash, of(&a, b"l", &request).key_hash);
        assert_eq!(first.key_hash, of(&a, b"k", &other).key_hash);
        assert_ne!(first.body_hash, of(&a, b"k", &other).body_hash);
    }
}
