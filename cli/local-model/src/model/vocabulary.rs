//! The tokenizer a GGUF file carries: text to token ids, and token ids to bytes.
//!
//! Special tokens (`<|im_end|>` and their like) are never produced from text: what a caller writes stays text, and
//! cannot close its own turn. The chat template places them by id.

use std::collections::HashMap;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer};

use super::gguf::{Gguf, LoadError};

/// The pre-tokenizers (`tokenizer.ggml.pre`) that are known here.
pub(crate) const PRE_TOKENIZERS: [&str; 6] = ["smollm", "gpt-2", "gpt2", "default", "llama-bpe", "llama3"];

/// Llama 3's word splitting, as published in its tokenizer.json.
const LLAMA3_WORDS: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Tokens that end an answer, by the names models give them.
const END_NAMES: [&str; 5] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
];

/// GGUF's token types: 1 is text, 4 is text taken literally; the others (unknown, control, unused) carry none.
const NORMAL: i64 = 1;
const USER_DEFINED: i64 = 4;

/// Token ids, their bytes and their names.
pub(crate) struct Vocabulary {
    bpe: Tokenizer,
    /// Bytes by token id; empty for special tokens.
    bytes: Vec<Vec<u8>>,
    special: HashMap<String, u32>,
    ends: Vec<u32>,
    bos: Option<u32>,
}

impl Vocabulary {
    /// Builds the tokenizer from the file's metadata.
    pub(crate) fn from_gguf(gguf: &Gguf) -> Result<Self, LoadError> {
        let kind = gguf.text("tokenizer.ggml.model").unwrap_or("none");
        if kind != "gpt2" {
            return Err(LoadError::Tokenizer {
                found: kind.to_owned(),
            });
        }
        let names = gguf.texts("tokenizer.ggml.tokens")?;
        let types = gguf.numbers("tokenizer.ggml.token_type");
        let kind_of = |id: usize| types.get(id).copied().unwrap_or(NORMAL);
        let alphabet = byte_alphabet();
        let bytes = names
            .iter()
            .enumerate()
            .map(|(id, name)| token_bytes(name, kind_of(id), &alphabet))
            .collect();
        let special: HashMap<String, u32> = (0u32..)
            .zip(&names)
            .filter(|(id, _)| !matches!(kind_of(*id as usize), NORMAL | USER_DEFINED))
            .map(|(id, name)| ((*name).to_owned(), id))
            .collect();
        let eos = gguf
            .number("tokenizer.ggml.eos_token_id")
            .filter(|id| (*id as usize) < names.len())
            .ok_or(LoadError::Metadata {
                key: "tokenizer.ggml.eos_token_id",
            })?;
        let mut ends = vec![eos];
        ends.extend(
            END_NAMES
                .iter()
                .filter_map(|name| special.get(*name))
                .copied()
                .filter(|id| *id != eos),
        );
        let bos = gguf
            .number("tokenizer.ggml.bos_token_id")
            .filter(|_| gguf.flag("tokenizer.ggml.add_bos_token"));
        Ok(Self {
            bpe: bpe(gguf, &names)?,
            bytes,
            special,
            ends,
            bos,
        })
    }

    /// Text to token ids. No special token comes out.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        // Encoding fails only in a normaliser or a post-processor, and this tokenizer has neither.
        self.bpe
            .encode_fast(text, false)
            .map(|encoding| encoding.get_ids().to_vec())
            .unwrap_or_default()
    }

    /// The bytes a token stands for; none for a special token.
    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// The id of a special token.
    pub(crate) fn special(&self, name: &str) -> Option<u32> {
        self.special.get(name).copied()
    }

    /// Special tokens with their ids.
    pub(crate) fn specials(&self) -> impl Iterator<Item = (&str, u32)> {
        self.special.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The tokens that end an answer; the file's own end token is the first.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The token every prompt starts with, if the model wants one.
    pub(crate) fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// How many ids there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The byte-pair encoder with the model's own way of splitting words.
fn bpe(gguf: &Gguf, names: &[&str]) -> Result<Tokenizer, LoadError> {
    let merges = gguf.texts("tokenizer.ggml.merges")?;
    let merges = merges
        .iter()
        .map(|merge| merge.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())));
    let merges = merges.collect::<Option<Vec<_>>>().ok_or(LoadError::Metadata {
        key: "tokenizer.ggml.merges",
    })?;
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let llama3 = matches!(pre, "llama-bpe" | "llama3");
    let vocab: Vocab = names
        .iter()
        .zip(0u32..)
        .map(|(name, id)| ((*name).to_owned(), id))
        .collect();
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .ignore_merges(llama3)
        .build();
    let mut tokenizer = Tokenizer::new(model.map_err(LoadError::Vocabulary)?);
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(pre)?));
    Ok(tokenizer)
}

fn pre_tokenizer(pre: &str) -> Result<PreTokenizerWrapper, LoadError> {
    let words = ByteLevel::new(false, true, true);
    match pre {
        "smollm" => Ok(Sequence::new(vec![Digits::new(true).into(), words.into()]).into()),
        "gpt-2" | "gpt2" | "default" => Ok(words.into()),
        "llama-bpe" | "llama3" => {
            let pattern = SplitPattern::Regex(LLAMA3_WORDS.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
            let split = split.map_err(LoadError::Vocabulary)?;
            Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, true, false).into()]).into())
        }
        other => Err(LoadError::PreTokenizer {
            found: other.to_owned(),
        }),
    }
}

fn token_bytes(name: &str, kind: i64, alphabet: &HashMap<char, u8>) -> Vec<u8> {
    match kind {
        NORMAL => name
            .chars()
            .flat_map(|c| {
                alphabet
                    .get(&c)
                    .map_or_else(|| c.to_string().into_bytes(), |b| vec![*b])
            })
            .collect(),
        USER_DEFINED => name.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// GPT-2's byte alphabet: printable bytes stand for themselves, the others are moved to 256 and up, in order.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |b: &u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let same = (0..=255u8).filter(printable).map(|b| (char::from(b), b));
    let moved = (0..=255u8).filter(|b| !printable(b)).zip(256u32..);
    same.chain(moved.filter_map(|(b, code)| Some((char::from_u32(code)?, b))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_covers_every_byte_once() {
        let alphabet = byte_alphabet();
        let mut bytes: Vec<u8> = alphabet.values().copied().collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(alphabet.get(&'Ġ'), Some(&b' '));
        assert_eq!(alphabet.get(&'Ċ'), Some(&b'\n'));
    }

    #[test]
    fn a_special_token_has_no_bytes() {
        assert_eq!(token_bytes("<|im_end|>", 3, &byte_alphabet()), Vec::<u8>::new());
        assert_eq!(token_bytes("Ġthe", NORMAL, &byte_alphabet()), b" the");
    }

    #[test]
    fn an_unknown_pre_tokenizer_is_named_in_the_error() {
        let error = pre_tokenizer("viking").unwrap_err().to_string();
        assert!(error.contains("`viking`") && error.contains("smollm"), "{error}");
    }
}
