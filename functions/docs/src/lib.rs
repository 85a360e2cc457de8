//! `GET /docs`, `GET /redoc`, `GET /openapi.json`: the API, documented from its types.
//!
//! Both pages are whole: script and style are inside them, nothing is loaded from another host, and the document is
//! asked for by the relative URL `openapi.json`, so that they work offline and below any stage (`/v1/docs`).

mod document;
mod page;

use axum::Router;
use http::HeaderMap;
use lambent_schema::endpoints::docs::{Docs, OpenApi, Redoc};
use lambent_service::{Service, endpoint};

/// The three routes. Each answer is made on its first request and kept.
pub fn router(service: &Service) -> Router {
    Router::new()
        .merge(endpoint::<Docs, _, _, _>(service, async |headers: HeaderMap| {
            page::swagger_ui().answer(&headers)
        }))
        .merge(endpoint::<Redoc, _, _, _>(service, async |headers: HeaderMap| {
            page::redoc().answer(&headers)
        }))
        .merge(endpoint::<OpenApi, _, _, _>(
            service,
            async |headers: HeaderMap| page::openapi().answer(&headers),
        ))
}
