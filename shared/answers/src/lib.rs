//! What an answer from documents is: what is looked for, the sources that a model is given, what it is asked, and which of its
//! citations hold.
//!
//! Knows no HTTP and no database, and calls no model. What it does, in the order of a request: [`looked_for`], [`sources`], [`prompt`],
//! [`verified`].

mod citations;
mod marks;
mod prompt;
mod sources;
mod turns;
mod words;

pub use citations::{Verified, verified};
pub use prompt::prompt;
pub use sources::{Bounds, sources};
pub use turns::looked_for;

use lambent_llm::{EmbeddingPricing, Pricing};

/// The most bytes that sources take of a prompt, with what stands around each.
pub const SOURCES_BYTES: usize = 24 * 1024;

/// More than everything else adds to a question, its history and its sources, in bytes.
pub const PROMPT_BYTES: u64 = 1024;

/// The most that an answer can cost, for a request of so many bytes, in millionths of a dollar: what it asks is embedded, and one
/// answer is given.
#[must_use]
pub fn at_most(
    embedding: EmbeddingPricing,
    model: Pricing,
    body_bytes: u64,
    max_output_tokens: Option<u32>,
) -> u64 {
    let prompt_bytes = body_bytes
        .saturating_add(SOURCES_BYTES as u64)
        .saturating_add(PROMPT_BYTES);
    let answer = model.at_most(prompt_bytes, 1, max_output_tokens);
    embedding.at_most(body_bytes).saturating_add(answer)
}

#[cfg(test)]
mod testing {
    use lambent_schema::endpoints::ask::{AskRequest, Source};

    /// A question with nothing else to it.
    pub(crate) fn question(text: &str) -> AskRequest {
        AskRequest {
            question: text.to_owned(),
            top_k: 20,
            filter: Default::default(),
            min_score: 0.0,
            history: Vec::new(),
            max_output_tokens: None,
        }
    }

    /// Sources of these texts, numbered from 1.
    pub(crate) fn sources(texts: &[&str]) -> Vec<Source> {
        let source = |(n, text): (u32, &&str)| Source {
            n,
            document_id: format!("document-{n}"),
            title: format!("Title {n}"),
            chunk: n - 1,
            score: 0.9,
            text: (*text).to_owned(),
        };
        (1..).zip(texts).map(source).collect()
    }
}
