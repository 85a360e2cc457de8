//! The three routes, without a socket. The request log is unreachable, which no caller notices.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use axum::{body::Body, response::Response};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use lambent_schema::openapi;
use lambent_service::{Service, ServiceConfig};
use lambent_store::{Store, StoreConfig};
use tower::ServiceExt;

async fn get(path: &str, if_none_match: Option<&HeaderValue>) -> Response {
    let store = Store::connect(&StoreConfig::local("http://127.0.0.1:9"));
    let service = Service::new(ServiceConfig::default(), store.requests());
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(tag) = if_none_match {
        request.headers_mut().insert(header::IF_NONE_MATCH, tag.clone());
    }
    docs::router(&service).oneshot(request).await.unwrap()
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
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("connect-src 'self'") && policy.contains("script-src 'sha256-"),
            "{policy}"
        );

        let html = text(page).await;
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
async fn what_the_client_has_is_not_sent_again() {
    for path in ["/docs", "/redoc", "/openapi.json"] {
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
