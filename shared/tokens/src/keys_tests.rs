use serde_json::json;

use super::*;

const X: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";

fn set(keys: &[Value]) -> Result<KeySet, FetchError> {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

fn rsa(modulus: &[u8]) -> Value {
    json!({"kty": "RSA", "kid": "a", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus)})
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

#[test]
fn an_rsa_key_has_2048_to_8192_bits() {
    let of_bits = |bits: usize| {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] >>= bits.div_ceil(8) * 8 - bits;
        rsa(&modulus)
    };
    for bits in [512, 1024, 2041, 2047, 8193] {
        assert!(matches!(set(&[of_bits(bits)]), Err(FetchError::NoKeys)), "{bits}");
    }
    for bits in [2048, 3072, 4096, 8192] {
        assert!(set(&[of_bits(bits)]).is_ok(), "{bits}");
    }
    assert!(set(&[rsa(&[])]).is_err());
    assert!(set(&[rsa(&[0; 256])]).is_err());
}

#[test]
fn leading_zeros_neither_lengthen_an_rsa_key_nor_spoil_it() {
    let zeros_then = |length: usize| [&[0][..], &vec![0xff; length]].concat();
    assert!(set(&[rsa(&zeros_then(255))]).is_err());
    assert!(set(&[rsa(&zeros_then(256))]).is_ok());
}

#[test]
fn a_key_fits_the_algorithms_of_its_type_or_only_its_own() {
    let modulus = [0xff; 256];
    let any = set(&[rsa(&modulus)]).unwrap();
    for algorithm in RSA {
        assert!(any.find(Some("a"), *algorithm).is_ok());
    }
    let only = set(&[with(rsa(&modulus), "alg", "PS256".into())]).unwrap();
    assert!(only.find(Some("a"), Jwa::PS256).is_ok());
    for wrong in [Jwa::RS256, Jwa::ES256, Jwa::EdDSA, Jwa::HS256] {
        assert_eq!(
            only.find(Some("a"), wrong).err(),
            Some(Invalid::KeyMismatch),
            "{wrong:?}"
        );
    }
    let encryption = set(&[with(rsa(&modulus), "alg", "RSA-OAEP".into())]).unwrap();
    assert!(encryption.find(Some("a"), Jwa::RS256).is_err());
}

#[test]
fn curves_fit_their_own_algorithm_and_their_own_length() {
    let point = |curve: &str, x: &str| json!({"kty": "EC", "kid": "a", "crv": curve, "x": x, "y": x});
    let p256 = set(&[point("P-256", X)]).unwrap();
    assert!(p256.find(Some("a"), Jwa::ES256).is_ok());
    assert_eq!(p256.find(Some("a"), Jwa::ES384).err(), Some(Invalid::KeyMismatch));
    let p384 = set(&[point("P-384", &URL_SAFE_NO_PAD.encode([1; 48]))]).unwrap();
    assert!(p384.find(Some("a"), Jwa::ES384).is_ok());
    for wrong in [
        point("P-384", X),
        point("P-256", "AA"),
        point("P-521", X),
        point("secp256k1", X),
        point("Ed25519", X),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
        json!({"kty": "OKP", "crv": "P-256", "x": X}),
    ] {
        assert!(set(std::slice::from_ref(&wrong)).is_err(), "{wrong}");
    }
    let ed = set(&[json!({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": X})]).unwrap();
    assert!(ed.find(Some("a"), Jwa::EdDSA).is_ok());
}

#[test]
fn keys_for_something_else_and_of_unknown_kinds_are_passed_over() {
    let good = rsa(&[0xff; 256]);
    let others = [
        with(good.clone(), "use", "enc".into()),
        with(good.clone(), "use", "other".into()),
        with(good.clone(), "key_ops", json!(["encrypt"])),
        with(good.clone(), "n", "not base64url!".into()),
        json!({"kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0"}),
        json!({"kty": "AKP", "kid": "a"}),
        json!("text"),
        json!(null),
        json!({}),
    ];
    assert!(matches!(set(&others), Err(FetchError::NoKeys)));
    let mut all = others.to_vec();
    all.push(with(good, "key_ops", json!(["verify"])));
    let keys = set(&all).unwrap();
    assert_eq!(keys.0.len(), 1);
    assert!(keys.find(Some("a"), Jwa::RS256).is_ok());
}

#[test]
fn without_a_name_only_the_one_key_that_fits_is_taken() {
    let named = |id: &str| with(rsa(&[0xff; 256]), "kid", id.into());
    let ec = json!({"kty": "EC", "kid": "c", "crv": "P-256", "x": X, "y": X});
    let one = set(&[named("a"), ec.clone()]).unwrap();
    assert!(one.find(None, Jwa::RS256).is_ok());
    assert_eq!(one.find(None, Jwa::EdDSA).err(), Some(Invalid::UnknownKey));
    let two = set(&[named("a"), named("b"), ec]).unwrap();
    assert_eq!(two.find(None, Jwa::RS256).err(), Some(Invalid::AmbiguousKey));
    assert!(two.find(Some("b"), Jwa::RS256).is_ok());
    assert_eq!(two.find(Some("d"), Jwa::RS256).err(), Some(Invalid::UnknownKey));
    assert_eq!(two.find(Some(""), Jwa::RS256).err(), Some(Invalid::UnknownKey));
}

#[test]
fn a_set_of_more_than_100_keys_or_none_or_of_another_form_is_refused() {
    let keys = vec![rsa(&[0xff; 256]); 101];
    assert!(matches!(set(&keys), Err(FetchError::TooManyKeys)));
    assert!(set(&keys[..100]).is_ok());
    assert!(matches!(set(&[]), Err(FetchError::NoKeys)));
    for text in ["", "[]", "{}", "{\"keys\":{}}", "<html>"] {
        let read = KeySet::read(text.as_bytes());
        assert!(matches!(read, Err(FetchError::Malformed(_))), "{text}");
    }
}
