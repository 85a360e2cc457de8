//! An answer that comes whole: what of it is counted.

use std::borrow::Cow;

use bytes::Bytes;
use lambent_schema::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RelayError, TokenCounts};
use crate::error::{ModelError, UpstreamFault};
use crate::failure::of_reqwest;
use crate::meter::Meter;

/// An answer that is coming. Dropped before all of it is here (its provider broke off, its time is over, its caller left), it leaves what
/// has come to be paid for.
pub(super) struct Arriving {
    body: Vec<u8>,
    meter: Meter,
    is_over: bool,
}

/// What is read of an answer; the rest goes by.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    usage: Option<TokenCounts>,
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Message<'a>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
}

impl Arriving {
    pub(super) fn new(meter: Meter) -> Self {
        Self {
            body: Vec::new(),
            meter,
            is_over: false,
        }
    }

    /// All of it, its tokens counted.
    pub(super) async fn all_of(mut self, mut response: reqwest::Response) -> Result<Bytes, RelayError> {
        while let Some(piece) = response.chunk().await.map_err(|error| of_reqwest(error).error)? {
            self.body.extend_from_slice(&piece);
        }
        let answer: Answer =
            serde_json::from_slice(&self.body).map_err(|_| ModelError::upstream(UpstreamFault::Malformed))?;
        let usage: Usage = answer.usage.unwrap_or_default().into();
        // An embedding's answer has neither.
        if let (0, Some(choices)) = (usage.output_tokens, answer.choices) {
            written(choices, &mut self.meter);
        }
        self.meter.counted(usage);
        self.is_over = true;
        Ok(std::mem::take(&mut self.body).into())
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let body = String::from_utf8_lossy(&self.body);
        // With some JSON between the words, since half an answer is none.
        if let Some((_, choices)) = body.split_once("\"choices\"") {
            self.meter.piece(choices);
        }
    }
}

/// Tells the meter what the model wrote, for providers that do not say how many tokens that was.
fn written(choices: &RawValue, meter: &mut Meter) {
    let choices: Vec<Choice> = serde_json::from_str(choices.get()).unwrap_or_default();
    for Choice { message } in choices {
        let thought = message.reasoning_content.and_then(text_of);
        let thought = thought.or_else(|| message.reasoning.and_then(text_of));
        let others = [
            message.content,
            message.refusal,
            message.tool_calls,
            message.function_call,
        ];
        let others = others.into_iter().flatten().filter_map(text_of);
        for text in others.chain(thought) {
            meter.piece(&text);
        }
    }
}

/// A value that the model wrote, if there is something in it: a text, or else its JSON.
pub(super) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    match value.get() {
        "null" | "\"\"" | "[]" => None,
        json if json.starts_with('"') => serde_json::from_str(json).ok().map(Cow::Owned),
        json => Some(Cow::Borrowed(json)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lambent_schema::Spending;

    use super::*;
    use crate::tally::tests::Last;

    /// The tokens of an answer of which this came, and no more.
    fn cut_after(body: &str) -> u64 {
        let last = Last::default();
        let price = "0/0".parse().unwrap();
        let meter = Meter::new(Some(Arc::new(last.clone())), price, Spending::default(), 5);
        let mut arriving = Arriving::new(meter);
        arriving.body.extend_from_slice(body.as_bytes());
        drop(arriving);
        last.spending().usage.output_tokens
    }

    #[test]
    fn what_has_come_of_an_answer_that_is_cut_is_counted() {
        assert_eq!(cut_after(r#"{"id":"chatcmpl-1","object":"chat.completion","#), 0);
        let begun = r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":""#;
        let long = format!("{begun}{}", "night train ".repeat(100));
        let tokens = cut_after(&long) - cut_after(begun);
        assert_eq!(tokens, 300);
    }

    #[test]
    fn all_that_a_model_wrote_is_counted_once() {
        let count = |message: &str| {
            let last = Last::default();
            let price = "0/0".parse().unwrap();
            let mut meter = Meter::new(Some(Arc::new(last.clone())), price, Spending::default(), 5);
            let choices = format!(r#"[{{"index":0,"message":{message}}}]"#);
            written(&RawValue::from_string(choices).unwrap(), &mut meter);
            last.spending().usage.output_tokens
        };
        let twenty_bytes = "four bytes a token  ";
        for message in [
            format!(r#"{{"role":"assistant","content":"{twenty_bytes}"}}"#),
            format!(r#"{{"content":null,"reasoning":"{twenty_bytes}"}}"#),
            format!(r#"{{"content":"","reasoning":"{twenty_bytes}","reasoning_content":"{twenty_bytes}"}}"#),
            r#"{"content":null,"tool_calls":[{"function":{"a":1}}]}"#.to_owned(),
        ] {
            let expected = if message.contains("tool") { 6 } else { 5 };
            assert_eq!(count(&message), expected, "{message}");
        }
        assert_eq!(count(r#"{"content":null,"tool_calls":[]}"#), 0);
    }
}
