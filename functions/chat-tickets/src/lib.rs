//! `POST /chat/tickets`: a ticket that opens one socket.

use axum::{Json, Router, extract::State};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use lambent_schema::endpoints::chat::{ChatTickets, TICKET_SECS, Ticket};
use lambent_service::{Caller, Failure, Service, endpoint, sha256};
use lambent_store::{Conversations, conversations::Session, instant_of, instant_text, now_ms};

/// Random bytes of a ticket.
const BYTES: usize = 24;

/// The function's one route. `url` is where clients open sockets.
pub fn router(service: &Service, conversations: Conversations, url: String) -> Router {
    endpoint::<ChatTickets, _, _, _>(service, chat_tickets).with_state((conversations, url))
}

async fn chat_tickets(
    State((conversations, url)): State<(Conversations, String)>,
    caller: Caller,
) -> Result<(StatusCode, Json<Ticket>), Failure> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(Failure::internal)?;
    let ticket = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let until_ms = now_ms() + u64::from(TICKET_SECS) * 1000;
    let session = Session {
        caller: caller.id,
        scopes: caller.scopes,
    };
    conversations
        .make_ticket(&sha256(&[ticket.as_bytes()]), &session, until_ms)
        .await
        .map_err(|cause| Failure::unavailable("The table of conversations does not answer.", cause))?;
    let ticket = Ticket {
        url: format!("{url}?ticket={ticket}"),
        ticket,
        expires_at: instant_text(instant_of(until_ms)),
    };
    Ok((StatusCode::CREATED, Json(ticket)))
}
