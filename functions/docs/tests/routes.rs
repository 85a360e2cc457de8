//! The three routes, without a socket. The request log is unreachable, which no caller notices.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use axum::{body::Body, response::Response};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use lambent_schema::{asyncapi, openapi};
use lambent_service::{Service, ServiceConfig};
use lambent_store::{Store, StoreConfig};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt;

async fn get(path: &str, if_none_match: Option<&HeaderValue>) -> Response {
    let store = Store::connect(&StoreConfig::local("http://127.0.0.1:9"));
    let service = Service::new(ServiceConfig::default(), store.requests());
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(tag) = if_none_match {
        request.headers_mut().insert(header::IF_NONE_MATCH, tag.clone());
    }
    docs::router(&service, None).oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn both_pages_are_html_that_takes_the_document_from_beside_them() {
    for (path, library) in [("/docs", "SwaggerUIBundle({"), ("/redoc", "Redoc.init(")] {
        let page = get(path, None).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(policy.contains("connect-src 'self'"), "{policy}");

        let html = text(page).await;
        let (mut own_scripts, mut rest) = (Vec::new(), &*html);
        while let Some((_, script)) = rest.split_once("<script>") {
            let (script, after) = script.split_once("</script>").unwrap();
            own_scripts.push(format!(
                "'sha256-{}'",
                BASE64_STANDARD.encode(Sha256::digest(script))
            ));
            rest = after;
        }
        assert!(!own_scripts.is_empty(), "{path} has no script");
        let allowed = policy
            .split("; ")
            .find_map(|rule| rule.strip_prefix("script-src "));
        assert_eq!(allowed, Some(&*own_scripts.join(" ")), "{path}");
        let (_, call) = html.rsplit_once(library).expect("the page starts its library");
        let call = call.replace('\'', "\"");
        assert!(call.contains("\"openapi.json\""), "{path}: {call}");
        assert!(
            html.contains("<title>Lambent API</title>")
                && html.contains("<link rel=\"icon\" href=\"data:,\">")
        );
        assert!(!html.contains("cdn."), "{path} loads something from another host");
    }
}

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let document = get("/openapi.json", None).await;
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(document.headers()[header::CACHE_CONTROL], "no-cache");
    let body = text(document).await;
    assert_eq!(body, openapi::document_text());
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        openapi::document()
    );
}

#[tokio::test]
async fn the_document_of_the_socket_is_the_committed_one() {
    let document = get("/asyncapi.json", None).await;
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(text(document).await, asyncapi::document_text());
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    for path in [
        "/docs",
        "/redoc",
        "/openapi.json",
        "/asyncapi.json",
        "/oauth2-redirect.html",
    ] {
        let etag = get(path, None).await.headers()[header::ETAG].clone();
        let weak = HeaderValue::try_from(format!("\"other\", W/{}", etag.to_str().unwrap())).unwrap();
        for known in [&etag, &weak, &HeaderValue::from_static("*")] {
            let answer = get(path, Some(known)).await;
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{path} {known:?}");
            assert_eq!(answer.headers()[header::ETAG], etag);
            assert_eq!(text(answer).await, "");
        }
        let answer = get(path, Some(&HeaderValue::from_static("\"other\""))).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
}
