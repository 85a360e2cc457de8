//! Reading a GGUF file: its metadata by key, and the errors a file can cause.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};

/// Why a GGUF file cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be opened.
    #[error("cannot open the model file {}", path.display())]
    Open {
        /// The file asked for.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The file is not GGUF, or is cut short.
    #[error("{} is not a readable GGUF file", path.display())]
    NotGguf {
        /// The file asked for.
        path: PathBuf,
        /// Where reading stopped.
        source: candle_core::Error,
    },
    /// The network is not a llama-style transformer.
    #[error("the model's architecture is `{found}`; only GGUF files of architecture `llama` can be served")]
    Architecture {
        /// `general.architecture` of the file.
        found: String,
    },
    /// The tokenizer is not a byte-level BPE.
    #[error("the model's tokenizer is `{found}`; only byte-level BPE (`gpt2`) can be served")]
    Tokenizer {
        /// `tokenizer.ggml.model` of the file.
        found: String,
    },
    /// The tokenizer splits words by rules that are not known here.
    #[error("the model's pre-tokenizer is `{found}`; known are {}", crate::model::vocabulary::PRE_TOKENIZERS.join(", "))]
    PreTokenizer {
        /// `tokenizer.ggml.pre` of the file.
        found: String,
    },
    /// A metadata entry that every such file has is absent or of another type.
    #[error("the model file has no usable metadata entry `{key}`")]
    Metadata {
        /// The key that was looked up.
        key: &'static str,
    },
    /// The tokenizer's tables do not fit together.
    #[error("the model file's tokenizer cannot be built")]
    Vocabulary(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A tensor is missing or has the wrong shape.
    #[error("the model's weights cannot be loaded")]
    Weights(#[source] candle_core::Error),
    /// The operating system refused a thread for the model.
    #[error("cannot start the model's thread")]
    Thread(#[source] std::io::Error),
}

/// An open GGUF file: metadata in memory, tensors still on disk.
pub(crate) struct Gguf {
    content: Content,
    reader: BufReader<File>,
}

impl Gguf {
    /// Opens `path` and reads everything but the tensors.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(|source| LoadError::Open {
            path: path.into(),
            source,
        })?;
        let mut reader = BufReader::new(file);
        let content = Content::read(&mut reader).map_err(|source| LoadError::NotGguf {
            path: path.into(),
            source,
        })?;
        Ok(Self { content, reader })
    }

    /// A text entry, or `None`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.content
            .metadata
            .get(key)?
            .to_string()
            .ok()
            .map(String::as_str)
    }

    /// A whole number of any width that fits 32 bits, or `None`.
    pub(crate) fn number(&self, key: &str) -> Option<u32> {
        match self.content.metadata.get(key)? {
            Value::U8(n) => Some(u32::from(*n)),
            Value::U16(n) => Some(u32::from(*n)),
            Value::U32(n) => Some(*n),
            Value::I32(n) => u32::try_from(*n).ok(),
            Value::U64(n) => u32::try_from(*n).ok(),
            Value::I64(n) => u32::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A flag, `false` when absent.
    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.content.metadata.get(key), Some(Value::Bool(true)))
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Result<Vec<&str>, LoadError> {
        let wrong = LoadError::Metadata { key };
        let Some(Value::Array(values)) = self.content.metadata.get(key) else {
            return Err(wrong);
        };
        let texts = values
            .iter()
            .map(|value| value.to_string().ok().map(String::as_str));
        texts.collect::<Option<Vec<_>>>().ok_or(wrong)
    }

    /// A list of whole numbers, empty when absent.
    pub(crate) fn numbers(&self, key: &str) -> Vec<i64> {
        let Some(Value::Array(values)) = self.content.metadata.get(key) else {
            return Vec::new();
        };
        values
            .iter()
            .map(|value| {
                value
                    .to_i32()
                    .map_or_else(|_| value.to_u32().map_or(0, i64::from), i64::from)
            })
            .collect()
    }

    /// A decimal entry, or `None`.
    pub(crate) fn decimal(&self, key: &str) -> Option<f32> {
        self.content.metadata.get(key)?.to_f32().ok()
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// Reads one tensor.
    pub(crate) fn tensor(&mut self, name: &str) -> candle_core::Result<QTensor> {
        self.content.tensor(&mut self.reader, name, &Device::Cpu)
    }
}
