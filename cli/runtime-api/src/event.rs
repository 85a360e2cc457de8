//! An HTTP request as the event that API Gateway's REST APIs make of it (payload format 1.0, Lambda proxy integration).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

/// What the gateway knows of itself.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The stage: the first segment of public URLs, `v1`.
    pub stage: String,
    /// Where it answers: `127.0.0.1:3000`.
    pub domain: String,
}

/// The event for a request to `resource`, a path of the API with its parameters in braces: `/jobs/{job_id}`.
///
/// A body that is not UTF-8 is sent in base64; API Gateway does so for the media types that it is told are binary, and
/// damages others.
#[must_use]
pub fn proxy_event(gateway: &Gateway, resource: &str, parts: &Parts, body: &Bytes) -> Value {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let (body, is_base64) = match str::from_utf8(body) {
        Ok("") => (Value::Null, false),
        Ok(text) => (json!(text), false),
        Err(_) => (json!(BASE64.encode(body)), true),
    };
    let headers = headers(gateway, &parts.headers);
    let now = OffsetDateTime::now_utc();
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    json!({
        "resource": resource,
        "path": path,
        "httpMethod": parts.method.as_str(),
        "headers": last_of_each(&headers),
        "multiValueHeaders": all_of_each(&headers),
        "queryStringParameters": last_of_each(&pairs(query)),
        "multiValueQueryStringParameters": all_of_each(&pairs(query)),
        "pathParameters": path_parameters(resource, path),
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": gateway.domain,
            "domainPrefix": "local",
            "extendedRequestId": Uuid::new_v4().to_string(),
            "httpMethod": parts.method.as_str(),
            "identity": {"sourceIp": "127.0.0.1", "userAgent": user_agent},
            "path": format!("/{}{path}", gateway.stage),
            "protocol": "HTTP/1.1",
            "requestId": Uuid::new_v4().to_string(),
            "requestTime": now.format(format_description!(
                "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000"
            )).unwrap_or_default(),
            "requestTimeEpoch": i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
            "resourceId": "local",
            "resourcePath": resource,
            "stage": gateway.stage,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// Names and values in the order they came, with the headers that the gateway adds.
fn headers(gateway: &Gateway, headers: &HeaderMap) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let trace = format!(
        "Root=1-{:08x}-{}",
        OffsetDateTime::now_utc().unix_timestamp(),
        &Uuid::new_v4().simple().to_string()[..24]
    );
    let port = gateway.domain.rsplit_once(':').map_or("443", |(_, port)| port);
    for (name, value) in [
        ("x-amzn-trace-id", trace.as_str()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", "http"),
    ] {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    pairs
}

/// The parameters of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn last_of_each(pairs: &[(String, String)]) -> Value {
    object(pairs, |object, name, value| {
        object.insert(name.to_owned(), json!(value));
    })
}

fn all_of_each(pairs: &[(String, String)]) -> Value {
    object(pairs, |object, name, value| {
        if let Some(Value::Array(values)) = object.get_mut(name) {
            values.push(json!(value));
        } else {
            object.insert(name.to_owned(), json!([value]));
        }
    })
}

/// An object of these pairs; `null` of none, as the gateway has it.
fn object(pairs: &[(String, String)], mut add: impl FnMut(&mut Map<String, Value>, &str, &str)) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        add(&mut object, name, value);
    }
    if object.is_empty() {
        Value::Null
    } else {
        Value::Object(object)
    }
}

fn path_parameters(resource: &str, path: &str) -> Value {
    let pairs: Vec<_> = resource
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(pattern, segment)| {
            let name = pattern.strip_prefix('{')?.strip_suffix('}')?;
            let value = percent_decode_str(segment).decode_utf8_lossy().into_owned();
            Some((name.to_owned(), value))
        })
        .collect();
    last_of_each(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uri: &str, resource: &str, body: &'static [u8]) -> Value {
        let gateway = Gateway {
            stage: "v1".to_owned(),
            domain: "127.0.0.1:3000".to_owned(),
        };
        let request = http::Request::post(uri)
            .header("accept", "text/plain")
            .header("x-twice", "one")
            .header("x-twice", "two")
            .body(())
            .unwrap();
        proxy_event(
            &gateway,
            resource,
            &request.into_parts().0,
            &Bytes::from_static(body),
        )
    }

    /// The members of an object and of its objects, without the values.
    fn shape(value: &Value) -> Vec<String> {
        let Value::Object(object) = value else {
            return Vec::new();
        };
        object
            .iter()
            .flat_map(|(name, value)| {
                let below = matches!(name.as_str(), "requestContext").then(|| shape(value));
                let below = below
                    .unwrap_or_default()
                    .into_iter()
                    .map(move |part| format!("{name}.{part}"));
                std::iter::once(name.clone()).chain(below)
            })
            .collect()
    }

    #[test]
    fn it_has_the_members_of_a_recorded_event() {
        let recorded: Value = serde_json::from_str(include_str!("../../../events/analyse.json")).unwrap();
        let made = shape(&event("/analyse", "/analyse", b"{}"));
        for name in shape(&recorded) {
            // Of the deployment and the client's certificate, a local gateway has none.
            if !["requestContext.deploymentId"].contains(&name.as_str()) {
                assert!(made.contains(&name), "{name} is missing");
            }
        }
    }

    #[test]
    fn headers_and_parameters_are_there_once_and_as_often_as_they_came() {
        let event = event("/jobs/a%20b?x=1&x=2&y=%C3%A9+z", "/jobs/{job_id}", b"{}");
        assert_eq!(event["headers"]["x-twice"], "two");
        assert_eq!(event["multiValueHeaders"]["x-twice"], json!(["one", "two"]));
        assert_eq!(event["queryStringParameters"], json!({"x": "2", "y": "é z"}));
        assert_eq!(
            event["multiValueQueryStringParameters"],
            json!({"x": ["1", "2"], "y": ["é z"]})
        );
        assert_eq!(event["pathParameters"], json!({"job_id": "a b"}));
        assert_eq!(event["requestContext"]["path"], "/v1/jobs/a%20b");
    }

    #[test]
    fn a_body_is_text_or_base64_or_nothing() {
        let body = |bytes| {
            let event = event("/analyse", "/analyse", bytes);
            (event["body"].clone(), event["isBase64Encoded"].clone())
        };
        assert_eq!(body(b"{\"a\": 1}"), (json!("{\"a\": 1}"), json!(false)));
        assert_eq!(body(b"\xff\x00"), (json!("/wA="), json!(true)));
        assert_eq!(body(b""), (Value::Null, json!(false)));
    }
}
