//! What is no token at all, and what its header may say.

use lambent_tokens::Invalid;
use lambent_tokens::testing::{Issuer, SigningKey};
use serde_json::json;

use crate::{Rig, encode, parts};

#[tokio::test]
async fn what_is_not_three_parts_of_json_is_refused_without_asking_for_keys() {
    let rig = Rig::start().await;
    let good = rig.issuer.token("");
    let [header, claims, signature] = parts(&good);
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}.\u{fffd}.\u{1f511}".to_owned(),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("Bearer {good}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{}.{claims}.{signature}", encode("[]")),
        format!("{}.{claims}.{signature}", encode("{\"alg\":")),
        format!("{}.{claims}.{signature}", encode("[".repeat(5_000))),
    ] {
        assert_eq!(rig.refused(&token).await, Invalid::Malformed, "{token}");
    }
    assert_eq!(rig.refused(&"a".repeat(9_000)).await, Invalid::TooLong);
    assert_eq!(rig.issuer.hits().jwks, 0);
}

#[tokio::test]
async fn signed_claims_that_are_not_an_object_of_claims_are_refused() {
    let rig = Rig::start().await;
    for claims in [
        json!([]),
        json!("text"),
        json!({"iss": [rig.issuer.url()]}),
        json!({"exp": "soon"}),
    ] {
        assert_eq!(
            rig.refused(&rig.issuer.ec.sign(&claims)).await,
            Invalid::Malformed,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn a_header_with_critical_extensions_is_refused() {
    let rig = Rig::start().await;
    for value in [json!(["exp"]), json!([]), json!(null)] {
        let token = rig.token_with_header(&rig.issuer.ec, "crit", value);
        assert_eq!(rig.refused(&token).await, Invalid::Critical);
    }
}

#[tokio::test]
async fn a_header_of_another_type_is_refused() {
    let rig = Rig::start().await;
    for typ in ["at+jwt", "application/at+JWT", "jwt"] {
        rig.accepted(&rig.token_with_header(&rig.issuer.ec, "typ", typ.into()))
            .await;
    }
    let token = rig.token_with_header(&rig.issuer.ec, "typ", "dpop+jwt".into());
    assert_eq!(rig.refused(&token).await, Invalid::Type);
}

#[tokio::test]
async fn keys_and_addresses_of_keys_in_a_header_count_for_nothing() {
    let rig = Rig::start().await;
    let attacker = Issuer::start().await;
    let forger = SigningKey::es256("ec-1");
    attacker.publish(&[&forger]);
    for (name, value) in [
        ("jku", json!(attacker.jwks_url())),
        ("x5u", json!(attacker.jwks_url())),
        ("jwk", forger.jwk()),
        ("x5c", json!([encode("certificate")])),
    ] {
        let forged = rig.token_with_header(&forger, name, value.clone());
        assert_eq!(rig.refused(&forged).await, Invalid::Signature, "{name}");
        rig.accepted(&rig.token_with_header(&rig.issuer.ec, name, value))
            .await;
    }
    let as_key_id = rig.token_with_header(&forger, "kid", attacker.jwks_url().into());
    assert_eq!(rig.refused(&as_key_id).await, Invalid::UnknownKey);
    let hits = attacker.hits();
    assert_eq!((hits.discovery, hits.jwks, hits.others), (0, 0, 0));
    assert_eq!(rig.issuer.hits().others, 0);
}
