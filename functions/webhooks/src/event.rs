//! What an event is called: its id, by which it is kept once, and its type.

use http::HeaderMap;
use lambent_schema::endpoints::webhooks::MAX_EVENT_ID_BYTES;
use serde_json::Value;
use standardwebhooks::HEADER_WEBHOOK_ID;

/// The longest type that is kept, in bytes; a longer one is none.
const MAX_KIND_BYTES: usize = 255;

/// An event's names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) kind: Option<String>,
}

impl Named {
    /// Of Stripe's event, which has both in its body; `None` if it has no id.
    pub(crate) fn of_stripe(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let id = body["id"].as_str()?;
        Some(Self {
            id: fitting(id)?,
            kind: kind(&body),
        })
    }

    /// Of a standard event, whose id is signed beside the body, and whose body may be anything; `None` if the id is not usable.
    pub(crate) fn of_standard(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Some(Self {
            id: fitting(id)?,
            kind: kind(&body),
        })
    }
}

fn fitting(id: &str) -> Option<String> {
    let is_fitting = (1..=MAX_EVENT_ID_BYTES).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic());
    is_fitting.then(|| id.to_owned())
}

fn kind(body: &Value) -> Option<String> {
    let kind = body.get("type")?.as_str()?;
    (kind.len() <= MAX_KIND_BYTES).then(|| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn stripe_s_events_have_an_id_in_their_body() {
        let named = Named::of_stripe(br#"{"id": "evt_1", "type": "invoice.paid"}"#).unwrap();
        assert_eq!(
            (named.id.as_str(), named.kind.as_deref()),
            ("evt_1", Some("invoice.paid"))
        );
        let long = format!(r#"{{"id": "{}"}}"#, "e".repeat(256));
        for body in [
            "",
            "[]",
            r#"{"id": 1}"#,
            r#"{"id": ""}"#,
            r#"{"id": "a b"}"#,
            &long,
        ] {
            assert_eq!(Named::of_stripe(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn other_events_have_it_among_the_headers_and_any_body() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(HEADER_WEBHOOK_ID),
            HeaderValue::from_static("msg_1"),
        )]);
        for (body, kind) in [("plain text", None), (r#"{"type": "a.b"}"#, Some("a.b"))] {
            let named = Named::of_standard(&headers, body.as_bytes()).unwrap();
            assert_eq!((named.id.as_str(), named.kind.as_deref()), ("msg_1", kind));
        }
        assert_eq!(Named::of_standard(&HeaderMap::new(), b"{}"), None);
    }
}
