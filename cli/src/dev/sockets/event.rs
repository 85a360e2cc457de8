//! What happens to a socket, as the event that API Gateway makes of it.

use axum::http::{HeaderMap, Uri};
use lambent_store::now_ms;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The context that all events of a socket have in common.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) connection_id: String,
    pub(super) connected_at: u64,
}

impl Context {
    /// Somebody wants to open it.
    pub(super) fn connect(&self, headers: &HeaderMap, uri: &Uri) -> Value {
        let mut event = self.event("$connect", "CONNECT");
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let single: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value).into()))
            .collect();
        let multiple: Map<String, Value> = headers
            .keys()
            .map(|name| {
                let values = headers.get_all(name).iter().map(text);
                (name.to_string(), values.collect::<Vec<_>>().into())
            })
            .collect();
        event["headers"] = single.into();
        event["multiValueHeaders"] = multiple.into();
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let parameters: Map<String, Value> = pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
        if !parameters.is_empty() {
            let lists = parameters
                .iter()
                .map(|(name, value)| (name.clone(), json!([value])));
            event["multiValueQueryStringParameters"] = lists.collect::<Map<_, _>>().into();
            event["queryStringParameters"] = parameters.into();
        }
        event
    }

    /// Something was said.
    pub(super) fn message(&self, body: &str) -> Value {
        let mut event = self.event("$default", "MESSAGE");
        event["requestContext"]["messageId"] = Uuid::new_v4().to_string().into();
        event["body"] = body.into();
        event
    }

    /// It is closed.
    pub(super) fn disconnect(&self) -> Value {
        let mut event = self.event("$disconnect", "DISCONNECT");
        event["requestContext"]["disconnectStatusCode"] = 1005.into();
        event
    }

    fn event(&self, route: &str, kind: &str) -> Value {
        json!({
            "requestContext": {
                "routeKey": route,
                "eventType": kind,
                "extendedRequestId": Uuid::new_v4().to_string(),
                "requestId": Uuid::new_v4().to_string(),
                "requestTimeEpoch": now_ms(),
                "messageDirection": "IN",
                "stage": "v1",
                "connectedAt": self.connected_at,
                "identity": {"sourceIp": "127.0.0.1"},
                "domainName": "localhost",
                "connectionId": self.connection_id,
                "apiId": "local",
            },
            "isBase64Encoded": false,
        })
    }
}
