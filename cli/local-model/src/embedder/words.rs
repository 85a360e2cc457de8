//! Texts to word pieces, as the model was trained on them.

use std::path::Path;

use tokenizers::tokenizer::{Tokenizer, TruncationParams};

/// The most word pieces that are read of a text, those for its beginning and its end included: what the published model is set
/// to. Its network has positions for 512, but was trained on shorter texts.
pub const EMBEDDING_TOKENS: usize = 256;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The tokenizer.
pub(crate) struct Words(Tokenizer);

/// Word pieces of several texts.
#[derive(Debug)]
pub(crate) struct Read {
    /// The ids of each text, in the texts' order.
    pub(crate) ids: Vec<Vec<u32>>,
    /// How many texts are longer than what is read of them.
    pub(crate) truncated: usize,
}

impl Words {
    /// Reads a `tokenizer.json`.
    pub(crate) fn load(path: &Path) -> Result<Self, BoxError> {
        let mut tokenizer = Tokenizer::from_file(path)?;
        // The published file fills every text up to 128 word pieces, and cuts it there.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(TruncationParams {
            max_length: EMBEDDING_TOKENS,
            ..TruncationParams::default()
        }))?;
        Ok(Self(tokenizer))
    }

    /// The word pieces of texts. Of longer ones only the beginning is read.
    pub(crate) fn read(&self, texts: &[String]) -> Result<Read, BoxError> {
        let mut read = Read {
            ids: Vec::with_capacity(texts.len()),
            truncated: 0,
        };
        for text in texts {
            let encoding = self.0.encode(text.as_str(), true)?;
            read.truncated += usize::from(!encoding.get_overflowing().is_empty());
            read.ids.push(encoding.get_ids().to_vec());
        }
        Ok(read)
    }
}

impl Read {
    /// The texts' places, in groups of at most `size` of about the same length, so that little is filled up.
    pub(crate) fn batches(&self, size: usize) -> Vec<Vec<usize>> {
        let mut places: Vec<usize> = (0..self.ids.len()).collect();
        places.sort_by_key(|place| self.ids[*place].len());
        places.chunks(size).map(<[usize]>::to_vec).collect()
    }

    /// All word pieces that are read.
    pub(crate) fn tokens(&self) -> usize {
        self.ids.iter().map(Vec::len).sum()
    }
}
