//! Who may call: every way to show it, and every way to fail.

use std::time::Duration;

use lambent_callers::ApiKey;
use lambent_store::State;
use lambent_tests::{
    api::{Api, report, request},
    database::now_ms,
};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

/// A request that is not made by the API's own client, which always sends a key.
pub(crate) fn posting(api: &Api) -> reqwest::RequestBuilder {
    reqwest::Client::new()
        .post(api.url("/analyse"))
        .json(&request(&report(), "summary", "json"))
}

pub(crate) async fn with_key(api: &Api, key: &str) -> Response {
    posting(api).header("x-api-key", key).send().await.unwrap()
}

pub(crate) async fn with_bearer(api: &Api, token: &str) -> Response {
    posting(api).bearer_auth(token).send().await.unwrap()
}

/// What an answer challenges with. API Gateway renames the header of functions, and so does what stands for it here.
fn challenge_of(answer: &Response) -> Option<String> {
    let names = ["www-authenticate", "x-amzn-remapped-www-authenticate"];
    let value = names.iter().find_map(|name| answer.headers().get(*name))?;
    Some(value.to_str().unwrap().to_owned())
}

/// Asserts a 401 and returns what it challenges with.
pub(crate) async fn challenge(answer: Response, what: &str) -> String {
    let status = answer.status();
    let challenge = challenge_of(&answer);
    let body = answer.text().await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}: {body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["code"], "unauthenticated", "{what}");
    assert!(problem["request_id"].is_string(), "{what}");
    let challenge = challenge.unwrap_or_else(|| panic!("{what}: no WWW-Authenticate"));
    assert!(
        challenge.starts_with("Bearer realm=\"lambent\""),
        "{what}: {challenge}"
    );
    challenge
}

#[tokio::test]
async fn without_usable_credentials_it_is_a_401_that_says_how_to_send_them() {
    let api = Api::start().await;
    let plain = challenge(posting(&api).send().await.unwrap(), "none").await;
    assert_eq!(plain, "Bearer realm=\"lambent\"");
    for authorization in ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Digest x", "sk_1_2"] {
        let sent = posting(&api)
            .header(header::AUTHORIZATION, authorization)
            .send()
            .await
            .unwrap();
        assert_eq!(challenge(sent, authorization).await, plain);
    }
    challenge(with_key(&api, "").await, "empty key").await;
    challenge(with_key(&api, "secret").await, "not a key").await;
    challenge(with_bearer(&api, "a.b.c").await, "a token where none are taken").await;
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_key_is_taken_as_bearer_and_as_x_api_key() {
    let api = Api::start().await;
    let key = api.key.reveal();
    for answer in [with_key(&api, &key).await, with_bearer(&api, &key).await] {
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["ratelimit-policy"], "\"default\";q=100000;w=100");
        assert!(
            answer.headers()["ratelimit"]
                .to_str()
                .unwrap()
                .starts_with("\"default\";r=")
        );
        assert!(
            answer.headers()["x-lambent-cost"]
                .to_str()
                .unwrap()
                .starts_with("tokens=")
        );
    }
    let lower = posting(&api).header(header::AUTHORIZATION, format!("bearer {key}"));
    assert_eq!(lower.send().await.unwrap().status(), StatusCode::OK);
    for record in api.records(3).await {
        assert_eq!(record.caller.as_str(), api.key.id());
    }
}

#[tokio::test]
async fn a_key_that_is_not_quite_right_is_refused() {
    let api = Api::start().await;
    let key = api.key.reveal();
    for at in [0, 3, 12, 19, 20, 50, key.len() - 1] {
        let mut changed = key.clone().into_bytes();
        changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
        let changed = String::from_utf8(changed).unwrap();
        let challenge = challenge(with_key(&api, &changed).await, &at.to_string()).await;
        assert!(!challenge.contains(&changed), "{challenge}");
    }
    // Of the right form, and never made: another id, and another secret for this one.
    let made_up = ApiKey::generate().unwrap();
    challenge(with_key(&api, &made_up.reveal()).await, "made up").await;
    let forged = ApiKey::with_id(api.key.id()).unwrap();
    challenge(with_key(&api, &forged.reveal()).await, "forged").await;
    assert_eq!(with_key(&api, &key).await.status(), StatusCode::OK);
    assert_eq!(api.upstream.counts().requests, 1);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_a_rotated_one_has_two_secrets_for_a_while() {
    let api = Api::start().await;
    let callers = api.store.callers().unwrap();
    let key = api.new_key(|_| {}).await;
    assert_eq!(with_key(&api, &key.reveal()).await.status(), StatusCode::OK);
    let new = ApiKey::with_id(key.id()).unwrap();
    let until = now_ms() + 1500;
    assert!(
        callers
            .rotate_key(key.id(), &new.hash(&api.pepper), until)
            .await
            .unwrap()
    );
    for key in [&key, &new] {
        assert_eq!(with_key(&api, &key.reveal()).await.status(), StatusCode::OK);
    }
    tokio::time::sleep(Duration::from_millis(1600)).await;
    challenge(with_key(&api, &key.reveal()).await, "old secret").await;
    assert_eq!(with_key(&api, &new.reveal()).await.status(), StatusCode::OK);
    assert!(callers.revoke_key(key.id(), now_ms()).await.unwrap());
    challenge(with_key(&api, &new.reveal()).await, "revoked").await;
}

#[tokio::test]
async fn a_caller_without_the_scope_is_forbidden_before_the_body_is_read() {
    let api = Api::start().await;
    let key = api
        .new_key(|key| key.scopes = vec!["something-else".to_owned()])
        .await;
    let sent = reqwest::Client::new()
        .post(api.url("/analyse"))
        .header("x-api-key", key.reveal())
        .body("not JSON");
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        challenge_of(&answer).as_deref(),
        Some("Bearer realm=\"lambent\", error=\"insufficient_scope\", scope=\"analyse\"")
    );
    assert_eq!(
        answer.json::<Value>().await.unwrap()["code"],
        "insufficient_scope"
    );
    let record = &api.records(1).await[0];
    assert_eq!((record.status, record.state), (Some(403), State::Error));
}

#[tokio::test]
async fn what_is_public_asks_for_nothing() {
    let api = Api::start().await;
    for path in ["/health", "/docs", "/redoc", "/openapi.json"] {
        let answer = reqwest::get(api.url(path)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(answer.headers().get("ratelimit").is_none(), "{path}");
    }
}

#[tokio::test]
async fn a_preflight_allows_every_header() {
    let api = Api::with(|_, service| service.cors_origins = lambent_service::CorsOrigins::Any).await;
    let sent = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, api.url("/analyse"))
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,x-api-key,x-stainless-lang",
        );
    let answer = sent.send().await.unwrap();
    assert!(answer.status().is_success());
    // A browser does not take the first for one of all.
    assert_eq!(
        answer.headers()["access-control-allow-headers"],
        "authorization,*"
    );
}
