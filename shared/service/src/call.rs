//! What a handler may know of the request it serves, besides its body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambda_http::RequestExt as _;
use tokio::time::Instant;

use crate::{Failure, Record, RequestId};

/// How long before the end of an invocation an answer must be complete: time to write its record and to end it.
const RESERVE: Duration = Duration::from_secs(3);

/// The request being served: its id, its deadline, its record. Taken as an argument by handlers.
#[derive(Debug, Clone)]
pub struct Call {
    /// The id of the request.
    pub id: RequestId,
    /// When its answer must be complete.
    pub deadline: Instant,
    /// Its record in the request log.
    pub record: Record,
    /// See [`crate::ServiceConfig::heartbeat`].
    pub(crate) heartbeat: Duration,
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Failure::internal(NotMounted))
    }
}

/// A handler that takes a [`Call`] was mounted without [`crate::endpoint()`].
#[derive(Debug, thiserror::Error)]
#[error("the route is not mounted by `endpoint`, so that it has no call")]
struct NotMounted;

/// How long after the end of an invocation its process is surely gone.
const GRACE: Duration = Duration::from_secs(2);

/// When a function with this deadline is surely gone, in milliseconds since 1970.
#[must_use]
pub fn gone_by_ms(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now()) + RESERVE + GRACE;
    let gone_by = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + left;
    u64::try_from(gone_by.as_millis()).unwrap_or(u64::MAX)
}

/// When the answer must be complete: [`RESERVE`] before the end of the Lambda invocation, or else `timeout` from now.
pub(crate) fn deadline(extensions: &http::Extensions, timeout: Duration) -> Instant {
    let context = extensions.lambda_context_ref();
    context.map_or_else(|| deadline_in(timeout), deadline_of)
}

/// When work must be done that an invocation of Lambda asks for.
pub(crate) fn deadline_of(context: &lambda_http::Context) -> Instant {
    let end = UNIX_EPOCH + Duration::from_millis(context.deadline);
    deadline_in(end.duration_since(SystemTime::now()).unwrap_or_default())
}

/// When work must be done that may take so long.
#[must_use]
pub fn deadline_in(timeout: Duration) -> Instant {
    Instant::now() + timeout.saturating_sub(RESERVE)
}
