//! An answer that is the same for everybody until the next release.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

// What build.rs has made: SWAGGER_UI, REDOC, OAUTH2_REDIRECT, OPENAPI, ASYNCAPI.
include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// A document with its entity tag and headers.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) security_policy: Cow<'static, str>,
    pub(crate) etag: Cow<'static, str>,
}

impl Document {
    /// The document, or 304 where `if-none-match` says that the client has it.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let headers: [(HeaderName, &str); 6] = [
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, &self.security_policy),
            (CONTENT_TYPE, self.content_type),
            (ETAG, &self.etag),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        if self.is_known(request) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, Body::from(self.body.clone())).into_response()
    }

    /// Weak comparison, as RFC 9110 asks of `if-none-match`: a proxy that compresses makes the tag weak.
    fn is_known(&self, request: &HeaderMap) -> bool {
        let tags = request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        tags.flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}
