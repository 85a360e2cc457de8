//! The endpoints, one file a resource.

pub mod analysis;
pub mod ask;
pub mod chat;
pub mod docs;
pub mod documents;
pub mod health;
pub mod jobs;
pub mod openai;
pub mod search;
pub mod webhooks;

use crate::endpoint::Operation;

/// The endpoint table: every operation of the API, in the order that the documentation shows.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::of::<analysis::Analyse>(),
        Operation::of::<analysis::AnalyseStream>(),
        Operation::of::<documents::DocumentsPut>(),
        Operation::of::<documents::DocumentsGet>(),
        Operation::of::<documents::DocumentsList>(),
        Operation::of::<search::Search>(),
        Operation::of::<ask::Ask>(),
        Operation::of::<documents::DocumentsDelete>(),
        Operation::of::<chat::ChatTickets>(),
        Operation::of::<jobs::JobsCreate>(),
        Operation::of::<jobs::JobsGet>(),
        Operation::of::<jobs::JobsList>(),
        Operation::of::<jobs::JobsCancel>(),
        Operation::of::<jobs::CallbackSecret>(),
        Operation::of::<webhooks::WebhooksStripe>(),
        Operation::of::<webhooks::WebhooksSource>(),
        Operation::of::<openai::ChatCompletions>(),
        Operation::of::<openai::Embeddings>(),
        Operation::of::<openai::ModelsList>(),
        Operation::of::<openai::ModelGet>(),
        Operation::of::<health::Health>(),
        Operation::of::<docs::Docs>(),
        Operation::of::<docs::Redoc>(),
        Operation::of::<docs::OAuthRedirect>(),
        Operation::of::<docs::OpenApi>(),
        Operation::of::<docs::AsyncApi>(),
    ]
}
