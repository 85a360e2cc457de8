//! What happens when the issuer does not answer, or answers something else than its keys.

use std::time::{Duration, Instant};

use lambent_tokens::testing::{Answer, Hits, Issuer};
use lambent_tokens::{FetchError, Invalid, TokenError, Tokens};
use serde_json::json;

use crate::{MINUTE, Rig, pass};

async fn unavailable(tokens: &Tokens, token: &str) -> String {
    match tokens.verify(token).await {
        Err(TokenError::Unavailable(error)) => error.to_string(),
        other => panic!("expected no keys, got {other:?}"),
    }
}

#[tokio::test]
async fn keys_from_before_serve_on_while_the_issuer_is_down() {
    let rig = Rig::start().await;
    let token = rig.issuer.token("");
    rig.accepted(&token).await;
    rig.issuer.answer(Answer::Status(503));
    for hours in 1..=3 {
        pass(60 * MINUTE).await;
        for _ in 0..10 {
            rig.accepted(&token).await;
        }
        assert_eq!(rig.issuer.hits().discovery, 1 + hours);
    }
    // The next attempt is 30 seconds after the last one.
    rig.issuer.answer(Answer::Documents);
    pass(Duration::from_secs(25)).await;
    rig.accepted(&token).await;
    assert_eq!(rig.issuer.hits().jwks, 1);
    pass(Duration::from_secs(5)).await;
    rig.accepted(&token).await;
    assert_eq!(rig.issuer.hits().jwks, 2);
}

#[tokio::test]
async fn an_unknown_key_is_refused_while_the_issuer_is_down() {
    let rig = Rig::start().await;
    rig.accepted(&rig.issuer.token("")).await;
    rig.issuer.answer(Answer::Status(500));
    for number in 0..10 {
        let token = rig.token_with_header(&rig.issuer.ec, "kid", format!("key-{number}").into());
        assert_eq!(rig.refused(&token).await, Invalid::UnknownKey);
    }
    assert_eq!(rig.issuer.hits().discovery, 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_from_the_start_is_no_fault_of_the_token() {
    let rig = Rig::start().await;
    rig.issuer.answer(Answer::Status(503));
    let token = rig.issuer.token("");
    let error = unavailable(&rig.tokens, &token).await;
    assert_eq!(error, "the issuer answered with status 503");
    rig.issuer.answer(Answer::Documents);
    pass(Duration::from_secs(1)).await;
    rig.accepted(&token).await;
}

#[tokio::test]
async fn nobody_listening_is_unavailable_too() {
    let issuer = Issuer::start().await;
    let (config, token) = (issuer.config(), issuer.token(""));
    drop(issuer);
    tokio::task::yield_now().await;
    let error = unavailable(&Tokens::new(config).unwrap(), &token).await;
    assert_eq!(error, "the request to the issuer failed");
}

#[tokio::test]
async fn a_silent_issuer_is_waited_for_three_seconds_and_by_all_at_once() {
    let rig = Rig::start().await;
    rig.issuer.answer(Answer::Silence);
    let token = rig.issuer.token("");
    let started = Instant::now();
    let verifications: Vec<_> = (0..10)
        .map(|_| {
            let (tokens, token) = (rig.tokens.clone(), token.clone());
            tokio::spawn(async move { unavailable(&tokens, &token).await })
        })
        .collect();
    for verification in verifications {
        assert_eq!(verification.await.unwrap(), "the issuer did not answer in time");
    }
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(rig.issuer.hits().discovery, 1);
}

#[tokio::test]
async fn a_verification_that_is_given_up_leaves_the_fetch_to_the_next_one() {
    let rig = Rig::start().await;
    rig.issuer.answer(Answer::Silence);
    let token = rig.issuer.token("");
    let given_up = tokio::time::timeout(Duration::from_millis(100), rig.tokens.verify(&token)).await;
    assert!(given_up.is_err());
    rig.issuer.answer(Answer::Documents);
    rig.accepted(&token).await;
}

#[tokio::test]
async fn what_is_no_key_set_is_unavailable() {
    let rig = Rig::start().await;
    let padded = format!(
        r#"{{"keys":[{}],"padding":"{}"}}"#,
        rig.issuer.ec.jwk(),
        "a".repeat(256 * 1024)
    );
    for (text, reason) in [
        ("<html>".to_owned(), "the issuer's answer is malformed"),
        (
            json!({"keys": []}).to_string(),
            "the issuer has no key that can be used",
        ),
        (
            json!({"keys": vec![rig.issuer.ec.jwk(); 101]}).to_string(),
            "the issuer has too many keys",
        ),
        (padded, "the issuer's answer is too long"),
    ] {
        rig.issuer.publish_text(text);
        assert_eq!(unavailable(&rig.tokens, &rig.issuer.token("")).await, reason);
        pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_discovery_document_is_held_to_its_issuer_and_to_trusted_addresses() {
    let rig = Rig::start().await;
    let (url, keys) = (rig.issuer.url(), rig.issuer.jwks_url());
    for (document, reason) in [
        (
            json!({"issuer": format!("{url}/"), "jwks_uri": keys}),
            "the discovery document names another issuer",
        ),
        (
            json!({"issuer": url, "jwks_uri": "http://keys.example/jwks"}),
            "the discovery document names a key set that may not be trusted",
        ),
        (json!({"issuer": url}), "the issuer's answer is malformed"),
    ] {
        rig.issuer.publish_discovery(document.to_string());
        assert_eq!(unavailable(&rig.tokens, &rig.issuer.token("")).await, reason);
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(
        rig.issuer.hits(),
        Hits {
            discovery: 3,
            jwks: 0,
            others: 0
        }
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let rig = Rig::start().await;
    rig.issuer.answer(Answer::Status(302));
    let error = rig.tokens.verify(&rig.issuer.token("")).await.unwrap_err();
    let TokenError::Unavailable(error) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(*error, FetchError::Status(302)));
    assert_eq!(rig.issuer.hits().others, 0);
}
