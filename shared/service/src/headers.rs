//! The names of headers that are the API's, or too new for the `http` crate.

use http::{HeaderName, HeaderValue, Response};
use lambent_schema::{COST_HEADER, MODEL_HEADER, endpoints::jobs};

/// An API key, for clients that cannot send `authorization`.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What a request cost.
pub const COST: HeaderName = HeaderName::from_static(COST_HEADER);
/// Which model answered.
pub const MODEL: HeaderName = HeaderName::from_static(MODEL_HEADER);
/// How long the answer took until its headers, in milliseconds, as OpenAI says it.
pub const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
/// How many requests the caller may send now
/// ([draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// By what policy.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// By which a request that is sent twice is one.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static(jobs::IDEMPOTENCY_KEY);
/// Says that an answer was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static(jobs::IDEMPOTENCY_REPLAYED);
/// How long each stage of the request took ([W3C](https://www.w3.org/TR/server-timing/)).
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// How a request wants to be served ([RFC 7240](https://www.rfc-editor.org/rfc/rfc7240)).
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Which of that was done.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// An answer that says which model it is of, if a header can say that name.
#[must_use]
pub fn of_model<B>(mut answer: Response<B>, label: &str) -> Response<B> {
    let label = HeaderValue::try_from(label).ok();
    answer.headers_mut().extend(label.map(|label| (MODEL, label)));
    answer
}
