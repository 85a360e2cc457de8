//! `Idempotency-Key`: what identifies a request that may be sent twice.

use http::HeaderMap;
use lambent_schema::{Problem, ProblemCode, endpoints::jobs::MAX_IDEMPOTENCY_KEY_BYTES};
use lambent_service::{Failure, headers::IDEMPOTENCY_KEY, sha256};
use lambent_store::{CallerId, jobs::Idempotency};

use crate::Wanted;

/// What the request's key, if it has one, and its body are known by: their hashes. A caller's keys are its own.
///
/// # Errors
/// 400 where the key is empty, too long, not text, or there are two.
pub(crate) fn of(
    headers: &HeaderMap,
    caller: &CallerId,
    wanted: &Wanted<'_>,
) -> Result<Option<Idempotency>, Failure> {
    let Some(key) = key(headers)? else { return Ok(None) };
    // No JSON begins with the name of a kind, so that no two kinds' bodies are the same text.
    let (kind, body) = match wanted {
        Wanted::Analysis(request) => ("", serde_json::to_vec(request)),
        Wanted::Document { request, .. } => ("document", serde_json::to_vec(request)),
    };
    let body = body.map_err(Failure::internal)?;
    Ok(Some(Idempotency {
        key_hash: key_hash(caller, key),
        body_hash: sha256(&[kind.as_bytes(), &body]),
    }))
}

/// An id for what the request makes, the same whenever it is sent again: of 32 hexadecimal digits. `None` if it has no key.
///
/// # Errors
/// 400 where the key is empty, too long, not text, or there are two.
pub fn id_by_key(headers: &HeaderMap, caller: &CallerId) -> Result<Option<String>, Failure> {
    let key = key(headers)?;
    Ok(key.map(|key| {
        let mut id = key_hash(caller, key);
        id.truncate(32);
        id
    }))
}

fn key_hash(caller: &CallerId, key: &str) -> String {
    // No caller's id has a zero byte in it, so that no two pairs are the same text.
    sha256(&[caller.as_str().as_bytes(), b"\0", key.as_bytes()])
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
    use lambent_schema::{
        RequestBody as _,
        endpoints::{documents::DocumentRequest, jobs::JobRequest},
    };

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
            let wanted = Wanted::Analysis(request);
            of(&with(&[key]), caller, &wanted).unwrap().unwrap()
        };
        let first = of(&a, b"k", &request);
        assert_eq!(first, of(&a, b"\"k\"", &request));
        assert_ne!(first.key_hash, of(&b, b"k", &request).key_hash);
        assert_ne!(first.key_hash, of(&a, b"l", &request).key_hash);
        assert_eq!(first.key_hash, of(&a, b"k", &other).key_hash);
        assert_ne!(first.body_hash, of(&a, b"k", &other).body_hash);
        let (_, request) = DocumentRequest::examples().remove(0);
        let document = |id| {
            let wanted = Wanted::Document {
                request: &request,
                id,
            };
            super::of(&with(&[b"k"]), &a, &wanted).unwrap().unwrap()
        };
        assert_eq!(
            document("1"),
            document("2"),
            "an id that is made up is not of the request"
        );
        assert_ne!(first.body_hash, document("1").body_hash);
    }

    #[test]
    fn an_id_is_the_same_for_the_same_caller_and_key() {
        let [a, b] = ["a", "b"].map(CallerId::for_operator);
        let id = |caller, key: &[u8]| id_by_key(&with(&[key]), caller).unwrap().unwrap();
        assert_eq!(id(&a, b"k"), id(&a, b"\"k\""));
        assert_eq!(id(&a, b"k").len(), 32);
        assert_ne!(id(&a, b"k"), id(&b, b"k"));
        assert_ne!(id(&a, b"k"), id(&a, b"l"));
        assert_eq!(id_by_key(&with(&[]), &a).unwrap(), None);
    }
}
