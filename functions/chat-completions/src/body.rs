//! What is read of a request; all else of it is passed on as it is.

use std::num::NonZeroU32;

use bytes::Bytes;
use lambent_llm::relay::{Fields, Relay};
use lambent_schema::{Problem, Violation};
use lambent_service::{Failure, FromBody};
use serde::Deserialize;

/// OpenAI's limit.
const MAX_ANSWERS: u32 = 128;
/// What an image may take besides the bytes of its address, in tokens: where it is only linked to, nobody here knows its size.
const IMAGE_TOKENS: u64 = 2000;

/// A request as it came, and what of it decides here.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) fields: Fields,
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) wants_usage: bool,
    /// The most tokens of an answer that are asked for.
    pub(crate) output_tokens: Option<u32>,
    pub(crate) answers: u32,
    /// What it is at most, in tokens: a token is at least a byte.
    pub(crate) prompt_bytes: u64,
    pub(crate) has_images: bool,
}

#[derive(Default, Deserialize)]
struct StreamOptionsIn {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl FromBody for Body {
    fn from_body(body: Bytes) -> Result<Self, Failure> {
        let fields = Fields::parse(&body)?;
        let mut broken = Vec::new();
        fields.require("model", &mut broken);
        fields.require("messages", &mut broken);
        let model = fields.read("model", "a string", &mut broken);
        let stream = fields
            .read("stream", "true or false", &mut broken)
            .unwrap_or(false);
        let options: Option<StreamOptionsIn> = fields.read("stream_options", "an object", &mut broken);
        let count = "a whole number above 0";
        let completion: Option<NonZeroU32> = fields.read("max_completion_tokens", count, &mut broken);
        let tokens: Option<NonZeroU32> = fields.read("max_tokens", count, &mut broken);
        let answers: Option<u32> = fields.read("n", "a whole number from 1 to 128", &mut broken);
        if answers.is_some_and(|answers| !(1..=MAX_ANSWERS).contains(&answers)) {
            broken.push(Violation::of(
                "n",
                "Must be a whole number from 1 to 128",
                "invalid_value",
            ));
        }
        let messages = fields.get("messages");
        if messages.is_some_and(|json| !json.starts_with(b"[")) {
            broken.push(Violation::of("messages", "Must be an array", "wrong_type"));
        }
        let images = messages.map_or(0, images);
        let Some(model) = model.filter(|_| broken.is_empty()) else {
            return Err(Failure::new(Problem::invalid(broken)));
        };
        Ok(Self {
            model,
            stream,
            wants_usage: stream && options.and_then(|options| options.include_usage).unwrap_or(false),
            output_tokens: completion.into_iter().chain(tokens).min().map(NonZeroU32::get),
            answers: answers.unwrap_or(1),
            prompt_bytes: body.len() as u64 + images * IMAGE_TOKENS,
            has_images: images > 0,
            fields,
        })
    }
}

impl Body {
    /// The messages, as JSON.
    pub(crate) fn messages(&self) -> &str {
        let json = self.fields.get("messages").unwrap_or_default();
        str::from_utf8(json).unwrap_or_default()
    }

    /// The request as this target is to get it: its own name for the model, answers no longer than `output_tokens` in its own word for that,
    /// and, of a stream, with usage at its end, by which it is paid for.
    pub(crate) fn for_target(&self, target: &Relay, output_tokens: u32) -> Vec<u8> {
        let mut fields = self.fields.clone();
        fields.set("model", json(target.model()));
        // Who knows one name only would not be bound by the other, and some refuse both.
        let limit = target.limit_name();
        fields.remove(limit.other().as_str());
        fields.set(limit.as_str(), json(&output_tokens));
        // A tier has its own price, and the table one for each model.
        fields.remove("service_tier");
        if self.stream {
            let options = fields.get("stream_options").map(Bytes::copy_from_slice);
            // It was an object when it was read.
            let options = options.and_then(|options| Fields::parse(&options).ok());
            fields.set(
                "stream_options",
                match options {
                    None => r#"{"include_usage":true}"#.into(),
                    Some(mut options) => {
                        options.set("include_usage", "true");
                        options.to_json()
                    }
                },
            );
        }
        fields.to_json()
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Names and numbers.
    serde_json::to_vec(value).unwrap_or_default()
}

/// How many parts of messages are images. Within a text the quotes would be escaped.
fn images(messages: &[u8]) -> u64 {
    let part = br#""image_url""#;
    // Each has the word twice: as its type, and as its field.
    let found = messages
        .windows(part.len())
        .filter(|window| window == part)
        .count();
    found.div_ceil(2) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &'static str) -> Result<Body, Failure> {
        Body::from_body(Bytes::from_static(json.as_bytes()))
    }

    #[test]
    fn what_decides_here_is_read_and_told_at_once_where_it_is_wrong() {
        let body = of(
            r#"{"model": "m", "messages": [{"content": [{"type": "image_url", "image_url": {}}, {"text": "\"image_url\""}]}],
                "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9, "n": 2, "x": 1}"#,
        )
        .unwrap();
        assert!(body.stream && body.wants_usage && body.has_images);
        assert_eq!((body.output_tokens, body.answers), (Some(9), 2));
        let failure = of(r#"{"messages": "hi", "n": 0, "stream": 1}"#).unwrap_err();
        let broken: Vec<_> = failure
            .problem()
            .errors
            .iter()
            .map(|rule| rule.pointer.as_str())
            .collect();
        assert_eq!(broken, ["/model", "/stream", "/n", "/messages"]);
        assert_eq!(of("[]").unwrap_err().problem().code, "invalid_json");
    }

    #[test]
    fn an_answer_of_no_tokens_is_not_asked_for() {
        let failure = of(r#"{"model": "m", "messages": [], "max_tokens": 0, "max_completion_tokens": 0}"#);
        assert_eq!(failure.unwrap_err().problem().errors.len(), 2);
    }

    #[test]
    fn usage_at_the_end_is_no_wish_without_a_stream() {
        let body =
            of(r#"{"model": "m", "messages": [], "stream_options": {"include_usage": true}}"#).unwrap();
        assert!(!body.wants_usage);
    }
}
