//! Signatures of the issuer's keys, and everything that is not one.

use lambent_tokens::testing::{SUBJECT, SigningKey};
use lambent_tokens::{Algorithm, Invalid};

use crate::{Rig, decode, encode, parts};

#[tokio::test]
async fn tokens_signed_with_the_issuer_s_keys_are_taken() {
    let rig = Rig::start().await;
    let claims = rig.issuer.claims();
    for key in [&rig.issuer.rsa, &rig.issuer.ec] {
        let identity = rig.accepted(&key.sign(&claims)).await;
        assert_eq!(identity.subject, SUBJECT);
        assert_eq!(identity.issuer, rig.issuer.url());
        assert_eq!(Some(identity.expires_at), claims["exp"].as_u64());
        assert!(identity.scopes.is_empty());
    }
}

#[tokio::test]
async fn a_signature_by_another_key_of_the_same_name_is_refused() {
    let rig = Rig::start().await;
    for key in [SigningKey::es256("ec-1"), SigningKey::other_rs256("rsa-1")] {
        let token = key.sign(&rig.issuer.claims());
        assert_eq!(rig.refused(&token).await, Invalid::Signature);
    }
}

#[tokio::test]
async fn one_changed_bit_of_the_signature_is_noticed_wherever_it_is() {
    let rig = Rig::start().await;
    for key in [&rig.issuer.rsa, &rig.issuer.ec] {
        let token = key.sign(&rig.issuer.claims());
        let [header, claims, signature] = parts(&token);
        let signature = decode(signature);
        for bit in (0..signature.len() * 8).step_by(61) {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("{header}.{claims}.{}", encode(changed));
            assert_eq!(rig.refused(&forged).await, Invalid::Signature, "bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_signature_that_is_missing_cut_or_padded_is_refused() {
    let rig = Rig::start().await;
    for key in [&rig.issuer.rsa, &rig.issuer.ec] {
        let token = key.sign(&rig.issuer.claims());
        let [header, claims, signature] = parts(&token);
        let signature = decode(signature);
        let zeros = vec![0; signature.len()];
        let longer = [&signature[..], &[0]].concat();
        for forged in [&[][..], &signature[1..], &longer, &zeros] {
            let forged = format!("{header}.{claims}.{}", encode(forged));
            assert_eq!(rig.refused(&forged).await, Invalid::Signature);
        }
    }
}

#[tokio::test]
async fn claims_and_headers_cannot_be_exchanged_after_signing() {
    let rig = Rig::start().await;
    for key in [&rig.issuer.rsa, &rig.issuer.ec] {
        let token = key.sign(&rig.issuer.claims());
        let [header, _, signature] = parts(&token);
        let mut claims = rig.issuer.claims();
        claims["sub"] = "admin".into();
        let forged = format!("{header}.{}.{signature}", encode(claims.to_string()));
        assert_eq!(rig.refused(&forged).await, Invalid::Signature);

        let [_, claims, _] = parts(&token);
        let mut header = key.header();
        header["typ"] = "at+jwt".into();
        let forged = format!("{}.{claims}.{signature}", encode(header.to_string()));
        assert_eq!(rig.refused(&forged).await, Invalid::Signature);
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused_though_the_signature_is_good() {
    let rig = Rig::start_with(|config| config.algorithms = vec![Algorithm::Rs256]).await;
    let claims = rig.issuer.claims();
    rig.accepted(&rig.issuer.rsa.sign(&claims)).await;
    assert_eq!(
        rig.refused(&rig.issuer.ec.sign(&claims)).await,
        Invalid::Algorithm
    );
}
