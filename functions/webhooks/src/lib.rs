//! `POST /webhooks/stripe` and `POST /webhooks/{source}`: verified by their bytes, kept once, and answered before anything follows from
//! them. What follows is the worker's (`functions/webhooks-worker`), which the table's stream starts.

mod config;
mod event;
mod path;
mod secrets;
mod stripe;

pub use config::{ConfigError, WebhookConfig};
pub use secrets::{KnownSecrets, Secret, Secrets, SecretsError};

use axum::{Json, Router, extract::State};
use http::HeaderMap;
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::webhooks::{
        MAX_EVENT_BYTES, STRIPE, WebhookReply, WebhookStatus, WebhooksSource, WebhooksStripe,
    },
};
use lambent_service::{Call, Failure, RawBody, Service, endpoint};
use lambent_store::{
    Webhooks, now_ms,
    webhooks::{Kept, NewEvent},
};
use standardwebhooks::Webhook;

use event::Named;
use path::Source;

/// The function's two routes.
pub fn router(service: &Service, webhooks: Webhooks, secrets: Secrets) -> Router {
    let receiver = Receiver { webhooks, secrets };
    Router::new()
        .merge(endpoint::<WebhooksStripe, _, _, _>(service, webhooks_stripe))
        .merge(endpoint::<WebhooksSource, _, _, _>(service, webhooks_source))
        .with_state(receiver)
}

#[derive(Clone)]
struct Receiver {
    webhooks: Webhooks,
    secrets: Secrets,
}

async fn webhooks_stripe(
    State(receiver): State<Receiver>,
    call: Call,
    headers: HeaderMap,
    RawBody(body): RawBody<MAX_EVENT_BYTES>,
) -> Result<Json<WebhookReply>, Failure> {
    let now = seconds();
    let is_signed = |secret: &Secret| stripe::is_signed(secret.reveal(), &headers, &body, now);
    receiver.verify(STRIPE, is_signed).await?;
    let named = Named::of_stripe(&body).ok_or_else(not_an_event)?;
    receiver.keep(STRIPE, &named, &body, &call).await
}

async fn webhooks_source(
    State(receiver): State<Receiver>,
    Source(source): Source,
    call: Call,
    headers: HeaderMap,
    RawBody(body): RawBody<MAX_EVENT_BYTES>,
) -> Result<Json<WebhookReply>, Failure> {
    let is_signed = |secret: &Secret| {
        Webhook::new(secret.reveal()).is_ok_and(|webhook| webhook.verify(&body, &headers).is_ok())
    };
    receiver.verify(&source, is_signed).await?;
    let named = Named::of_standard(&headers, &body).ok_or_else(not_an_event)?;
    receiver.keep(&source, &named, &body, &call).await
}

impl Receiver {
    /// Whether one of the source's secrets has signed. Where none has, they may have been changed: they are asked for anew, not too often.
    async fn verify(&self, source: &str, is_signed: impl Fn(&Secret) -> bool) -> Result<(), Failure> {
        let known = self.secrets.known().await.map_err(no_secrets)?;
        if known.of(source).iter().any(&is_signed) {
            return Ok(());
        }
        let known = match self.secrets.changed(&known).await {
            Some(changed) if changed.of(source).iter().any(&is_signed) => return Ok(()),
            Some(changed) => changed,
            None => known,
        };
        if known.of(source).is_empty() {
            return Err(path::unknown());
        }
        Err(Failure::new(Problem::new(
            ProblemCode::InvalidSignature,
            "The event is not signed as it has to be.",
        )))
    }

    async fn keep(
        &self,
        source: &str,
        named: &Named,
        body: &[u8],
        call: &Call,
    ) -> Result<Json<WebhookReply>, Failure> {
        let new = NewEvent {
            source,
            event_id: &named.id,
            kind: named.kind.as_deref(),
            // It has been read as JSON, or signed as text.
            payload: str::from_utf8(body).map_err(|_| not_an_event())?,
            request_id: call.id.as_str(),
            now_ms: now_ms(),
        };
        let kept = self.webhooks.keep(&new).await;
        let kept = kept.map_err(|error| {
            Failure::unavailable(
                "The database does not answer, so that the event cannot be kept. Send it again.",
                error,
            )
        })?;
        let status = match kept {
            Kept::New => WebhookStatus::Received,
            Kept::Duplicate => WebhookStatus::Duplicate,
        };
        Ok(Json(WebhookReply { status }))
    }
}

fn no_secrets(error: SecretsError) -> Failure {
    Failure::unavailable("The secrets of webhooks cannot be had. Send it again.", error)
}

fn not_an_event() -> Failure {
    Failure::new(Problem::new(
        ProblemCode::InvalidRequest,
        "The signature is right, but there is no event with an id in it.",
    ))
}

/// Seconds since 1970.
fn seconds() -> i64 {
    i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX)
}
