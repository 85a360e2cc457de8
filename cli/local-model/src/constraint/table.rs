//! The vocabulary as the grammar engine sees it.

use std::sync::Arc;

use toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use crate::model::vocabulary::Vocabulary;

/// Tokens as bytes, in a prefix tree.
pub(crate) struct TokenTable {
    vocabulary: Arc<Vocabulary>,
    trie: TokTrie,
    byte_tokens: Vec<Option<u32>>,
}

impl TokenTable {
    pub(crate) fn new(vocabulary: Arc<Vocabulary>) -> Self {
        let size = vocabulary.len();
        let mut words: Vec<Vec<u8>> = (0..size as u32)
            .map(|token| vocabulary.bytes(token).to_vec())
            .collect();
        for (name, token) in vocabulary.specials() {
            let marked = [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat();
            if let Some(word) = words.get_mut(token as usize) {
                *word = marked;
            }
        }
        let mut byte_tokens = vec![None; 256];
        for (token, word) in (0u32..).zip(&words) {
            if let [byte] = word.as_slice() {
                byte_tokens[usize::from(*byte)] = Some(token);
            }
        }
        let ends = vocabulary.ends();
        let info = TokRxInfo::new(size as u32, ends.first().copied().unwrap_or_default());
        let trie = TokTrie::from(&info, &words).with_eos_tokens(ends);
        Self {
            vocabulary,
            trie,
            byte_tokens,
        }
    }

    /// The bytes a token stands for.
    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        self.vocabulary.bytes(token)
    }

    /// Whether the token ends an answer.
    pub(crate) fn is_end(&self, token: u32) -> bool {
        self.vocabulary.ends().contains(&token)
    }

    /// The token that is exactly this byte, if the vocabulary has one.
    pub(crate) fn byte_token(&self, byte: u8) -> Option<u32> {
        self.byte_tokens[usize::from(byte)]
    }
}

impl TokenizerEnv for TokenTable {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie
            .tokenize_with_greedy_fallback(bytes, |text| self.vocabulary.encode(text))
    }
}
