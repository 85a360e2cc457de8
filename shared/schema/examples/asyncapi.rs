//! Prints the AsyncAPI document: `cargo run -p lambent-schema --example asyncapi > asyncapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(lambent_schema::asyncapi::document_text().as_bytes())
}
