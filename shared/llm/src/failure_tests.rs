use reqwest::header::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn retry_after_is_read_in_all_its_forms() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
    let read = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs), now);
    assert_eq!(read(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(read(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
    assert_eq!(
        read(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
        Some(Duration::from_secs(10))
    );
    assert_eq!(
        read(&[("retry-after", "30"), ("retry-after-ms", "250")]),
        Some(Duration::from_millis(250))
    );
    for unusable in ["-1", "NaN", "soon", "Sun, 06 Nov 1994 08:49:27 GMT", "1e300"] {
        assert_eq!(read(&[("retry-after", unusable)]), None, "{unusable}");
    }
    assert_eq!(read(&[]), None);
}

#[test]
fn statuses_mean_what_they_mean() {
    let kind = |status, pairs: &[(&'static str, &'static str)], body| {
        let failure = of_status(status, &headers(pairs), body);
        (failure.error.kind.name(), failure.retryable)
    };
    assert_eq!(kind(500, &[], "<html>"), ("upstream", true));
    assert_eq!(kind(503, &[], ""), ("upstream", true));
    assert_eq!(kind(503, &[("retry-after", "2")], ""), ("rate_limited", true));
    assert_eq!(kind(529, &[], ""), ("rate_limited", true));
    assert_eq!(kind(429, &[], ""), ("rate_limited", true));
    assert_eq!(
        kind(429, &[("x-should-retry", "false")], ""),
        ("rate_limited", false)
    );
    assert_eq!(
        kind(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#),
        ("configuration", false)
    );
    for status in [401, 403, 404] {
        assert_eq!(kind(status, &[], ""), ("configuration", false));
    }
    assert_eq!(
        kind(400, &[], r#"{"error":{"message":"no"}}"#),
        ("upstream", false)
    );
    for misconfigured in [
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access it."}}"#,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass one.","status":"INVALID_ARGUMENT"}}]"#,
        r#"[{"error":{"code":400,"message":"No.","details":[{"@type":"x"},{"reason":"API_KEY_INVALID"}]}}]"#,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x***y."}"#,
        r#"{"message":"The provided model identifier is invalid."}"#,
    ] {
        assert_eq!(
            kind(400, &[], misconfigured),
            ("configuration", false),
            "{misconfigured}"
        );
    }
    assert_eq!(kind(307, &[], ""), ("upstream", false));
}

#[test]
fn every_providers_word_for_too_long_is_known() {
    let bodies = [
        r#"{"error":{"message":"...","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 250000 tokens > 200000"}}"#,
        r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens","status":"INVALID_ARGUMENT"}}"#,
        r#"{"message":"Input is too long for requested model."}"#,
        r#"{"message":"400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9279 "}"#,
        r#"{"message":"Malformed input request: expected maxLength: 50000, actual: 52611, please reformat your input and try again."}"#,
        r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"the request exceeds the available context size"}}"#,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","code":400}"#,
    ];
    for body in bodies {
        let failure = of_status(400, &HeaderMap::new(), body);
        assert_eq!(failure.error.kind.name(), "context_exceeded", "{body}");
    }
}

#[test]
fn nothing_of_a_body_is_in_the_error() {
    let error = genai::Error::HttpError {
        status: reqwest::StatusCode::BAD_GATEWAY,
        canonical_reason: String::new(),
        body: "secret-of-the-provider".to_owned(),
        headers: Box::default(),
    };
    let error = classify(error).error;
    assert!(!format!("{error} {error:?}").contains("secret-of-the-provider"));
    assert!(error.to_string().contains("502"));
}
