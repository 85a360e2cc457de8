//! Stripe's signatures: `t=<seconds>,v1=<hex>`, of which there are several while the secret is rotated.
//!
//! Their scheme is [public](https://docs.stripe.com/webhooks#verify-manually): HMAC-SHA-256 with the secret as it is written, over the time, a
//! full stop and the body. Here, because the crate that does it (async-stripe-webhook) looks at the last `v1` only, and brings all of Stripe's types.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use lambent_schema::endpoints::webhooks::{STRIPE_SIGNATURE, TOLERANCE_SECS};
use sha2::Sha256;

/// Bytes of a signature.
const LENGTH: usize = 32;

/// Whether the body was signed with this secret, at a time that is near enough to `now` (seconds since 1970), before or after.
pub(crate) fn is_signed(secret: &str, headers: &HeaderMap, body: &[u8], now: i64) -> bool {
    let Some(header) = headers
        .get(STRIPE_SIGNATURE)
        .and_then(|header| header.to_str().ok())
    else {
        return false;
    };
    let values = |name: &'static str| {
        let parts = header.split(',').filter_map(|part| part.split_once('='));
        parts
            .filter(move |(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let Some(time) = values("t").next() else {
        return false;
    };
    let is_near = time
        .parse::<i64>()
        .is_ok_and(|time| time.abs_diff(now) <= TOLERANCE_SECS.unsigned_abs());
    // The time as it was written: another way to write it would be another signature.
    is_near && values("v1").any(|signature| is_of(secret, time, body, signature))
}

/// Whether this is the signature. It is compared in constant time.
fn is_of(secret: &str, time: &str, body: &[u8], signature: &str) -> bool {
    let (Some(signature), Ok(mac)) = (
        unhex(signature),
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()),
    ) else {
        return false;
    };
    let mac = mac.chain_update(time).chain_update(b".").chain_update(body);
    mac.verify_slice(&signature).is_ok()
}

fn unhex(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * LENGTH {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id": "evt_1"}"#;
    const TIME: i64 = 1_794_700_800;
    /// By `printf '1794700800.{"id": "evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
    const SIGNATURE: &str = "22b952c6aefaefa9760ab2e5407c93d897162b5e7952548c6ed0b32ec70ee4da";

    fn is_taken(header: &str, body: &[u8], now: i64) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(STRIPE_SIGNATURE, HeaderValue::try_from(header).unwrap());
        is_signed(SECRET, &headers, body, now)
    }

    #[test]
    fn one_right_signature_among_several_will_do() {
        let other = "0".repeat(64);
        for header in [
            format!("t={TIME},v1={SIGNATURE}"),
            format!("t={TIME},v1={other},v1={SIGNATURE}"),
            format!("t={TIME}, v1={SIGNATURE}, v1={other}, v0=abc"),
            format!("v1={SIGNATURE},t={TIME}"),
        ] {
            assert!(is_taken(&header, BODY, TIME), "{header}");
        }
    }

    #[test]
    fn five_minutes_are_the_most_before_and_after() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        for (now, expected) in [(300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(is_taken(&header, BODY, TIME + now), expected, "{now}");
        }
    }

    #[test]
    fn no_other_body_time_secret_or_scheme_is_taken() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        for place in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[place] ^= 1;
            assert!(!is_taken(&header, &body, TIME), "byte {place}");
        }
        let later = TIME + 1;
        for header in [
            format!("t={later},v1={SIGNATURE}"),
            format!("t=+{TIME},v1={SIGNATURE}"),
            format!("t={TIME},v0={SIGNATURE}"),
            format!("t={TIME},v1={}", &SIGNATURE[..62]),
            format!("t={TIME},v1={}é", &SIGNATURE[..62]),
            format!("t={TIME}"),
            format!("v1={SIGNATURE}"),
            "t=,v1=".to_owned(),
            String::new(),
        ] {
            assert!(!is_taken(&header, BODY, TIME), "{header}");
        }
        assert!(!is_signed(SECRET, &HeaderMap::new(), BODY, TIME));
        let mut headers = HeaderMap::new();
        headers.insert(STRIPE_SIGNATURE, HeaderValue::try_from(header).unwrap());
        assert!(!is_signed("whsec_other", &headers, BODY, TIME));
    }
}
