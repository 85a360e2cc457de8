//! Tokens of a real issuer on loopback, over HTTP: which are taken, which are not, and how often the issuer is asked.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lambent_tests::api::Api;
use lambent_tokens::testing::{Answer, Hits, Issuer, SUBJECT, SigningKey, now};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::callers::{challenge, with_bearer, with_key};

/// An API that takes an issuer's tokens.
struct Rig {
    issuer: Issuer,
    api: Api,
}

impl Rig {
    async fn start() -> Self {
        let issuer = Issuer::start().await;
        let tokens = issuer.config();
        let api = Api::configured(|config| {
            config.callers.tokens = Some(tokens);
            config.callers.token_limits.rate.burst = 1000;
        })
        .await;
        Self { issuer, api }
    }

    /// The claims of a good token, changed; `null` takes one out.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = self.issuer.claims();
        claims["scope"] = "openid analyse".into();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    async fn status(&self, token: &str) -> StatusCode {
        with_bearer(&self.api, token).await.status()
    }

    async fn refused(&self, token: &str, what: &str) {
        let challenge = challenge(with_bearer(&self.api, token).await, what).await;
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{what}: {challenge}"
        );
        let parts = token.split('.').filter(|part| part.len() > 3);
        for part in parts {
            assert!(!challenge.contains(part), "{what}: {challenge}");
        }
    }
}

fn encode(text: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn a_good_token_says_who_calls_and_what_they_may() {
    let rig = Rig::start().await;
    let good = rig.issuer.rsa.sign(&rig.claims(json!({})));
    assert_eq!(rig.status(&good).await, StatusCode::OK);
    let by_ec = rig
        .issuer
        .ec
        .sign(&rig.claims(json!({"scope": null, "scp": ["analyse"]})));
    assert_eq!(rig.status(&by_ec).await, StatusCode::OK);
    for record in rig.api.records(2).await {
        assert_eq!(
            record.caller.as_str(),
            format!("token:{} {SUBJECT}", rig.issuer.url())
        );
    }
    let without = rig.issuer.rsa.sign(&rig.claims(json!({"scope": "openid"})));
    assert_eq!(rig.status(&without).await, StatusCode::FORBIDDEN);
    // A token is no API key, and API keys go on to work.
    challenge(with_key(&rig.api, &good).await, "a token as x-api-key").await;
    assert_eq!(
        with_key(&rig.api, &rig.api.key.reveal()).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_is_not_signed_by_the_issuer_is_refused() {
    let rig = Rig::start().await;
    let claims = rig.claims(json!({}));
    let good = rig.issuer.rsa.sign(&claims);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}")
    };
    let none = encode(json!({"alg": "none", "typ": "JWT"}).to_string());
    let hs256 = encode(json!({"alg": "HS256", "kid": "rsa-1", "typ": "JWT"}).to_string());
    let public_key = rig.issuer.rsa.jwk()["n"].as_str().unwrap().to_owned();
    let as_secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public_key.as_bytes());
    let mac = ring::hmac::sign(&as_secret, format!("{hs256}.{payload}").as_bytes());
    let (first, rest) = signature.split_at(1);
    let other_bit = if first == "A" { "B" } else { "A" };
    let richer = encode(rig.claims(json!({"sub": "admin"})).to_string());
    for (what, token) in [
        ("alg none", format!("{none}.{payload}.")),
        (
            "alg none with a signature",
            format!("{none}.{payload}.{signature}"),
        ),
        (
            "HS256 with the public key",
            format!("{hs256}.{payload}.{}", encode(mac)),
        ),
        ("another key", SigningKey::other_rs256("rsa-1").sign(&claims)),
        ("a bad signature", format!("{header}.{payload}.{other_bit}{rest}")),
        ("no signature", format!("{header}.{payload}.")),
        ("another payload", format!("{header}.{richer}.{signature}")),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("garbage", "garbage".to_owned()),
        ("too long", "a".repeat(10_000)),
        (
            "crit",
            rig.issuer
                .rsa
                .sign_with(&header_with(&rig.issuer.rsa, json!({"crit": ["exp"]})), &claims),
        ),
    ] {
        rig.refused(&token, what).await;
    }
    assert_eq!(rig.api.upstream.counts().requests, 0);
    assert_eq!(rig.status(&good).await, StatusCode::OK);
}

fn header_with(key: &SigningKey, more: Value) -> Value {
    let mut header = key.header();
    for (name, value) in more.as_object().unwrap() {
        header[name] = value.clone();
    }
    header
}

#[tokio::test]
async fn claims_are_all_required_and_have_thirty_seconds_for_clocks_that_are_off() {
    let rig = Rig::start().await;
    for (what, changes, expected) in [
        ("no aud", json!({"aud": null}), 401),
        ("no iss", json!({"iss": null}), 401),
        ("no exp", json!({"exp": null}), 401),
        ("no sub", json!({"sub": null}), 401),
        ("empty sub", json!({"sub": ""}), 401),
        ("wrong aud", json!({"aud": "somebody-else"}), 401),
        ("wrong iss", json!({"iss": "https://issuer.example"}), 401),
        ("expired 31 s ago", json!({"exp": now() - 31}), 401),
        ("expired 10 s ago", json!({"exp": now() - 10}), 200),
        ("valid in a minute", json!({"nbf": now() + 60}), 401),
        ("valid in 10 s", json!({"nbf": now() + 10}), 200),
        (
            "Cognito's form",
            json!({"aud": null, "client_id": "lambent-tests", "token_use": "access"}),
            200,
        ),
        ("Cognito's id token", json!({"token_use": "id"}), 401),
    ] {
        let token = rig.issuer.rsa.sign(&rig.claims(changes));
        let answer = with_bearer(&rig.api, &token).await;
        assert_eq!(
            answer.status().as_u16(),
            expected,
            "{what}: {}",
            answer.text().await.unwrap()
        );
    }
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_keys() {
    let rig = Rig::start().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", elsewhere.local_addr().unwrap());
    let forger = SigningKey::es256("mine");
    let claims = rig.claims(json!({}));
    for header in [
        json!({"jku": url}),
        json!({"jku": url, "kid": null}),
        json!({"x5u": url, "jwk": forger.jwk()}),
        json!({"kid": url}),
        json!({"kid": "../../etc/passwd"}),
    ] {
        let token = forger.sign_with(&header_with(&forger, header.clone()), &claims);
        rig.refused(&token, &header.to_string()).await;
    }
    let visited = tokio::time::timeout(std::time::Duration::from_millis(300), elsewhere.accept()).await;
    assert!(visited.is_err(), "the token's own URL was asked");
}

#[tokio::test]
async fn a_thousand_made_up_key_ids_ask_the_issuer_once_more_at_most() {
    let rig = Rig::start().await;
    assert_eq!(rig.status(&rig.issuer.token("analyse")).await, StatusCode::OK);
    assert_eq!(rig.issuer.hits().jwks, 1);
    let claims = rig.claims(json!({}));
    for n in 0..1000 {
        let header = header_with(&rig.issuer.ec, json!({"kid": format!("made-up-{n}")}));
        let token = rig.issuer.ec.sign_with(&header, &claims);
        assert_eq!(rig.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    let Hits { jwks, .. } = rig.issuer.hits();
    // Where functions are processes, each has its own keys, and on a busy machine there are some of them.
    let are_processes = std::env::var("LAMBENT_TEST_RIG").is_ok_and(|rig| rig == "processes");
    let processes = if are_processes { 10 } else { 1 };
    assert!(jwks <= 2 * processes, "{jwks}");
}

#[tokio::test]
async fn a_new_key_is_found_and_an_issuer_that_is_down_does_not_lock_callers_out() {
    let rig = Rig::start().await;
    let good = rig.issuer.token("analyse");
    assert_eq!(rig.status(&good).await, StatusCode::OK);
    let new = SigningKey::es256("ec-2");
    rig.issuer.publish(&[&rig.issuer.ec, &new]);
    assert_eq!(
        rig.status(&new.sign(&rig.claims(json!({})))).await,
        StatusCode::OK
    );
    rig.issuer.answer(Answer::Status(500));
    assert_eq!(rig.status(&good).await, StatusCode::OK);
    let unknown = SigningKey::es256("ec-3").sign(&rig.claims(json!({})));
    rig.refused(&unknown, "a key that nobody knows").await;
}

#[tokio::test]
async fn without_any_keys_of_the_issuer_it_is_a_503_and_no_way_in() {
    let rig = Rig::start().await;
    rig.issuer.answer(Answer::Status(500));
    let answer = with_bearer(&rig.api, &rig.issuer.token("analyse")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "store_unavailable");
    assert_eq!(
        with_key(&rig.api, &rig.api.key.reveal()).await.status(),
        StatusCode::OK
    );
    assert_eq!(rig.api.upstream.counts().requests, 1);
}
