//! One chunk of a stream: what has to be known of it, and what has to be rewritten.
//!
//! A chunk is read once, its strings borrowed, and passed on as it came; where a value has to be another one, only that is replaced.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use lambent_schema::Usage;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::TokenCounts;
use super::whole::text_of;
use crate::meter::Meter;

/// What a chunk means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It has a piece of the answer, or its end.
    Piece,
    /// It has none: the role of who speaks, or usage.
    Nothing,
    /// It is the word of a provider that fails.
    Error,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    created: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    /// Also where it is `null`.
    #[serde(borrow, default, deserialize_with = "present")]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Delta<'a>,
    #[serde(default)]
    finish_reason: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Cow<'a, str>>,
    /// The same in the words of others, mostly a text; some send it beside `reasoning_content`, and it is one thought all the same.
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(default)]
    tool_calls: Option<IgnoredAny>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Passes on the chunks of one answer: `id`, `created` and `model` are the first one's on all of them, and usage is told as it was
/// asked for.
pub(super) struct Rewriter {
    /// What the target calls the model, for providers that do not say.
    model: String,
    /// Values as JSON, once the first chunk is here: those of `id`, `created` and `model`.
    identity: Option<[String; 3]>,
    wants_usage: bool,
    /// Usage that came with a piece of the answer.
    usage: Option<String>,
    /// Usage has been told.
    is_told: bool,
}

const NAMES: [&str; 3] = ["id", "created", "model"];

impl Rewriter {
    pub(super) fn new(model: &str, wants_usage: bool) -> Self {
        Self {
            model: model.to_owned(),
            identity: None,
            wants_usage,
            usage: None,
            is_told: false,
        }
    }

    /// Passes on one chunk, and tells the meter what is in it.
    pub(super) fn pass(
        &mut self,
        data: &str,
        meter: &mut Meter,
        out: &mut Vec<u8>,
    ) -> Result<Meaning, serde_json::Error> {
        let chunk: Chunk = serde_json::from_str(data)?;
        if chunk.error.is_some() {
            return Ok(Meaning::Error);
        }
        let meaning = count(&chunk, meter);
        let usage = chunk.usage.filter(|usage| usage.get() != "null");
        if let Some(usage) = usage {
            let counts: TokenCounts = serde_json::from_str(usage.get())?;
            meter.counted(counts.into());
            if chunk.choices.is_empty() {
                // The chunk that is there for usage alone.
                if !self.wants_usage {
                    return Ok(Meaning::Nothing);
                }
                self.is_told = true;
            } else if self.wants_usage {
                self.usage = Some(usage.get().to_owned());
            }
        }
        let edits = self.edits(data, &chunk, usage.is_some());
        out.extend_from_slice(b"data: ");
        apply(data, edits, out);
        out.extend_from_slice(b"\n\n");
        Ok(meaning)
    }

    /// The end of the answer: usage, if it was asked for and not told yet, and OpenAI's word for the end.
    pub(super) fn end(&mut self, counted: Usage, out: &mut Vec<u8>) {
        if self.wants_usage && !self.is_told {
            let [id, created, model] = self.identity(None, None, None).clone();
            let usage = self.usage.take().unwrap_or_else(|| in_openais_words(counted));
            out.extend_from_slice(
                format!(
                    "data: {{\"id\":{id},\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{model},\
                     \"choices\":[],\"usage\":{usage}}}\n\n"
                )
                .as_bytes(),
            );
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// What has to be another one in this chunk: where, and what. In the order of places.
    fn edits(&mut self, data: &str, chunk: &Chunk<'_>, has_usage: bool) -> Vec<Edit> {
        let mut edits = Vec::new();
        let said = [chunk.id, chunk.created, chunk.model];
        let identity = self.identity(chunk.id, chunk.created, chunk.model);
        for ((name, said), wanted) in NAMES.iter().zip(said).zip(identity) {
            match said {
                Some(said) if said.get() == wanted => {}
                Some(said) => edits.push(Edit::replace(place(data, said), wanted.clone())),
                None => edits.push(Edit::insert(1, format!("\"{name}\":{wanted},"))),
            }
        }
        let is_for_usage = chunk.choices.is_empty() && has_usage;
        match chunk.usage {
            None if self.wants_usage => {
                edits.push(Edit::insert(data.len() - 1, ",\"usage\":null".to_owned()))
            }
            Some(usage) if !self.wants_usage => edits.push(Edit::cut(field(data, "usage", usage))),
            Some(usage) if has_usage && !is_for_usage => {
                edits.push(Edit::replace(place(data, usage), "null".to_owned()));
            }
            _ => {}
        }
        edits.sort_by_key(|edit| edit.start);
        edits
    }

    /// The values that all chunks have: those of the first, and where it has none, of our own.
    fn identity(
        &mut self,
        id: Option<&RawValue>,
        created: Option<&RawValue>,
        model: Option<&RawValue>,
    ) -> &[String; 3] {
        self.identity.get_or_insert_with(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let or = |said: Option<&RawValue>, own: serde_json::Value| {
                said.map_or_else(|| own.to_string(), |said| said.get().to_owned())
            };
            [
                or(id, json!(format!("chatcmpl-{}", now.as_nanos()))),
                or(created, json!(now.as_secs())),
                or(model, json!(self.model)),
            ]
        })
    }
}

/// Tells the meter what a chunk brings: a token a piece.
fn count(chunk: &Chunk<'_>, meter: &mut Meter) -> Meaning {
    let mut meaning = Meaning::Nothing;
    for Choice { delta, finish_reason } in &chunk.choices {
        let thought = some(delta.reasoning_content.as_deref());
        let thought = thought.or_else(|| delta.reasoning.and_then(text_of));
        let texts = [
            some(delta.content.as_deref()),
            some(delta.refusal.as_deref()),
            thought,
        ];
        for text in texts.into_iter().flatten() {
            meter.piece(&text);
            meaning = Meaning::Piece;
        }
        if delta.tool_calls.is_some() {
            meter.piece("");
            meaning = Meaning::Piece;
        }
        if finish_reason.is_some() {
            meaning = Meaning::Piece;
        }
    }
    meaning
}

fn some(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty()).map(Cow::Borrowed)
}

pub(crate) fn in_openais_words(usage: Usage) -> String {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
    .to_string()
}

/// A place in a text, and what is to be there instead.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl Edit {
    fn replace((start, end): (usize, usize), text: String) -> Self {
        Self { start, end, text }
    }

    fn insert(at: usize, text: String) -> Self {
        Self::replace((at, at), text)
    }

    fn cut(place: (usize, usize)) -> Self {
        Self::replace(place, String::new())
    }
}

fn apply(data: &str, edits: Vec<Edit>, out: &mut Vec<u8>) {
    let mut from = 0;
    for edit in edits {
        out.extend_from_slice(data.get(from..edit.start).unwrap_or_default().as_bytes());
        out.extend_from_slice(edit.text.as_bytes());
        from = edit.end;
    }
    out.extend_from_slice(data.get(from..).unwrap_or_default().as_bytes());
}

/// Where in `data` this part of it is.
fn place(data: &str, part: &RawValue) -> (usize, usize) {
    let start = (part.get().as_ptr() as usize).saturating_sub(data.as_ptr() as usize);
    (start, start + part.get().len())
}

/// Where in an object this field is, with one of the commas beside it.
fn field(data: &str, name: &str, value: &RawValue) -> (usize, usize) {
    let (start, end) = place(data, value);
    let before = data.get(..start).unwrap_or_default().trim_end();
    let before = before.strip_suffix(':').unwrap_or(before).trim_end();
    let before = before
        .strip_suffix(&format!("\"{name}\""))
        .unwrap_or(before)
        .trim_end();
    if let Some(before) = before.strip_suffix(',') {
        return (before.len(), end);
    }
    let after = data.get(end..).unwrap_or_default();
    let after = after.trim_start();
    let after = after.strip_prefix(',').unwrap_or(after);
    (before.len(), data.len() - after.len())
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;
