//! CORS, from configuration. API Gateway answers preflights in the cloud; here they are answered too, for everywhere else.

use http::{Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::{
    config::CorsOrigins,
    headers::{API_KEY, COST, RATE_LIMIT, RATE_LIMIT_POLICY},
    request_id::REQUEST_ID,
};

/// The layer for these origins; without any, it adds nothing. [`endpoint()`](crate::endpoint()) puts it around each endpoint.
pub fn cors_layer(origins: &CorsOrigins) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            API_KEY,
            REQUEST_ID,
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            COST,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            REQUEST_ID,
        ])
        .max_age(std::time::Duration::from_secs(600));
    match origins {
        CorsOrigins::None => CorsLayer::new(),
        CorsOrigins::Any => layer.allow_origin(Any),
        CorsOrigins::List(origins) => layer.allow_origin(AllowOrigin::list(origins.clone())),
    }
}
