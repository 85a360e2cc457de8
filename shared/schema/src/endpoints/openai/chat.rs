//! `POST /v1/chat/completions`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{EXAMPLE_MODEL, MODEL_HEADERS, PROBLEMS, TAG};
use crate::{
    ProblemCode,
    dialect::Dialect,
    endpoint::{Access, Content, Endpoint, Event, Method, Reply, RequestBody, Scope, Transfer},
};

/// A chat, and how it is to be answered. What is not named here is passed on as it is: `tools`, `tool_choice`, `response_format`,
/// `temperature` and all that the model's provider knows, but for `service_tier`, which is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRequest {
    /// One of the names in `GET /v1/models`, or `default` for the API's own model.
    pub model: String,
    /// What was said so far.
    #[schemars(length(min = 1))]
    pub messages: Vec<ChatMessage>,
    /// Whether to answer with events, as the model writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// With `stream` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// The most tokens of an answer; bounded by what is configured here, and by the caller's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_completion_tokens: Option<u32>,
    /// The older word for `max_completion_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// How many answers to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 128))]
    pub n: Option<u32>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What one side said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// A text, or an array of parts: text, and images where the model takes them. None where the model called tools.
    #[serde(default)]
    pub content: Value,
    /// All else: `tool_calls`, `tool_call_id`, `name`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How to stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamOptions {
    /// Whether a chunk with the tokens of the request comes last, with no choices. All others have `usage: null` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Tokens read and written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens that the model wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Both.
    pub total_tokens: u64,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatCompletion {
    /// Its id.
    pub id: String,
    /// Always `chat.completion`.
    pub object: String,
    /// When it was begun, in seconds since 1970.
    pub created: u64,
    /// The model that answered, as its provider calls it.
    pub model: String,
    /// The answers.
    pub choices: Vec<ChatChoice>,
    /// What they took.
    pub usage: TokenUsage,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatChoice {
    /// Which one it is.
    pub index: u32,
    /// What the model says.
    pub message: ChatMessage,
    /// `stop`, `length`, `tool_calls`, `content_filter`.
    pub finish_reason: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A piece of an answer: the data of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatChunk {
    /// The answer's id, the same on all its chunks.
    pub id: String,
    /// Always `chat.completion.chunk`.
    pub object: String,
    /// When it was begun, the same on all chunks.
    pub created: u64,
    /// The model that answers, the same on all chunks.
    pub model: String,
    /// What comes next of each answer; none on the chunk with usage.
    pub choices: Vec<ChunkChoice>,
    /// Only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What comes next of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkChoice {
    /// Which answer it is of.
    pub index: u32,
    /// What is added to its message.
    pub delta: Map<String, Value>,
    /// Why the model stopped, on its last chunk.
    pub finish_reason: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// `POST /v1/chat/completions`.
pub struct ChatCompletions;

impl Endpoint for ChatCompletions {
    const FUNCTION: &'static str = "chat-completions";
    const ID: &'static str = "chat_completions";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/chat/completions";
    const SUMMARY: &'static str = "Chat, as OpenAI's clients do";
    const DESCRIPTION: &'static str = "OpenAI's chat completions. The request is passed on to a model whose provider speaks this protocol, with all that it says; \
        what another provider's model cannot be asked is a 400 that names the parameter. Where a name stands for several models, they are \
        asked one after the other until one begins to answer.\n\n\
        With `stream: true` the answer is events without names, each the data of a chunk, and at last `[DONE]`. An error in the \
        middle of it is `data: {\"error\": {...}}`, after which nothing comes, and no `[DONE]`.";
    const TAG: &'static str = TAG;
    const ACCESS: Access = Access::Spender(Scope::Chat);
    const TRANSFER: Transfer = Transfer::Streaming;
    const DIALECT: Dialect = Dialect::OpenAi;
    const TIMEOUT_SECS: u32 = 300;
    type Body = ChatRequest;

    fn replies() -> Vec<Reply> {
        vec![Reply {
            status: 200,
            description: "The answer, or, with `stream`, its chunks.",
            headers: MODEL_HEADERS,
            content: vec![
                Content::json(&example()),
                Content::Events(vec![Event::of(
                    "",
                    "A piece of the answer, without a name. The last event's data is `[DONE]`.",
                    &example_chunk(),
                )]),
            ],
        }]
    }

    const PROBLEMS: &'static [ProblemCode] = PROBLEMS;
}

impl RequestBody for ChatRequest {
    fn examples() -> Vec<(&'static str, Self)> {
        let of = |stream| Self {
            model: EXAMPLE_MODEL.to_owned(),
            messages: vec![message("user", "When does the night train leave?")],
            stream,
            stream_options: None,
            max_completion_tokens: Some(64),
            max_tokens: None,
            n: None,
            more: Map::new(),
        };
        vec![("answer", of(None)), ("stream", of(Some(true)))]
    }
}

fn message(role: &str, content: &str) -> ChatMessage {
    ChatMessage {
        role: role.to_owned(),
        content: Value::String(content.to_owned()),
        more: Map::new(),
    }
}

fn example() -> ChatCompletion {
    ChatCompletion {
        id: "chatcmpl-7c3a".to_owned(),
        object: "chat.completion".to_owned(),
        created: 1_795_300_000,
        model: EXAMPLE_MODEL.to_owned(),
        choices: vec![ChatChoice {
            index: 0,
            message: message("assistant", "At 21:40."),
            finish_reason: Some("stop".to_owned()),
            more: Map::new(),
        }],
        usage: TokenUsage {
            prompt_tokens: 14,
            completion_tokens: Some(6),
            total_tokens: 20,
            more: Map::new(),
        },
        more: Map::new(),
    }
}

fn example_chunk() -> ChatChunk {
    let delta = json!({"content": "At"});
    ChatChunk {
        id: "chatcmpl-7c3a".to_owned(),
        object: "chat.completion.chunk".to_owned(),
        created: 1_795_300_000,
        model: EXAMPLE_MODEL.to_owned(),
        choices: vec![ChunkChoice {
            index: 0,
            delta: delta.as_object().cloned().unwrap_or_default(),
            finish_reason: None,
            more: Map::new(),
        }],
        usage: None,
        more: Map::new(),
    }
}
