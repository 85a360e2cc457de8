//! `POST /search`: the chunks of a caller's documents that are nearest to a query.

use std::sync::Arc;

use axum::{Json, Router, extract::State};
use lambent_llm::EmbeddingPricing;
use lambent_retrieval::{Library, Query, Wanted};
use lambent_schema::endpoints::search::{Search, SearchReply, SearchRequest};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, endpoint};

/// The function's one route.
pub fn router(service: &Service, library: Library) -> Router {
    let service = service.priced(tariff(library.embedder.pricing()));
    endpoint::<Search, _, _, _>(&service, search).with_state(library)
}

/// The query, read once.
fn tariff(pricing: EmbeddingPricing) -> Tariff {
    Arc::new(move |body_bytes, _| pricing.at_most(body_bytes))
}

async fn search(
    State(library): State<Library>,
    call: Call,
    caller: Caller,
    Valid(request): Valid<SearchRequest>,
) -> Result<Json<SearchReply>, Failure> {
    let query = match (&request.query, &request.embedding) {
        (Some(text), _) => {
            call.record.start(library.embedder.model(), text);
            Query::Text(text)
        }
        (None, numbers) => Query::Embedding(numbers.as_deref().unwrap_or_default()),
    };
    let wanted = Wanted {
        query,
        top_k: request.top_k,
        filter: &request.filter,
        min_score: request.min_score,
    };
    let found = library
        .find(&call, &caller.id, call.record.clone(), wanted)
        .await?;
    Ok(Json(SearchReply {
        hits: found.hits,
        model: library.embedder.model().to_owned(),
        usage: found.usage,
        request_id: call.id.as_str().to_owned(),
    }))
}
