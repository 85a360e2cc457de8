//! What an analysis is: what the model is asked, the form its answer must have, and the answer as Markdown.
//!
//! Shared by every function that analyses: at once, streamed, or as a job. Knows nothing of HTTP or databases.

mod markdown;
mod prompt;
mod reply;

pub use markdown::markdown;
pub use reply::Draft;

use lambent_llm::{Pricing, Prompt, ReplySchema, SchemaError};
use lambent_schema::{
    Usage,
    endpoints::analysis::{Analysis, AnalysisRequest, OutputFormat},
};

/// More than instructions and the form of the answer add to a document, in bytes, for what a request costs at most.
pub const PROMPT_BYTES: u64 = 4096;

/// The most that an analysis and its repairs can cost, for a document in so many bytes, in millionths of a dollar.
#[must_use]
pub fn at_most(pricing: Pricing, bytes: u64, max_output_tokens: Option<u32>) -> u64 {
    pricing.at_most(bytes + PROMPT_BYTES, pricing.max_answers(), max_output_tokens)
}

/// An analysis to be made.
#[derive(Debug)]
pub struct Task {
    request: AnalysisRequest,
    reply: ReplySchema,
}

impl Task {
    /// The task that a request sets.
    ///
    /// # Errors
    /// Never for a validated request: the schema of the reply is ours.
    pub fn new(request: AnalysisRequest) -> Result<Self, SchemaError> {
        Ok(Self {
            reply: reply::schema(&request)?,
            request,
        })
    }

    /// The document.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.request.text
    }

    /// The form of the answer to the caller.
    #[must_use]
    pub fn output_format(&self) -> OutputFormat {
        self.request.output_format
    }

    /// Asks for an answer in the form of [`Task::reply`].
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        prompt::for_json(&self.request)
    }

    /// The form of the answer: a [`Draft`].
    #[must_use]
    pub fn reply(&self) -> &ReplySchema {
        &self.reply
    }

    /// What to ask when the answer is handed on as it is written, and the form it must have if it is JSON.
    #[must_use]
    pub fn streamed(&self) -> (Prompt, Option<&ReplySchema>) {
        match self.output_format() {
            OutputFormat::Json => (self.prompt(), Some(&self.reply)),
            OutputFormat::Markdown => (prompt::for_markdown(&self.request), None),
        }
    }

    /// The analysis that a draft makes.
    #[must_use]
    pub fn analysis(&self, draft: Draft, model: &str, usage: Usage, request_id: &str) -> Analysis {
        let markdown = (self.output_format() == OutputFormat::Markdown).then(|| markdown(&draft));
        Analysis {
            summary: draft.summary,
            findings: draft.findings,
            entities: draft.entities,
            markdown,
            model: model.to_owned(),
            usage,
            request_id: request_id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::analysis::AnalysisType;

    use super::*;

    #[test]
    fn a_prompt_adds_no_more_to_a_document_than_is_reserved_for_it() {
        for analysis_type in [
            AnalysisType::Summary,
            AnalysisType::Detailed,
            AnalysisType::Entities,
        ] {
            for output_format in [OutputFormat::Json, OutputFormat::Markdown] {
                let text = "A text of some length.".to_owned();
                let length = text.len();
                let task = Task::new(AnalysisRequest {
                    text,
                    analysis_type,
                    output_format,
                    max_findings: 50,
                })
                .unwrap();
                for prompt in [task.prompt(), task.streamed().0] {
                    let schema = task.reply().schema().to_string();
                    let added = prompt.system.len() + prompt.user.len() - length + schema.len();
                    // And what is put around a schema where it is part of the instructions.
                    assert!(added as u64 + 512 < PROMPT_BYTES, "{analysis_type:?}: {added}");
                }
            }
        }
    }
}
