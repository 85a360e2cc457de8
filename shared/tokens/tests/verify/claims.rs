//! Claims: which must be there, whom they must name, and when they hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambent_tokens::Invalid;
use lambent_tokens::testing::{AUDIENCE, SUBJECT, now};
use serde_json::{Value, json};

use crate::Rig;

#[tokio::test]
async fn a_token_without_one_of_the_required_claims_is_refused() {
    let rig = Rig::start().await;
    for claim in ["aud", "iss", "exp", "sub"] {
        let without = rig.token_with(|claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_eq!(rig.refused(&without).await, Invalid::MissingClaim(claim));
        let null = rig.token_with(|claims| claims[claim] = Value::Null);
        assert_eq!(rig.refused(&null).await, Invalid::MissingClaim(claim));
    }
    let without_time_of_issue = rig.token_with(|claims| {
        claims.as_object_mut().unwrap().remove("iat");
    });
    rig.accepted(&without_time_of_issue).await;
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let rig = Rig::start().await;
    for audience in [
        json!("other"),
        json!([]),
        json!(["other"]),
        json!(""),
        json!("LAMBENT-TESTS"),
    ] {
        let token = rig.token_with(|claims| claims["aud"] = audience.clone());
        assert_eq!(rig.refused(&token).await, Invalid::Audience, "{audience}");
    }
    for audience in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        rig.accepted(&rig.token_with(|claims| claims["aud"] = audience))
            .await;
    }
}

#[tokio::test]
async fn one_of_several_audiences_is_enough() {
    let rig = Rig::start_with(|config| config.audiences.push("second".to_owned())).await;
    rig.accepted(&rig.token_with(|claims| claims["aud"] = "second".into()))
        .await;
    rig.accepted(&rig.issuer.token("")).await;
}

#[tokio::test]
async fn a_token_that_names_another_issuer_is_refused() {
    let rig = Rig::start().await;
    let url = rig.issuer.url();
    for issuer in [
        format!("{url}/"),
        url.to_uppercase(),
        "https://issuer.example".to_owned(),
        String::new(),
    ] {
        let token = rig.token_with(|claims| claims["iss"] = issuer.into());
        assert_eq!(rig.refused(&token).await, Invalid::Issuer);
    }
}

#[tokio::test]
async fn an_empty_subject_is_refused() {
    let rig = Rig::start().await;
    let token = rig.token_with(|claims| claims["sub"] = "".into());
    assert_eq!(rig.refused(&token).await, Invalid::EmptySubject);
}

#[tokio::test]
async fn a_token_ends_thirty_seconds_after_it_expires() {
    let rig = Rig::start().await;
    let ended = |seconds: u64| rig.token_with(|claims| claims["exp"] = (now() - seconds).into());
    rig.accepted(&ended(10)).await;
    assert_eq!(rig.refused(&ended(31)).await, Invalid::Expired);
    let fraction = rig.token_with(|claims| claims["exp"] = (now() as f64 - 31.9).into());
    assert_eq!(rig.refused(&fraction).await, Invalid::Expired);
    let at_the_beginning = rig.token_with(|claims| claims["exp"] = 0.into());
    assert_eq!(rig.refused(&at_the_beginning).await, Invalid::Expired);
    let never = rig.token_with(|claims| claims["exp"] = u64::MAX.into());
    assert_eq!(rig.accepted(&never).await.expires_at, u64::MAX);
}

#[tokio::test]
async fn a_token_begins_thirty_seconds_before_it_is_valid() {
    let rig = Rig::start().await;
    // Fetches the keys, so that the next tokens are verified as soon as they are made.
    rig.accepted(&rig.issuer.token("")).await;
    let begins = |seconds: u64| rig.token_with(|claims| claims["nbf"] = (now() + seconds).into());
    rig.accepted(&begins(10)).await;
    early_in_a_second().await;
    assert_eq!(rig.refused(&begins(31)).await, Invalid::NotYetValid);
    let malformed = rig.token_with(|claims| claims["nbf"] = "later".into());
    assert_eq!(rig.refused(&malformed).await, Invalid::Malformed);
}

/// Times in tokens are whole seconds: a token that is made at the end of one is verified in the next.
async fn early_in_a_second() {
    let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let fraction = Duration::from_nanos(past.subsec_nanos().into());
    if fraction > Duration::from_millis(500) {
        tokio::time::sleep(Duration::from_secs(1) - fraction).await;
    }
}

#[tokio::test]
async fn cognito_s_access_tokens_name_their_client_instead_of_an_audience() {
    let rig = Rig::start_with(|config| config.scope_prefix = Some("lambent/".to_owned())).await;
    let cognito = |token_use: &str, client: &str| {
        json!({
            "iss": rig.issuer.url(), "sub": SUBJECT, "exp": now() + 3600, "iat": now(), "auth_time": now(),
            "token_use": token_use, "client_id": client, "version": 2, "jti": "1", "username": SUBJECT,
            "scope": "lambent/analyse lambent/embed openid",
        })
    };
    let sign = |claims: Value| rig.issuer.rsa.sign(&claims);
    let identity = rig.accepted(&sign(cognito("access", AUDIENCE))).await;
    assert_eq!(identity.scopes, ["analyse", "embed"]);
    assert_eq!(
        rig.refused(&sign(cognito("access", "other"))).await,
        Invalid::Audience
    );
    assert_eq!(
        rig.refused(&sign(cognito("id", AUDIENCE))).await,
        Invalid::NotAccessToken
    );
}

#[tokio::test]
async fn an_id_token_is_refused_though_it_is_for_the_right_audience() {
    let rig = Rig::start().await;
    let token = rig.token_with(|claims| claims["token_use"] = "id".into());
    assert_eq!(rig.refused(&token).await, Invalid::NotAccessToken);
}

#[tokio::test]
async fn scopes_come_from_scope_or_scp() {
    let rig = Rig::start().await;
    for (claim, value) in [
        ("scope", json!("analyse embed")),
        ("scp", json!("analyse embed")),
        ("scp", json!(["analyse", "embed"])),
    ] {
        let token = rig.token_with(|claims| claims[claim] = value.clone());
        assert_eq!(
            rig.accepted(&token).await.scopes,
            ["analyse", "embed"],
            "{claim} {value}"
        );
    }
}
