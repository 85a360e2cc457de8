//! What goes over an event stream: `delta`s, then exactly one `done` or `error`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cost, Problem, Usage, endpoints::analysis::Analysis};

/// The `data:` of a `delta` event: the next piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// The piece. All pieces in order are the whole text.
    pub text: String,
}

/// The `data:` of the `done` event: the answer is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// The id of the request.
    pub request_id: String,
    /// The model that answered.
    pub model: String,
    /// Tokens read and written.
    pub usage: Usage,
    /// What the request cost.
    pub cost: Cost,
    /// Why the model stopped.
    pub finish_reason: FinishReason,
    /// The whole analysis, validated. With `output_format` `json` only: with `markdown` the deltas are the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// It had said all.
    Stop,
    /// It reached the limit of output tokens: the text is cut off there.
    Length,
    /// For a reason of its provider's own.
    Other,
}

/// The `data:` of the `error` event: the answer is not complete, and nothing more comes. The shape that clients of
/// model APIs understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamError {
    /// What happened.
    pub error: StreamErrorBody,
}

/// What happened to a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamErrorBody {
    /// For people.
    pub message: String,
    /// `invalid_request_error` where the caller can mend it, else `server_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For programs: a problem's `code`.
    pub code: String,
    /// The id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl From<Problem> for StreamError {
    fn from(problem: Problem) -> Self {
        let kind = if problem.status < 500 {
            "invalid_request_error"
        } else {
            "server_error"
        };
        Self {
            error: StreamErrorBody {
                message: problem.detail,
                kind: kind.to_owned(),
                code: problem.code.into_owned(),
                request_id: problem.request_id,
            },
        }
    }
}
