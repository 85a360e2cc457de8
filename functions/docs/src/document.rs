//! An answer that is the same for everybody until the next release: its bytes, its hash, its headers.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

/// A document with its entity tag.
pub(crate) struct Document {
    body: Bytes,
    content_type: &'static str,
    security_policy: String,
    etag: String,
}

impl Document {
    /// A page whose scripts are all inline.
    pub(crate) fn html(html: String) -> Self {
        let policy = security_policy(&html);
        Self::new(html, "text/html; charset=utf-8", policy)
    }

    /// A JSON document.
    pub(crate) fn json(json: String) -> Self {
        Self::new(json, "application/json", "default-src 'none'".to_owned())
    }

    fn new(text: String, content_type: &'static str, security_policy: String) -> Self {
        let etag = format!("\"{}\"", BASE64_STANDARD.encode(&Sha256::digest(&text)[..15]));
        Self {
            body: text.into(),
            content_type,
            security_policy,
            etag,
        }
    }

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

/// Only the page's own scripts run (by their hashes), and nothing is loaded from or sent to another origin. ReDoc
/// searches in a worker that it makes of a blob; both pages style elements inline.
fn security_policy(html: &str) -> String {
    let hashes: String = scripts(html)
        .map(|script| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))))
        .collect();
    format!(
        "default-src 'none'; script-src{hashes}; style-src 'unsafe-inline'; img-src 'self' data:; \
         font-src data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// What stands between `<script>` and `</script>`.
fn scripts(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (script, after) = rest.split_once("<script>")?.1.split_once("</script>")?;
        rest = after;
        Some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_allows_its_own_scripts_and_no_other() {
        let policy = security_policy("<script>a()</script><p><script>\nb()\n</script>");
        let hash = |script: &str| BASE64_STANDARD.encode(Sha256::digest(script));
        let expected = format!(
            "script-src 'sha256-{}' 'sha256-{}';",
            hash("a()"),
            hash("\nb()\n")
        );
        assert!(policy.contains(&expected), "{policy}");
    }
}
