//! Replies in OpenAI's shape: the whole completion, and the chunks of a stream.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::engine::generation::FinishReason;

/// The last line of a stream that came to its end.
pub(crate) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// What all parts of one reply share.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    id: String,
    created: u64,
    model: String,
    prompt_tokens: usize,
}

impl Reply {
    pub(crate) fn new(model: &str, prompt_tokens: usize) -> Self {
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
        Self {
            id,
            created,
            model: model.to_owned(),
            prompt_tokens,
        }
    }

    /// `chat.completion`
    pub(crate) fn whole(&self, content: &str, reason: FinishReason, written: usize) -> Value {
        let choice = json!({
            "index": 0,
            "message": { "role": "assistant", "content": content, "refusal": null },
            "logprobs": null,
            "finish_reason": name(reason),
        });
        let mut reply = self.envelope("chat.completion", json!([choice]));
        reply["usage"] = self.usage(written);
        reply
    }

    /// The first chunk: who speaks.
    pub(crate) fn opening(&self) -> Bytes {
        self.chunk(&json!({ "role": "assistant", "content": "" }), None)
    }

    /// A chunk of text.
    pub(crate) fn delta(&self, text: &str) -> Bytes {
        self.chunk(&json!({ "content": text }), None)
    }

    /// The last chunk with a choice: why it ended.
    pub(crate) fn closing(&self, reason: FinishReason) -> Bytes {
        self.chunk(&json!({}), Some(reason))
    }

    /// The chunk after the last, for callers that asked for it.
    pub(crate) fn usage_chunk(&self, written: usize) -> Bytes {
        let mut chunk = self.envelope("chat.completion.chunk", json!([]));
        chunk["usage"] = self.usage(written);
        event(&chunk)
    }

    fn chunk(&self, delta: &Value, reason: Option<FinishReason>) -> Bytes {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason.map(name) });
        event(&self.envelope("chat.completion.chunk", json!([choice])))
    }

    fn envelope(&self, object: &str, choices: Value) -> Value {
        json!({ "id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices })
    }

    fn usage(&self, written: usize) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        })
    }
}

/// One server-sent event. JSON has no line breaks outside of strings, and escapes them in strings.
pub(crate) fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(event: &Bytes) -> Value {
        let text = std::str::from_utf8(event).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn a_line_break_in_the_text_does_not_break_the_event() {
        let event = Reply::new("m", 1).delta("a\n\nb");
        assert_eq!(event.iter().filter(|byte| **byte == b'\n').count(), 2);
        assert_eq!(data(&event)["choices"][0]["delta"]["content"], "a\n\nb");
    }

    #[test]
    fn chunks_carry_the_role_first_the_reason_last_and_the_usage_after() {
        let reply = Reply::new("m", 5);
        let opening = data(&reply.opening());
        assert_eq!(opening["object"], "chat.completion.chunk");
        assert_eq!(opening["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(opening["choices"][0]["finish_reason"], Value::Null);
        let closing = data(&reply.closing(FinishReason::Length));
        assert_eq!(closing["choices"][0]["finish_reason"], "length");
        assert_eq!(closing["choices"][0]["delta"], json!({}));
        assert_eq!(closing["id"], opening["id"]);
        let usage = data(&reply.usage_chunk(3));
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(
            usage["usage"],
            json!({ "prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8 })
        );
    }

    #[test]
    fn a_whole_reply_has_openai_s_fields() {
        let reply = Reply::new("m", 5).whole("Hi", FinishReason::Stop, 2);
        assert_eq!(reply["object"], "chat.completion");
        assert_eq!(reply["model"], "m");
        assert_eq!(reply["choices"][0]["message"]["content"], "Hi");
        assert_eq!(reply["choices"][0]["finish_reason"], "stop");
        assert_eq!(reply["usage"]["total_tokens"], 7);
    }
}
