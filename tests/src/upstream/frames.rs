//! OpenAI's chat completion objects, and the words that count as tokens.

use serde_json::{Value, json};

/// The pieces that a text is streamed in: each a word with the space before it. Their number is the text's tokens.
#[must_use]
pub fn tokens(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word && c.is_whitespace() {
            pieces.push(&text[start..at]);
            start = at;
        }
        in_word = !c.is_whitespace();
    }
    match (in_word, pieces.last_mut()) {
        (true, _) => pieces.push(&text[start..]),
        // Space at the end belongs to the last word.
        (false, Some(last)) => *last = &text[start - last.len()..],
        (false, None) => {}
    }
    pieces
}

/// The tokens of all messages of a request.
pub(super) fn prompt_tokens(request: &Value) -> usize {
    let words = |text: &Value| text.as_str().map_or(0, |text| text.split_whitespace().count());
    let messages = request["messages"].as_array().into_iter().flatten();
    messages
        .map(|message| match &message["content"] {
            Value::Array(parts) => parts.iter().map(|part| words(&part["text"])).sum(),
            content => words(content),
        })
        .sum()
}

/// What all objects of one answer have in common.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub(super) model: Value,
    pub(super) include_usage: bool,
}

impl Envelope {
    /// One chunk of a stream: OpenAI puts `"usage": null` on every chunk but the last when usage is asked for.
    pub(super) fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        let mut chunk = self.object("chat.completion.chunk");
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        }]);
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    /// The chunk after the last, with no choices.
    pub(super) fn usage_chunk(&self, prompt: usize, completion: usize) -> Value {
        let mut chunk = self.object("chat.completion.chunk");
        chunk["choices"] = json!([]);
        chunk["usage"] = usage(prompt, completion);
        chunk
    }

    /// A whole answer.
    pub(super) fn whole(&self, text: &str, finish_reason: &str, prompt: usize, completion: usize) -> Value {
        let mut whole = self.object("chat.completion");
        whole["choices"] = json!([{
            "index": 0, "message": {"role": "assistant", "content": text}, "logprobs": null,
            "finish_reason": finish_reason,
        }]);
        whole["usage"] = usage(prompt, completion);
        whole
    }

    fn object(&self, object: &str) -> Value {
        json!({"id": "chatcmpl-loopback", "object": object, "created": 1_700_000_000, "model": self.model})
    }
}

fn usage(prompt: usize, completion: usize) -> Value {
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn pieces_are_words_and_add_up_to_the_text() {
        for text in [
            "",
            " ",
            "one",
            "one two",
            " one  two\n",
            "{\n  \"a\": 1\n}",
            "\u{e4}\u{f6} \u{fc}",
        ] {
            assert_eq!(tokens(text).len(), text.split_whitespace().count(), "{text:?}");
            if !text.trim().is_empty() {
                assert_eq!(tokens(text).concat(), text);
            }
        }
    }
}
