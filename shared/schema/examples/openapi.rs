//! Prints the OpenAPI document: `cargo run -p lambent-schema --example openapi > openapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(lambent_schema::openapi::document_text().as_bytes())
}
