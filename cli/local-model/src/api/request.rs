//! `POST /v1/chat/completions`, the request: the fields of OpenAI's that mean something here. Others are accepted and
//! ignored, as is the model's name: there is one model.

use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;
use crate::constraint::bounds::any_object;
use crate::engine::sampler::SamplingOptions;
use crate::model::template::{Message, Role};

/// OpenAI's limit.
const MAX_STOPS: usize = 4;

/// A chat completion request as it comes.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    messages: Vec<MessageIn>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    seed: Option<i64>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    response_format: Option<ResponseFormat>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct MessageIn {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: NamedSchema },
}

#[derive(Debug, Deserialize)]
struct NamedSchema {
    #[serde(default)]
    schema: Option<Value>,
}

/// A request whose values have been checked.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) messages: Vec<Message>,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) sampling: SamplingOptions,
    pub(crate) stops: Vec<String>,
    /// The schema that the answer must be valid against.
    pub(crate) schema: Option<Value>,
}

impl ChatRequest {
    /// Checks what the types do not.
    pub(crate) fn check(self) -> Result<Chat, ApiError> {
        let require = |holds: bool, param, expected| {
            if holds {
                Ok(())
            } else {
                Err(ApiError::Invalid { param, expected })
            }
        };
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        let stops = match self.stop {
            None => Vec::new(),
            Some(Stop::One(stop)) => vec![stop],
            Some(Stop::Several(stops)) => stops,
        };
        require(
            !self.messages.is_empty(),
            "messages",
            "expected at least one message",
        )?;
        require(
            max_tokens.is_none_or(|n| n >= 1),
            "max_tokens",
            "expected a whole number of at least 1",
        )?;
        require(
            self.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)),
            "temperature",
            "expected 0 to 2",
        )?;
        require(
            self.top_p.is_none_or(|p| (0.0..=1.0).contains(&p)),
            "top_p",
            "expected 0 to 1",
        )?;
        require(
            self.n.is_none_or(|n| n == 1),
            "n",
            "this model writes one answer a request",
        )?;
        require(stops.len() <= MAX_STOPS, "stop", "expected at most 4 texts")?;
        let temperature = self.temperature.unwrap_or(0.0);
        Ok(Chat {
            messages: self
                .messages
                .into_iter()
                .map(MessageIn::read)
                .collect::<Result<_, _>>()?,
            stream: self.stream.unwrap_or(false),
            include_usage: self
                .stream_options
                .and_then(|options| options.include_usage)
                .unwrap_or(false),
            max_tokens,
            sampling: SamplingOptions {
                temperature,
                top_p: self.top_p,
                seed: self.seed.unwrap_or(0).cast_unsigned(),
            },
            stops,
            schema: self.response_format.and_then(ResponseFormat::schema),
        })
    }
}

impl MessageIn {
    fn read(self) -> Result<Message, ApiError> {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "assistant" => Role::Assistant,
            // What a tool answered is told to the model as if the user had said it.
            "user" | "tool" | "function" => Role::User,
            _ => {
                return Err(ApiError::Invalid {
                    param: "messages",
                    expected: "a role is system, developer, user, assistant, tool or function",
                });
            }
        };
        let content = match self.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts
                .into_iter()
                .map(Part::read)
                .collect::<Result<Vec<_>, _>>()?
                .join("\n"),
        };
        Ok(Message { role, content })
    }
}

impl Part {
    fn read(self) -> Result<String, ApiError> {
        self.text.ok_or(ApiError::Invalid {
            param: "messages",
            expected: "this model reads only parts of type text",
        })
    }
}

impl ResponseFormat {
    fn schema(self) -> Option<Value> {
        match self {
            Self::Text => None,
            Self::JsonObject => Some(any_object()),
            Self::JsonSchema { json_schema } => Some(json_schema.schema.unwrap_or_else(any_object)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(request: Value) -> Result<Chat, ApiError> {
        serde_json::from_value::<ChatRequest>(request)?.check()
    }

    #[test]
    fn unknown_fields_and_nulls_are_accepted() {
        let request = json!({
            "model": "whatever", "messages": [{"role": "user", "content": "Hi", "name": "x"}],
            "stream": null, "tools": [], "logit_bias": {}, "stop": null, "response_format": {"type": "text"},
        });
        let chat = check(request).unwrap();
        assert_eq!(
            chat.messages,
            [Message {
                role: Role::User,
                content: "Hi".to_owned()
            }]
        );
        assert!(!chat.stream && chat.schema.is_none() && chat.max_tokens.is_none());
        assert_eq!(chat.sampling, SamplingOptions::default());
    }

    #[test]
    fn every_option_is_read() {
        let request = json!({
            "messages": [{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9, "max_completion_tokens": 7,
            "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x", "y"], "n": 1,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "null"}}},
        });
        let chat = check(request).unwrap();
        assert_eq!(
            chat.messages,
            [Message {
                role: Role::System,
                content: "a\nb".to_owned()
            }]
        );
        assert!(chat.stream && chat.include_usage);
        assert_eq!(chat.max_tokens, Some(7));
        assert_eq!(
            chat.sampling,
            SamplingOptions {
                temperature: 0.5,
                top_p: Some(0.9),
                seed: 3
            }
        );
        assert_eq!(chat.stops, ["x", "y"]);
        assert_eq!(chat.schema, Some(json!({"type": "null"})));
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let message = json!([{"role": "user", "content": "Hi"}]);
        let cases = [
            (json!({"messages": []}), "messages"),
            (json!({"messages": message, "temperature": 3}), "temperature"),
            (json!({"messages": message, "top_p": -1}), "top_p"),
            (json!({"messages": message, "max_tokens": 0}), "max_tokens"),
            (json!({"messages": message, "n": 2}), "n"),
            (
                json!({"messages": message, "stop": ["a", "b", "c", "d", "e"]}),
                "stop",
            ),
            (
                json!({"messages": [{"role": "robot", "content": "Hi"}]}),
                "messages",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
                "messages",
            ),
        ];
        for (request, expected) in cases {
            let error = check(request.clone()).unwrap_err();
            assert_eq!(error.body()["error"]["param"], expected, "{request}");
            assert_eq!(error.body()["error"]["type"], "invalid_request_error");
        }
    }

    #[test]
    fn a_request_without_messages_is_malformed() {
        let error = check(json!({"model": "m"})).unwrap_err();
        assert!(matches!(error, ApiError::Malformed(_)));
        assert!(error.to_string().contains("messages"), "{error}");
    }
}
