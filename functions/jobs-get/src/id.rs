//! The id in the path.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use lambent_service::Failure;
use uuid::Uuid;

use crate::unknown;

/// The id of a job. What is none is as unknown as a job that is not there, and the table is not asked.
pub(crate) struct JobId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for JobId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| unknown())?;
        // In the one form in which ids are given out.
        let is_id = Uuid::try_parse(&text).is_ok_and(|id| id.to_string() == text);
        if is_id { Ok(Self(text)) } else { Err(unknown()) }
    }
}
