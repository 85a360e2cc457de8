//! The source in the path.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use lambent_schema::{Problem, ProblemCode, endpoints::webhooks::is_source};
use lambent_service::Failure;

/// Who sends an event. What cannot be a name is as unknown as one without secrets.
pub(crate) struct Source(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|_| unknown())?;
        if is_source(&name) {
            Ok(Self(name))
        } else {
            Err(unknown())
        }
    }
}

/// Nobody here knows this source.
pub(crate) fn unknown() -> Failure {
    Failure::new(Problem::new(
        ProblemCode::NotFound,
        "No such source of events is known here.",
    ))
}
