//! The model: a GGUF file, loaded and ready to answer.

pub(crate) mod gguf;
pub(crate) mod network;
pub(crate) mod template;
pub(crate) mod vocabulary;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::constraint::{Constraint, Constraints, SchemaError};
use crate::engine::generation::Job;
use crate::engine::{Busy, Engine};
use gguf::{Gguf, LoadError};
use network::Network;
use template::{Message, Template};
use vocabulary::Vocabulary;

/// On a CPU, longer prompts take tens of seconds to read, whatever the model could.
const MAX_CONTEXT: u32 = 2048;
/// The part of the context that a prompt must leave to the answer: an eighth, 256 tokens of 2048.
const ANSWER_SHARE: u32 = 8;

/// A loaded model with the thread that computes.
///
/// Dropping the last reference ends the thread, after the answers that are being written.
pub struct LocalModel {
    name: String,
    context: u32,
    template: Template,
    vocabulary: Arc<Vocabulary>,
    constraints: Constraints,
    engine: Engine,
}

impl LocalModel {
    /// Loads a GGUF file of llama architecture with a byte-level BPE tokenizer. Blocks for as long as the file takes to
    /// read: under a second for the default model.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let mut gguf = Gguf::open(path)?;
        let architecture = gguf.text("general.architecture").unwrap_or("none");
        if architecture != "llama" {
            return Err(LoadError::Architecture {
                found: architecture.to_owned(),
            });
        }
        let vocabulary = Arc::new(Vocabulary::from_gguf(&gguf)?);
        let context = gguf
            .number("llama.context_length")
            .unwrap_or(MAX_CONTEXT)
            .min(MAX_CONTEXT);
        let name = name(&gguf, path);
        Ok(Self {
            name,
            context,
            template: Template::of(&vocabulary),
            constraints: Constraints::new(vocabulary.clone())?,
            engine: Engine::start(Network::load(&mut gguf, context)?, vocabulary.clone())?,
            vocabulary,
        })
    }

    /// The model's name as replies give it, for example `smollm2-135m-instruct`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most tokens that prompt and answer can have together.
    pub fn context_tokens(&self) -> u32 {
        self.context
    }

    /// The most tokens that a prompt can have.
    pub fn prompt_tokens(&self) -> u32 {
        self.context - self.context / ANSWER_SHARE
    }

    /// The token ids of a text, without special tokens.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        self.vocabulary.encode(text)
    }

    /// The token ids of a chat, up to where the answer begins.
    pub(crate) fn prompt(&self, messages: &[Message]) -> Vec<u32> {
        self.template.prompt(&self.vocabulary, messages)
    }

    /// What ends an answer besides the model's own tokens.
    pub(crate) fn stop(&self) -> Option<&'static str> {
        self.template.stop()
    }

    pub(crate) fn constraint(&self, schema: &Value) -> Result<Constraint, SchemaError> {
        self.constraints.compile(schema)
    }

    pub(crate) fn submit(&self, job: Job) -> Result<(), Busy> {
        self.engine.submit(job)
    }
}

/// `general.name` in the manner of model names, or the file's.
fn name(gguf: &Gguf, path: &Path) -> String {
    let given = gguf
        .text("general.name")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = given
        .map(str::to_owned)
        .or(stem)
        .unwrap_or_else(|| "local".to_owned());
    name.to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join("-")
}
