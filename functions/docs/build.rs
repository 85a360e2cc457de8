//! Makes the pages and the document when the function is compiled: a cold function only has to send them.
//!
//! Script, style and markup come from `aide`, which carries Swagger UI and ReDoc inside; what is changed of them here is what
//! would make a browser ask for something else. For each answer there are its text, its entity tag and its security policy.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

use aide::{redoc::Redoc, swagger::Swagger};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lambent_schema::{asyncapi, openapi};
use sha2::{Digest as _, Sha256};

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
/// Where a reader who signs in comes back to.
const REDIRECT: &str = "oauth2-redirect.html";
/// The end of the script that sets Swagger UI up, and what it says about signing in: by PKCE, since a page can keep no secret.
const END_OF_SETUP: &str = "})\n</script>";
const SETUP_OAUTH: &str = "})\n    ui.initOAuth({ usePkceWithAuthorizationCodeGrant: true })\n</script>";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={REDIRECT}");
    let swagger_ui = Swagger::new(SPEC_URL).with_title(TITLE).html();
    let swagger_ui = swagger_ui.replacen("<head>", HEAD, 1);
    let (before, after) = swagger_ui
        .rsplit_once(END_OF_SETUP)
        .ok_or("Swagger UI's page has another form")?;
    let swagger_ui = format!("{before}{SETUP_OAUTH}{after}");
    let redoc = Redoc::new(SPEC_URL).with_title(TITLE).html();
    let redoc = redoc.replacen("<head>", HEAD, 1).replace(REDOC_LOGO, NO_IMAGE);
    let documents = [
        Made::page("SWAGGER_UI", "docs.html", swagger_ui),
        Made::page("REDOC", "redoc.html", redoc),
        Made::page(
            "OAUTH2_REDIRECT",
            "oauth2-redirect.html",
            fs::read_to_string(REDIRECT)?,
        ),
        Made::json("OPENAPI", "openapi.json", openapi::document_text()),
        Made::json("ASYNCAPI", "asyncapi.json", asyncapi::document_text()),
    ];
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    let mut code = String::new();
    for document in documents {
        fs::write(folder.join(document.file), &document.text)?;
        document.write(&mut code)?;
    }
    fs::write(folder.join("documents.rs"), code)?;
    Ok(())
}

/// A document, made.
struct Made {
    constant: &'static str,
    file: &'static str,
    text: String,
    content_type: &'static str,
    security_policy: String,
}

impl Made {
    /// A page whose scripts are all inline.
    fn page(constant: &'static str, file: &'static str, html: String) -> Self {
        Self {
            constant,
            file,
            security_policy: security_policy(&html),
            text: html,
            content_type: "text/html; charset=utf-8",
        }
    }

    fn json(constant: &'static str, file: &'static str, json: String) -> Self {
        Self {
            constant,
            file,
            text: json,
            content_type: "application/json",
            security_policy: "default-src 'none'".to_owned(),
        }
    }

    /// A static of the type `crate::document::Document`.
    fn write(&self, code: &mut String) -> std::fmt::Result {
        let etag = format!(
            "\"{}\"",
            BASE64_STANDARD.encode(&Sha256::digest(&self.text)[..15])
        );
        writeln!(
            code,
            "pub(crate) static {}: Document = Document {{\n    body: Bytes::from_static(include_bytes!({:?})),\n    \
                 content_type: {:?},\n    security_policy: Cow::Borrowed({:?}),\n    etag: Cow::Borrowed({etag:?}),\n}};",
            self.constant, self.file, self.content_type, self.security_policy,
        )
    }
}

/// Only the page's own scripts run (by their hashes), and nothing is loaded from or sent to another origin. ReDoc searches in a
/// worker that it makes of a blob; both pages style elements inline.
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
