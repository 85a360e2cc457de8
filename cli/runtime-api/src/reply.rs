//! What a function answers, as the HTTP response that API Gateway makes of it.

use axum::body::Body as HttpBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    function::InvokeError,
    runtime::{Answer, Body},
};

/// What ends the prelude of a streamed answer.
const DELIMITER: [u8; 8] = [0; 8];
/// A prelude that goes on for longer is none.
const MAX_PRELUDE_BYTES: usize = 64 * 1024;

/// The members of an answer that say what the response is. Those of a prelude are a part of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response. Resolves when its head is here; a streamed body goes on as it comes.
///
/// # Errors
/// The answer is none that API Gateway understands: there it is a 502.
pub async fn into_response(answer: Answer) -> Result<Response<HttpBody>, InvokeError> {
    match answer {
        Answer::Whole(answer) => whole(&answer),
        Answer::Streamed(body) => streamed(body).await,
    }
}

fn whole(answer: &[u8]) -> Result<Response<HttpBody>, InvokeError> {
    let mut head = head(answer)?;
    let body = head.body.take().unwrap_or_default();
    let body = if head.is_base64_encoded {
        BASE64
            .decode(body)
            .map_err(|_| malformed("its body is not base64"))?
    } else {
        body.into_bytes()
    };
    response(head, HttpBody::from(body))
}

async fn streamed(mut body: Body) -> Result<Response<HttpBody>, InvokeError> {
    let mut read = BytesMut::new();
    let end = loop {
        if let Some(end) = read
            .windows(DELIMITER.len())
            .position(|window| window == DELIMITER)
        {
            break end;
        }
        match body.next().await {
            Some(Ok(piece)) if read.len() <= MAX_PRELUDE_BYTES => read.extend_from_slice(&piece),
            _ => return Err(malformed("its prelude does not end")),
        }
    };
    let head = head(&read[..end])?;
    let rest = read.freeze().slice(end + DELIMITER.len()..);
    let first = (!rest.is_empty()).then_some(Ok::<Bytes, std::io::Error>(rest));
    response(head, HttpBody::from_stream(stream::iter(first).chain(body)))
}

fn head(json: &[u8]) -> Result<Head, InvokeError> {
    serde_json::from_slice(json).map_err(|error| malformed(&error.to_string()))
}

fn response(head: Head, body: HttpBody) -> Result<Response<HttpBody>, InvokeError> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(head.status_code).map_err(|_| malformed("it has no valid statusCode"))?;
    let headers = response.headers_mut();
    let single = head.headers.unwrap_or_default();
    let multiple = head.multi_value_headers.unwrap_or_default();
    // A header that is in both counts as it is in multiValueHeaders.
    let single = single
        .into_iter()
        .filter(|(name, _)| !multiple.contains_key(name));
    for (name, value) in single.chain(multiple.clone()) {
        add(headers, &name, &value)?;
    }
    for cookie in head.cookies.unwrap_or_default() {
        add(headers, "set-cookie", &Value::String(cookie))?;
    }
    Ok(response)
}

fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), InvokeError> {
    let wrong = |_| malformed(&format!("its header {name:?} is not valid"));
    // The server frames the body itself.
    if ["connection", "content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    // API Gateway keeps this name for itself.
    let name = if name.eq_ignore_ascii_case("www-authenticate") {
        "x-amzn-remapped-www-authenticate"
    } else {
        name
    };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(()))?;
    let values = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    for value in values {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        headers.append(&header, HeaderValue::from_str(&text).map_err(|_| wrong(()))?);
    }
    Ok(())
}

fn malformed(why: &str) -> InvokeError {
    InvokeError::Malformed(why.to_owned())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    async fn read(answer: Value) -> Result<(StatusCode, HeaderMap, Bytes), InvokeError> {
        let response = into_response(Answer::Whole(answer.to_string().into())).await?;
        let (parts, body) = response.into_parts();
        Ok((
            parts.status,
            parts.headers,
            body.collect().await.unwrap().to_bytes(),
        ))
    }

    #[tokio::test]
    async fn a_whole_answer_becomes_a_response() {
        let (status, headers, body) = read(json!({
            "statusCode": 401,
            "headers": {"content-type": "text/plain", "x-twice": "lost", "www-authenticate": "Bearer"},
            "multiValueHeaders": {"x-twice": ["one", "two"]},
            "body": "aGk=",
            "isBase64Encoded": true,
        }))
        .await
        .unwrap();
        assert_eq!((status, &body[..]), (StatusCode::UNAUTHORIZED, &b"hi"[..]));
        assert_eq!(headers["content-type"], "text/plain");
        assert_eq!(headers["x-amzn-remapped-www-authenticate"], "Bearer");
        assert_eq!(
            headers.get_all("x-twice").iter().collect::<Vec<_>>(),
            ["one", "two"]
        );
    }

    #[tokio::test]
    async fn what_the_gateway_would_not_understand_is_an_error() {
        for answer in [
            json!("text"),
            json!({"body": "no status"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "headers": {"not a name": "x"}}),
            json!({"statusCode": 200, "body": "%", "isBase64Encoded": true}),
        ] {
            let error = read(answer.clone()).await.unwrap_err();
            assert!(matches!(error, InvokeError::Malformed(_)), "{answer}: {error}");
        }
    }
}
