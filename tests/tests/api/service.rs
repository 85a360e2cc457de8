//! What every route has: request ids, CORS, the routes that ask no model.

use http::HeaderValue;
use lambent_service::CorsOrigins;
use lambent_tests::api::{Api, request};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn health_says_that_it_is_there() {
    let api = Api::start().await;
    let answer = api.get("/health").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})
    );
}

#[tokio::test]
async fn a_usable_request_id_is_kept_and_any_other_replaced() {
    let api = Api::start().await;
    let asked = |id: &str| {
        let posted = api.posting(
            "/analyse/stream",
            &request("A text that is long enough.", "summary", "markdown"),
        );
        let id = HeaderValue::from_str(id).unwrap();
        async { posted.header("x-request-id", id).send().await.unwrap().headers()["x-request-id"].clone() }
    };
    assert_eq!(asked("my-own_id-7").await, "my-own_id-7");
    for unusable in ["with space", "a;b", &"x".repeat(129)] {
        let id = asked(unusable).await;
        assert_eq!(id.len(), 36, "{unusable} became {id:?}");
    }
}

#[tokio::test]
async fn without_configuration_no_origin_may_read() {
    let api = Api::start().await;
    let answer = api
        .client
        .get(api.url("/health"))
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert!(answer.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn a_configured_origin_may_read_answers_and_errors() {
    let origin = HeaderValue::from_static("https://app.example");
    let allowed = origin.clone();
    let api = Api::with(|_, service| service.cors_origins = CorsOrigins::List(vec![allowed])).await;
    let with_origin = |request: reqwest::RequestBuilder, origin: &HeaderValue| {
        let request = request.header("origin", origin);
        async { request.send().await.unwrap() }
    };
    let refused = with_origin(api.posting("/analyse", &json!({})), &origin).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.headers()["access-control-allow-origin"], origin);
    let exposed = refused.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        exposed.contains("x-request-id") && exposed.contains("retry-after"),
        "{exposed}"
    );

    let preflight = api
        .client
        .request(Method::OPTIONS, api.url("/analyse"))
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let preflight = with_origin(preflight, &origin).await;
    assert_eq!(preflight.status(), StatusCode::OK);
    assert_eq!(preflight.headers()["access-control-allow-origin"], origin);
    assert!(
        preflight.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("POST")
    );

    let other = HeaderValue::from_static("https://other.example");
    let answer = with_origin(api.client.get(api.url("/health")), &other).await;
    assert!(answer.headers().get("access-control-allow-origin").is_none());
}
