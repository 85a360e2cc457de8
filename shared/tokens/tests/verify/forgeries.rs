//! The attacks on JWTs that have names: no algorithm, a public key as a shared secret, one algorithm for another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambent_tokens::testing::SigningKey;
use lambent_tokens::{Algorithm, Invalid};
use ring::hmac;
use serde_json::json;

use crate::{Rig, decode, encode, parts};

/// The public half of the issuer's RSA key, as a library would be given it.
const PUBLIC_KEY: &str = include_str!("test-only-rsa-key-1.pub.pem");

#[tokio::test]
async fn a_token_without_a_signature_algorithm_is_refused() {
    let rig = Rig::start().await;
    let token = rig.issuer.token("");
    let [_, claims, signature] = parts(&token);
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = encode(json!({"alg": algorithm, "kid": "ec-1"}).to_string());
        for signature in ["", signature] {
            let forged = format!("{header}.{claims}.{signature}");
            assert_eq!(rig.refused(&forged).await, Invalid::Algorithm, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn the_rsa_public_key_is_no_shared_secret() {
    let rig = Rig::start().await;
    let modulus = rig.issuer.rsa.jwk()["n"].as_str().unwrap().to_owned();
    let der: String = PUBLIC_KEY
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(der).unwrap();
    let is_published = der.windows(256).any(|window| window == decode(&modulus));
    assert!(is_published, "the committed public key is another one");
    for secret in [PUBLIC_KEY.as_bytes(), &decode(&modulus), modulus.as_bytes()] {
        for algorithm in ["HS256", "RS256"] {
            let header = json!({"alg": algorithm, "kid": "rsa-1", "typ": "JWT"});
            let message = format!(
                "{}.{}",
                encode(header.to_string()),
                encode(rig.issuer.claims().to_string())
            );
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let forged = format!("{message}.{}", encode(hmac::sign(&key, message.as_bytes())));
            let expected = if algorithm == "HS256" {
                Invalid::Algorithm
            } else {
                Invalid::Signature
            };
            assert_eq!(rig.refused(&forged).await, expected);
        }
    }
}

#[tokio::test]
async fn a_header_cannot_name_another_algorithm_than_its_key_is_for() {
    let rig = Rig::start_with(|config| config.algorithms = Algorithm::ALL.to_vec()).await;
    let (ec, rsa) = (&rig.issuer.ec, &rig.issuer.rsa);
    for (key, algorithm) in [
        (ec, "RS256"),
        (ec, "PS256"),
        (ec, "ES384"),
        (ec, "EdDSA"),
        (rsa, "ES256"),
        (rsa, "RS512"),
        (rsa, "PS256"),
    ] {
        let token = rig.token_with_header(key, "alg", algorithm.into());
        assert_eq!(rig.refused(&token).await, Invalid::KeyMismatch, "{algorithm}");
    }
    let token = rig.token_with_header(ec, "kid", "rsa-1".into());
    assert_eq!(rig.refused(&token).await, Invalid::KeyMismatch);
    // All of the RSA key's header over an EC signature.
    let token = ec.sign_with(&rsa.header(), &rig.issuer.claims());
    assert_eq!(rig.refused(&token).await, Invalid::Signature);
}

#[tokio::test]
async fn a_key_for_encryption_verifies_nothing() {
    let rig = Rig::start().await;
    let key = SigningKey::es256("ec-2");
    let mut jwk = key.jwk();
    jwk["use"] = "enc".into();
    rig.issuer
        .publish_text(json!({"keys": [jwk, rig.issuer.ec.jwk()]}).to_string());
    let token = key.sign(&rig.issuer.claims());
    assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
    rig.accepted(&rig.issuer.token("")).await;
}

#[tokio::test]
async fn a_short_rsa_key_verifies_nothing() {
    let rig = Rig::start().await;
    let mut short = rig.issuer.rsa.jwk();
    short["kid"] = "short".into();
    short["n"] = encode([0xff; 128]).into();
    rig.issuer
        .publish_text(json!({"keys": [short, rig.issuer.ec.jwk()]}).to_string());
    let token = rig.token_with_header(&rig.issuer.rsa, "kid", "short".into());
    assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
}
