//! CORS, from configuration. API Gateway answers preflights in the cloud; here they are answered too, for everywhere else.

use http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::{
    config::CorsOrigins,
    headers::{
        COST, IDEMPOTENCY_REPLAYED, MODEL, PREFERENCE_APPLIED, PROCESSING_MS, RATE_LIMIT, RATE_LIMIT_POLICY,
        SERVER_TIMING,
    },
    request_id::REQUEST_ID,
};

/// OpenAI's client sends a dozen headers of its own. Only `Authorization` is not among all that this means.
const EVERY_OTHER: HeaderName = HeaderName::from_static("*");

/// The layer for these origins; without any, it adds nothing. [`endpoint()`](crate::endpoint()) puts it around each endpoint.
pub fn cors_layer(origins: &CorsOrigins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::DELETE, Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, EVERY_OTHER])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            COST,
            IDEMPOTENCY_REPLAYED,
            MODEL,
            PREFERENCE_APPLIED,
            PROCESSING_MS,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            REQUEST_ID,
            SERVER_TIMING,
        ])
        .max_age(std::time::Duration::from_secs(600));
    match origins {
        CorsOrigins::None => CorsLayer::new(),
        CorsOrigins::Any => layer.allow_origin(Any),
        CorsOrigins::List(origins) => layer.allow_origin(AllowOrigin::list(origins.clone())),
    }
}
