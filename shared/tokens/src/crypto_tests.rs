use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};

use super::*;

const MESSAGE: &[u8] = b"header.claims";
const RSA_KEY: &str = include_str!("testing/test-only-rsa-key-1.pem");

/// An algorithm, a key for it, and that key's signature of [`MESSAGE`].
type Signed = (Algorithm, DecodingKey, Vec<u8>);

fn rsa(algorithm: Algorithm, encoding: &'static dyn RsaEncoding) -> Signed {
    let base64: String = RSA_KEY
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(encoding, &SystemRandom::new(), MESSAGE, &mut signature)
        .unwrap();
    let RsaPublicKeyComponents::<Vec<u8>> { n, e } = key.public().into();
    (algorithm, DecodingKey::from_rsa_raw_components(&n, &e), signature)
}

fn ecdsa(algorithm: Algorithm, signing: &'static EcdsaSigningAlgorithm) -> Signed {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random).unwrap();
    let signature = key.sign(&random, MESSAGE).unwrap().as_ref().to_vec();
    (
        algorithm,
        DecodingKey::from_ec_der(key.public_key().as_ref()),
        signature,
    )
}

fn ed25519() -> Signed {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let signature = key.sign(MESSAGE).as_ref().to_vec();
    (
        Algorithm::EdDSA,
        DecodingKey::from_ed_der(key.public_key().as_ref()),
        signature,
    )
}

fn signed() -> Vec<Signed> {
    vec![
        rsa(Algorithm::RS256, &RSA_PKCS1_SHA256),
        rsa(Algorithm::RS384, &RSA_PKCS1_SHA384),
        rsa(Algorithm::RS512, &RSA_PKCS1_SHA512),
        rsa(Algorithm::PS256, &RSA_PSS_SHA256),
        rsa(Algorithm::PS384, &RSA_PSS_SHA384),
        rsa(Algorithm::PS512, &RSA_PSS_SHA512),
        ecdsa(Algorithm::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING),
        ecdsa(Algorithm::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING),
        ed25519(),
    ]
}

#[test]
fn each_algorithm_verifies_its_own_signatures_and_no_other_s() {
    assert!(install());
    let signed = signed();
    for (signer, key, signature) in &signed {
        let signature = URL_SAFE_NO_PAD.encode(signature);
        for (verifier, ..) in &signed {
            let is_good = verify(&signature, MESSAGE, key, *verifier).unwrap_or(false);
            assert_eq!(is_good, signer == verifier, "{signer:?} by {verifier:?}");
        }
        assert!(!verify(&signature, b"another.message", key, *signer).unwrap());
    }
}

#[test]
fn nothing_is_signed_and_no_shared_secret_is_a_key() {
    assert!(install());
    let secret = EncodingKey::from_secret(b"secret");
    assert!(jsonwebtoken::encode(&Header::default(), &(), &secret).is_err());
    let secret = DecodingKey::from_secret(b"secret");
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256] {
        assert!(verify("AAAA", MESSAGE, &secret, algorithm).is_err());
    }
}
