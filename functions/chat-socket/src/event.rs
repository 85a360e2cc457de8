//! What API Gateway says of a socket, as far as it is read, and what it is answered.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html>

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// Something that happened to a socket.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    /// Which socket, and what.
    pub request_context: Context,
    /// The headers of the request that opens it; at `$connect` only.
    #[serde(default)]
    pub headers: Option<HashMap<String, String>>,
    /// The parameters of that request; at `$connect` only.
    #[serde(default)]
    pub query_string_parameters: Option<HashMap<String, String>>,
    /// What was said.
    #[serde(default)]
    pub body: Option<String>,
}

/// Which socket, and what happened.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// What happened.
    pub event_type: EventType,
    /// The gateway's id of the socket.
    pub connection_id: String,
    /// Since when it is open, in ms since 1970.
    pub connected_at: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// Somebody wants to open it.
    Connect,
    /// Something was said.
    Message,
    /// It is closed.
    Disconnect,
}

/// What the gateway is answered: at `$connect`, whether the socket is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketAnswer {
    /// An HTTP status.
    pub status_code: u16,
}

impl SocketEvent {
    /// The headers. One that could not be a header's is left out.
    pub(crate) fn headers(&self) -> HeaderMap {
        let pairs = self.headers.iter().flatten();
        pairs
            .filter_map(|(name, value)| {
                let name: HeaderName = name.parse().ok()?;
                Some((name, HeaderValue::from_str(value).ok()?))
            })
            .collect()
    }

    /// The ticket that it is to be opened with.
    pub(crate) fn ticket(&self) -> Option<&str> {
        let parameters = self.query_string_parameters.as_ref()?;
        parameters.get("ticket").map(String::as_str)
    }
}
