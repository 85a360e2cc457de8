//! `GET /docs`, `GET /redoc`, `GET /openapi.json`, `GET /asyncapi.json`: the API, documented from its types.
//!
//! Both pages are whole: script and style are inside them, nothing is loaded from another host, and the document is
//! asked for by the relative URL `openapi.json`, so that they work offline and below any stage (`/v1/docs`). They are made when
//! the function is compiled (`build.rs`). Where people can sign in ([`OAuth`]), Swagger UI offers it, and
//! `GET /oauth2-redirect.html` is where they come back to.

mod document;
mod oauth;

use std::sync::{Arc, OnceLock};

use axum::{Router, extract::State};
use http::HeaderMap;
use lambent_schema::endpoints::docs::{AsyncApi, Docs, OAuthRedirect, OpenApi, Redoc};
use lambent_service::{Service, endpoint};

use document::{ASYNCAPI, Document, OAUTH2_REDIRECT, OPENAPI, REDOC, SWAGGER_UI};
pub use oauth::{OAuth, OAuthError};

/// What depends on where people sign in, made when it is first asked for.
struct Made {
    oauth: Option<OAuth>,
    swagger_ui: OnceLock<Document>,
    openapi: OnceLock<Document>,
}

/// The function's routes.
pub fn router(service: &Service, oauth: Option<OAuth>) -> Router {
    let made = Made {
        oauth,
        swagger_ui: OnceLock::new(),
        openapi: OnceLock::new(),
    };
    Router::new()
        .merge(endpoint::<Docs, _, _, _>(
            service,
            async |State(made): State<Arc<Made>>, headers: HeaderMap| made.swagger_ui().answer(&headers),
        ))
        .merge(endpoint::<Redoc, _, _, _>(service, async |headers: HeaderMap| {
            REDOC.answer(&headers)
        }))
        .merge(endpoint::<OAuthRedirect, _, _, _>(
            service,
            async |headers: HeaderMap| OAUTH2_REDIRECT.answer(&headers),
        ))
        .merge(endpoint::<OpenApi, _, _, _>(
            service,
            async |State(made): State<Arc<Made>>, headers: HeaderMap| made.openapi().answer(&headers),
        ))
        .merge(endpoint::<AsyncApi, _, _, _>(
            service,
            async |headers: HeaderMap| ASYNCAPI.answer(&headers),
        ))
        .with_state(Arc::new(made))
}

impl Made {
    fn swagger_ui(&self) -> &Document {
        match &self.oauth {
            None => &SWAGGER_UI,
            Some(oauth) => self.swagger_ui.get_or_init(|| oauth.swagger_ui()),
        }
    }

    fn openapi(&self) -> &Document {
        match &self.oauth {
            None => &OPENAPI,
            Some(oauth) => self.openapi.get_or_init(|| oauth.openapi()),
        }
    }
}
