//! How often the issuer is asked for its keys.

use std::time::Duration;

use lambent_tokens::testing::{Issuer, SigningKey};
use lambent_tokens::{Invalid, TokenError, Tokens};

use crate::{MINUTE, Rig, pass};

#[tokio::test]
async fn keys_are_fetched_for_the_first_token_and_kept_for_an_hour() {
    let rig = Rig::start().await;
    let token = rig.issuer.token("");
    assert_eq!((rig.issuer.hits().discovery, rig.issuer.hits().jwks), (0, 0));
    for _ in 0..3 {
        rig.accepted(&token).await;
    }
    pass(59 * MINUTE).await;
    rig.accepted(&token).await;
    assert_eq!((rig.issuer.hits().discovery, rig.issuer.hits().jwks), (1, 1));
    pass(MINUTE).await;
    rig.accepted(&token).await;
    rig.accepted(&token).await;
    assert_eq!((rig.issuer.hits().discovery, rig.issuer.hits().jwks), (2, 2));
}

#[tokio::test]
async fn a_key_that_the_issuer_has_withdrawn_is_refused_after_an_hour() {
    let rig = Rig::start().await;
    let token = rig.issuer.rsa.sign(&rig.issuer.claims());
    rig.accepted(&token).await;
    rig.issuer.publish(&[&rig.issuer.ec]);
    pass(60 * MINUTE).await;
    assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
}

#[tokio::test]
async fn a_configured_key_set_spares_the_discovery() {
    let issuer = Issuer::start().await;
    let mut config = issuer.config();
    config.jwks_url = Some(issuer.jwks_url());
    let tokens = Tokens::new(config).unwrap();
    tokens.verify(&issuer.token("")).await.unwrap();
    assert_eq!((issuer.hits().discovery, issuer.hits().jwks), (0, 1));
}

#[tokio::test]
async fn clones_and_concurrent_verifications_share_one_fetch() {
    let rig = Rig::start().await;
    let token = rig.issuer.token("");
    let verifications: Vec<_> = (0..50)
        .map(|_| {
            let (tokens, token) = (rig.tokens.clone(), token.clone());
            tokio::spawn(async move { tokens.verify(&token).await })
        })
        .collect();
    for verification in verifications {
        verification.await.unwrap().unwrap();
    }
    assert_eq!(rig.issuer.hits().jwks, 1);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cost_one_fetch() {
    let rig = Rig::start().await;
    rig.accepted(&rig.issuer.token("")).await;
    let token = |number: usize| rig.token_with_header(&rig.issuer.ec, "kid", format!("key-{number}").into());
    for number in 0..1_000 {
        assert_eq!(rig.refused(&token(number)).await, Invalid::UnknownKey);
    }
    assert_eq!(rig.issuer.hits().jwks, 2);
    pass(5 * MINUTE).await;
    for number in 1_000..1_010 {
        assert_eq!(rig.refused(&token(number)).await, Invalid::UnknownKey);
    }
    assert_eq!(rig.issuer.hits().jwks, 3);
    rig.accepted(&rig.issuer.token("")).await;
}

#[tokio::test]
async fn a_thousand_unknown_keys_at_once_cost_one_fetch_too() {
    let rig = Rig::start().await;
    let verifications: Vec<_> = (0..1_000)
        .map(|number| {
            let token = rig.token_with_header(&rig.issuer.ec, "kid", format!("key-{number}").into());
            let tokens = rig.tokens.clone();
            tokio::spawn(async move { tokens.verify(&token).await })
        })
        .collect();
    for verification in verifications {
        let refused = verification.await.unwrap();
        assert!(matches!(refused, Err(TokenError::Invalid(Invalid::UnknownKey))));
    }
    assert!(rig.issuer.hits().jwks <= 2, "{:?}", rig.issuer.hits());
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_the_next_one_five_minutes_later() {
    let rig = Rig::start().await;
    rig.accepted(&rig.issuer.token("")).await;
    let (second, third) = (SigningKey::es256("ec-2"), SigningKey::es256("ec-3"));
    rig.issuer.publish(&[&rig.issuer.ec, &second]);
    rig.accepted(&second.sign(&rig.issuer.claims())).await;

    rig.issuer.publish(&[&second, &third]);
    let token = third.sign(&rig.issuer.claims());
    assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
    pass(5 * MINUTE - Duration::from_secs(5)).await;
    assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
    assert_eq!(rig.issuer.hits().jwks, 2);
    pass(Duration::from_secs(5)).await;
    rig.accepted(&token).await;
    assert_eq!(rig.issuer.hits().jwks, 3);
    // The first key is gone from the set, and with it from here.
    assert_eq!(rig.refused(&rig.issuer.token("")).await, Invalid::UnknownKey);
}

#[tokio::test]
async fn a_token_without_a_key_name_is_verified_with_the_only_key_that_fits() {
    let rig = Rig::start().await;
    let mut header = rig.issuer.ec.header();
    header.as_object_mut().unwrap().remove("kid");
    let token = rig.issuer.ec.sign_with(&header, &rig.issuer.claims());
    rig.accepted(&token).await;
    rig.issuer.publish(&[&rig.issuer.ec, &SigningKey::es256("ec-2")]);
    pass(60 * MINUTE).await;
    assert_eq!(rig.refused(&token).await, Invalid::AmbiguousKey);
}
