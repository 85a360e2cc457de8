//! The two pages and the document.
//!
//! Script, style and markup come from `aide`, which carries Swagger UI and ReDoc inside; what is changed of them
//! here is what would make a browser ask for something else.

use std::sync::OnceLock;

use aide::{redoc::Redoc, swagger::Swagger};
use lambent_schema::openapi;

use crate::document::Document;

const TITLE: &str = "Lambent API";
/// Where the pages find the document: beside themselves.
const SPEC_URL: &str = "openapi.json";
/// The icon is named, and empty, so that the browser does not ask the host for `/favicon.ico`.
const HEAD: &str = r#"<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>body { margin: 0 }</style>"#;
/// A logo that ReDoc loads from its maker's host, and hides if that fails.
const REDOC_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const NO_IMAGE: &str = "data:,";

/// Swagger UI: every operation can be tried out.
pub(crate) fn swagger_ui() -> &'static Document {
    static PAGE: OnceLock<Document> = OnceLock::new();
    PAGE.get_or_init(|| {
        let html = Swagger::new(SPEC_URL).with_title(TITLE).html();
        Document::html(html.replacen("<head>", HEAD, 1))
    })
}

/// ReDoc: the document to read.
pub(crate) fn redoc() -> &'static Document {
    static PAGE: OnceLock<Document> = OnceLock::new();
    PAGE.get_or_init(|| {
        let html = Redoc::new(SPEC_URL).with_title(TITLE).html();
        Document::html(html.replacen("<head>", HEAD, 1).replace(REDOC_LOGO, NO_IMAGE))
    })
}

/// The OpenAPI document, byte for byte as it is committed.
pub(crate) fn openapi() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| Document::json(openapi::document_text()))
}
