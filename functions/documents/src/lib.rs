//! `/documents`: what is kept to be found.

mod id;
mod put;

use std::sync::Arc;

use axum::{Json, Router, extract::State};
use http::StatusCode;
use lambent_llm::EmbeddingPricing;
use lambent_retrieval::{Library, embedded_at_most, told, unavailable};
use lambent_schema::{
    Problem, ProblemCode,
    endpoints::{
        documents::{Document, DocumentList, DocumentsDelete, DocumentsGet, DocumentsList, DocumentsPut},
        jobs::PageQuery,
    },
};
use lambent_service::{Caller, Failure, Service, Tariff, ValidQuery, endpoint};
use lambent_store::{jobs::Jobs, now_ms};

use id::DocumentId;

/// The function's four routes.
pub fn router(service: &Service, library: Library, jobs: Jobs) -> Router {
    let spending = service.priced(tariff(library.embedder.pricing()));
    let put = endpoint::<DocumentsPut, _, _, _>(&spending, put::documents_put);
    Router::new()
        .merge(endpoint::<DocumentsGet, _, _, _>(service, documents_get))
        .merge(endpoint::<DocumentsList, _, _, _>(service, documents_list))
        .merge(endpoint::<DocumentsDelete, _, _, _>(service, documents_delete))
        .with_state(library.clone())
        .merge(put.with_state((library, jobs)))
}

/// The document's chunks, each with its title. Also of one that becomes a job: its caller has to be able to pay for it now.
fn tariff(pricing: EmbeddingPricing) -> Tariff {
    Arc::new(move |body_bytes, _| pricing.at_most(embedded_at_most(body_bytes)))
}

async fn documents_get(
    State(library): State<Library>,
    DocumentId(id): DocumentId,
    caller: Caller,
) -> Result<Json<Document>, Failure> {
    let document = library.documents.get(&caller.id, &id).await;
    let document = document.map_err(unavailable)?.ok_or_else(unknown)?;
    Ok(Json(told(document)))
}

async fn documents_list(
    State(library): State<Library>,
    caller: Caller,
    ValidQuery(query): ValidQuery<PageQuery>,
) -> Result<Json<DocumentList>, Failure> {
    let limit = query.limit as usize;
    let page = (library.documents)
        .list(&caller.id, limit, query.cursor.as_deref())
        .await
        .map_err(unavailable)?;
    Ok(Json(DocumentList {
        documents: page.documents.into_iter().map(told).collect(),
        next_cursor: page.next,
    }))
}

async fn documents_delete(
    State(library): State<Library>,
    DocumentId(id): DocumentId,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let deleted = library.documents.delete(&caller.id, &id, now_ms()).await;
    let version = deleted.map_err(unavailable)?.ok_or_else(unknown)?;
    library.sweep(&version).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Also for documents of others: nobody learns that there is one.
fn unknown() -> Failure {
    Failure::new(Problem::new(ProblemCode::NotFound, "There is no such document."))
}
