//! Requests that are refused, on every route alike.

use lambent_tests::api::{Api, request};
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

/// The problem that an answer holds: of the right media type, and naming the request as its header does.
async fn problem(answer: Response) -> Value {
    let status = answer.status().as_u16();
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(header("content-type"), "application/problem+json");
    let id = header("x-request-id");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (problem["status"].as_u64(), problem["request_id"].as_str()),
        (Some(status.into()), Some(id.as_str()))
    );
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| !detail.is_empty())
    );
    problem
}

fn violations(problem: &Value) -> Vec<(&str, &str)> {
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["code"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_violation_is_in_one_answer_with_its_pointer() {
    let api = Api::start().await;
    for path in ["/analyse", "/analyse/stream"] {
        let answer = api
            .post(
                path,
                &json!({"text": "nine char", "analysis_type": "x", "max_findings": 0}),
            )
            .await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let told = problem(answer).await;
        assert_eq!(
            violations(&told),
            [
                ("/analysis_type", "not_one_of"),
                ("/max_findings", "too_small"),
                ("/text", "too_short"),
                ("/text", "wrong_form"),
            ]
        );
        let answer = api
            .post(
                path,
                &json!({"text": "nine char", "max_findings": 0, "output_format": "xml"}),
            )
            .await;
        assert_eq!(
            violations(&problem(answer).await),
            [
                ("/analysis_type", "missing"),
                ("/max_findings", "too_small"),
                ("/output_format", "not_one_of"),
                ("/text", "too_short"),
                ("/text", "wrong_form"),
            ]
        );
    }
    assert_eq!(api.upstream.counts().requests, 0);
}

#[tokio::test]
async fn white_space_around_too_little_text_is_refused_in_the_field_s_words() {
    let api = Api::start().await;
    let answer = api
        .post(
            "/analyse",
            &request("          nine char          ", "summary", "json"),
        )
        .await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        problem(answer).await["errors"],
        json!([{"pointer": "/text", "detail": "Text must contain meaningful content", "code": "wrong_form"}])
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400() {
    let api = Api::start().await;
    for body in ["{", "", "{\"text\": \"hunter2\" \"hunter2\"}"] {
        let posted = api
            .client
            .post(api.url("/analyse"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        let answer = posted.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let told = problem(answer).await;
        assert_eq!(told["code"], "invalid_json");
        assert!(!told.to_string().contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let api = Api::start().await;
    // Over the function's own limit, and over the gateway's.
    for mebibytes in [2, 11] {
        let body = json!({"text": "x".repeat(mebibytes * 1024 * 1024), "analysis_type": "summary"});
        let answer = api.post("/analyse", &body).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(problem(answer).await["code"], "payload_too_large");
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let api = Api::start().await;
    let post = |bytes: usize| {
        let mut body = request("A text that is long enough.", "summary", "json").to_string();
        body.push_str(&" ".repeat(bytes - body.len()));
        let posted = api
            .client
            .post(api.url("/analyse"))
            .header(header::CONTENT_TYPE, "application/json");
        async move { posted.body(body).send().await.unwrap().status() }
    };
    assert_eq!(post(1024 * 1024).await, StatusCode::OK);
    assert_eq!(post(1024 * 1024 + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_415() {
    let api = Api::start().await;
    let body = request("A text that is long enough.", "summary", "json").to_string();
    for media_type in [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        None,
    ] {
        let mut posted = api.client.post(api.url("/analyse")).body(body.clone());
        if let Some(media_type) = media_type {
            posted = posted.header(header::CONTENT_TYPE, media_type);
        }
        let answer = posted.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(problem(answer).await["code"], "unsupported_media_type");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_another_method_405() {
    let api = Api::start().await;
    let answer = api.get("/nothing").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(answer).await["code"], "not_found");
    let answer = api.get("/analyse").await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers()[header::ALLOW], "POST");
    assert_eq!(problem(answer).await["code"], "method_not_allowed");
}
