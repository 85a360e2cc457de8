//! One record of the request log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::item::is_false;
use crate::{CallerId, timestamp};

/// What is known of one request. It holds lengths and hashes, never a prompt or an answer.
///
/// As JSON (the line that stands in for an item that could not be written) the field names are the
/// attributes' names, and what is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The id the caller was given with the answer.
    pub request_id: String,
    /// The function that served it: `analyse`.
    pub function: String,
    /// Method and path, without parameters' values: `POST /analyse`.
    pub route: String,
    /// The caller, or `anonymous`.
    pub caller: CallerId,
    /// When the function began with it; kept to the millisecond.
    #[serde(with = "timestamp")]
    pub started_at: OffsetDateTime,
    /// How far it has come.
    pub state: State,
    /// The HTTP status that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code of the problem that ended it: `model_busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The model that was asked: `provider::model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How often the model was asked: more than once where its reply had to be repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Tokens the model read, over all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens the model wrote, over all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// What the tokens cost, in millionths of a US dollar; unknown for a model without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_dollars: Option<u64>,
    /// Whether the tokens are counted here, because the model's answer broke off before its provider said how many they were.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tokens_are_estimated: bool,
    /// What Lambda asks for the function's time, in millionths of a US dollar; 0 elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_micro_dollars: Option<u64>,
    /// Milliseconds from the start to the model's first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// Milliseconds from the start to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
    /// How long its stages took, in microseconds: `auth`, `embed`, `search`, `model`, `parse`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages_us: BTreeMap<String, u64>,
    /// The length of the caller's text in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_chars: Option<u64>,
    /// SHA-256 of the caller's text, in lowercase hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_sha256: Option<String>,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not ended yet; long after its start: it died.
    Started,
    /// Answered in full.
    Done,
    /// Ended with an error.
    Error,
    /// The client left before the end.
    Cancelled,
}

impl State {
    /// Its name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

impl RequestRecord {
    /// The record of a request that starts now: nothing else is known of it yet.
    pub fn started(
        request_id: impl Into<String>,
        function: impl Into<String>,
        route: impl Into<String>,
        caller: CallerId,
        started_at: OffsetDateTime,
    ) -> Self {
        Self {
            request_id: request_id.into(),
            function: function.into(),
            route: route.into(),
            caller,
            started_at,
            state: State::Started,
            status: None,
            error_code: None,
            model: None,
            attempts: None,
            input_tokens: None,
            output_tokens: None,
            cost_micro_dollars: None,
            tokens_are_estimated: false,
            compute_micro_dollars: None,
            first_token_ms: None,
            total_ms: None,
            stages_us: BTreeMap::new(),
            text_chars: None,
            text_sha256: None,
        }
    }
}
