//! `POST /ask`: a question in, an answer from the caller's documents out.

use axum::{Json, Router, extract::State};
use lambent_llm::Models;
use lambent_retrieval::Library;
use lambent_schema::endpoints::ask::{Answer, Ask, AskRequest};
use lambent_service::{Failure, Service, Valid, endpoint};

/// The function's one route.
pub fn router(service: &Service, models: Models, library: Library) -> Router {
    endpoint::<Ask, _, _, _>(service, ask).with_state((models, library))
}

async fn ask(
    State((_models, _library)): State<(Models, Library)>,
    Valid(_request): Valid<AskRequest>,
) -> Result<Json<Answer>, Failure> {
    Err(Failure::unexplained())
}
