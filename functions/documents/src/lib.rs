//! `/documents`: what is kept to be found.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use lambent_llm::EmbeddingPricing;
use lambent_retrieval::Library;
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::{
        documents::{
            Document, DocumentList, DocumentRequest, DocumentsDelete, DocumentsGet, DocumentsList,
            DocumentsPut,
        },
        jobs::PageQuery,
    },
};
use lambent_service::{Call, Caller, Failure, Service, Tariff, Valid, ValidQuery, endpoint};
use lambent_store::jobs::Jobs;

/// The function's four routes.
pub fn router(service: &Service, library: Library, jobs: Jobs) -> Router {
    let spending = service.priced(tariff(library.embedder.pricing()));
    Router::new()
        .merge(endpoint::<DocumentsPut, _, _, _>(&spending, documents_put))
        .merge(endpoint::<DocumentsGet, _, _, _>(service, documents_get))
        .merge(endpoint::<DocumentsList, _, _, _>(service, documents_list))
        .merge(endpoint::<DocumentsDelete, _, _, _>(service, documents_delete))
        .with_state((library, jobs))
}

/// The document, read once.
fn tariff(pricing: EmbeddingPricing) -> Tariff {
    Arc::new(move |body_bytes, _| pricing.at_most(body_bytes))
}

type Parts = (Library, Jobs);

async fn documents_put(
    State((_library, _jobs)): State<Parts>,
    _headers: HeaderMap,
    _call: Call,
    _caller: Caller,
    Valid(_request): Valid<DocumentRequest>,
) -> Result<Response, Failure> {
    Err(unknown())
}

async fn documents_get(
    State((_library, _jobs)): State<Parts>,
    _caller: Caller,
    Path(_id): Path<String>,
) -> Result<Json<Document>, Failure> {
    Err(unknown())
}

async fn documents_list(
    State((_library, _jobs)): State<Parts>,
    _caller: Caller,
    ValidQuery(_query): ValidQuery<PageQuery>,
) -> Result<Json<DocumentList>, Failure> {
    Err(unknown())
}

async fn documents_delete(
    State((_library, _jobs)): State<Parts>,
    _caller: Caller,
    Path(_id): Path<String>,
) -> Result<StatusCode, Failure> {
    Err(unknown())
}

fn unknown() -> Failure {
    Failure::new(Problem::new(ProblemCode::NotFound, "There is no such document."))
}
