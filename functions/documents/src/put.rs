//! `POST /documents`: kept at once, or as a job.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lambent_jobs::{Accepting, Wanted, accept, id_by_key, prefers_async};
use lambent_retrieval::Library;
use lambent_schema::endpoints::documents::{Document, DocumentRequest, DocumentsPut, MAX_CHARS_AT_ONCE};
use lambent_service::{Call, Caller, Failure, Valid, headers::PREFERENCE_APPLIED};
use lambent_store::jobs::Jobs;
use uuid::Uuid;

pub(crate) async fn documents_put(
    State((library, jobs)): State<(Library, Jobs)>,
    headers: HeaderMap,
    call: Call,
    caller: Caller,
    Valid(request): Valid<DocumentRequest>,
) -> Result<Response, Failure> {
    // By its key, a request that is sent again is the same document.
    let by_key = id_by_key(&headers, &caller.id)?;
    let version = Uuid::now_v7().to_string();
    let id = request.id.clone().or(by_key).unwrap_or_else(|| version.clone());
    let is_preferred = prefers_async(&headers);
    if is_preferred || request.text.chars().count() > MAX_CHARS_AT_ONCE {
        let accepting = Accepting {
            call: &call,
            caller: &caller,
            headers: &headers,
            wanted: Wanted::Document {
                request: &request,
                id: &id,
            },
        };
        let mut response = accept::<DocumentsPut>(&jobs, accepting).await?;
        if is_preferred {
            let applied = HeaderValue::from_static("respond-async");
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
        return Ok(response);
    }
    call.record.start(library.embedder.model(), &request.text);
    let request = DocumentRequest {
        id: Some(id),
        ..request
    };
    let document = library
        .keep(&call.record, &caller.id, &version, &request, call.deadline)
        .await?;
    Ok(created(document))
}

fn created(document: Document) -> Response {
    // As seen from `/documents`, so that it is right behind any stage. Its characters need no escapes in a path.
    let location = HeaderValue::try_from(format!("documents/{}", document.document_id));
    let mut response = (StatusCode::CREATED, Json(document)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
