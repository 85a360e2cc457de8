//! `POST /webhooks/stripe` and `POST /webhooks/{source}`: what other services tell this one, signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    ProblemCode,
    endpoint::{
        Access, BodyDescription, Content, DescribeBody, Endpoint, Method, Parameter, Reply, SchemaOf,
        Transfer,
    },
};

/// The largest event that is taken, in bytes (256 KiB): it is kept as it is, in an item, of which DynamoDB takes 400 KB.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// How far the time of a signature may be from now, in seconds, before and after.
pub const TOLERANCE_SECS: i64 = 300;

/// The longest id of an event, in bytes.
pub const MAX_EVENT_ID_BYTES: usize = 255;

/// The source whose events are signed in Stripe's own way.
pub const STRIPE: &str = "stripe";

/// The header with Stripe's signatures.
pub const STRIPE_SIGNATURE: &str = "stripe-signature";

/// What stands in the metadata of a payment: the id of the API key that it is for.
pub const KEY_IN_METADATA: &str = "lambent_key";

/// Whether this can be the name of a source, as it stands in the path and among the secrets: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
#[must_use]
pub fn is_source(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(is_plain)
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookReply {
    /// Whether it is new.
    pub status: WebhookStatus,
}

/// Whether an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum WebhookStatus {
    /// It is kept, and is handled now.
    Received,
    /// It came before: this time has no effect.
    Duplicate,
}

/// An event as its sender writes it. Its signature is over its bytes, so that these are taken as they are.
pub enum SignedEvent {}

/// For the OpenAPI document.
#[derive(JsonSchema)]
#[schemars(rename = "SignedEvent")]
#[expect(dead_code, reason = "only its schema is used")]
struct AnyEvent {
    /// What has happened: `checkout.session.completed`.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Whatever the sender adds.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl DescribeBody for SignedEvent {
    fn describe() -> Option<BodyDescription> {
        let session = json!({
            "id": "cs_test_a1", "object": "checkout.session", "mode": "payment", "payment_status": "paid",
            "payment_intent": "pi_1", "client_reference_id": "e0e0e0e0e0e0e0e0", "amount_total": 1000, "currency": "usd",
        });
        Some(BodyDescription {
            schema: SchemaOf::of::<AnyEvent>(),
            examples: vec![(
                "checkout.session.completed",
                json!({
                    "id": "evt_1", "object": "event", "type": "checkout.session.completed", "data": {"object": session},
                }),
            )],
        })
    }
}

/// `POST /webhooks/stripe`.
pub struct WebhooksStripe;

/// `POST /webhooks/{source}`.
pub struct WebhooksSource;

const FUNCTION: &str = "webhooks";
const TAG: &str = "Webhooks";
const TIMEOUT_SECS: u32 = 10;
const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::InvalidSignature,
    ProblemCode::InvalidRequest,
    ProblemCode::NotFound,
    ProblemCode::PayloadTooLarge,
    ProblemCode::StoreUnavailable,
];

impl Endpoint for WebhooksStripe {
    const FUNCTION: &'static str = FUNCTION;
    const ID: &'static str = "webhooks_stripe";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/webhooks/stripe";
    const SUMMARY: &'static str = "Take an event of Stripe's";
    const DESCRIPTION: &'static str = "Its signature has to be right and at most five minutes old. It is kept once, by its id, and handled soon after the \
        answer. A payment that names an API key (`client_reference_id`, or `lambent_key` in its metadata) tops up that key's budget, and a refund takes it back.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Public;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = TIMEOUT_SECS;
    type Body = SignedEvent;

    fn parameters() -> Vec<Parameter> {
        vec![required_header(
            STRIPE_SIGNATURE,
            "`t=` and the seconds since 1970, `v1=` and the signature, with a comma between them; several `v1` where the secret is rotated.",
        )]
    }

    fn replies() -> Vec<Reply> {
        replies()
    }

    const PROBLEMS: &'static [ProblemCode] = PROBLEMS;
}

impl Endpoint for WebhooksSource {
    const FUNCTION: &'static str = FUNCTION;
    const ID: &'static str = "webhooks_source";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/webhooks/{source}";
    const SUMMARY: &'static str = "Take an event of a service that signs by Standard Webhooks";
    const DESCRIPTION: &'static str = "Signed as [Standard Webhooks](https://www.standardwebhooks.com/) are, at most five minutes ago. It is kept once, \
        by its `webhook-id`, and handled soon after the answer; one of a type that nothing here handles is kept and ignored.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Public;
    const TRANSFER: Transfer = Transfer::Buffered;
    const TIMEOUT_SECS: u32 = TIMEOUT_SECS;
    type Body = SignedEvent;

    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::path(
                "source",
                "Who sends it, as the secrets name it.",
                json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
            ),
            required_header("webhook-id", "The id of the event, the same at each try."),
            required_header("webhook-timestamp", "When it was sent, in seconds since 1970."),
            required_header(
                "webhook-signature",
                "`v1,` and the signature; several with spaces between them.",
            ),
        ]
    }

    fn replies() -> Vec<Reply> {
        replies()
    }

    const PROBLEMS: &'static [ProblemCode] = PROBLEMS;
}

fn required_header(name: &str, description: &str) -> Parameter {
    Parameter {
        is_required: true,
        ..Parameter::header(name, description, json!({"type": "string"}))
    }
}

fn replies() -> Vec<Reply> {
    vec![Reply {
        status: 200,
        description: "It is kept, now or since it came before.",
        headers: &[],
        content: vec![Content::json(&WebhookReply {
            status: WebhookStatus::Received,
        })],
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_plain_names() {
        for name in ["stripe", "acme-2_b", "a"] {
            assert!(is_source(name), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", "Acme", "a b", "a#b", "%7Bsource%7D", "é", long.as_str()] {
            assert!(!is_source(name), "{name}");
        }
    }
}
