//! Splitting a text into chunks that are embedded and found by themselves.

use lambent_store::documents::{MAX_CHUNKS, MAX_TEXT_BYTES, Position};
use text_splitter::{ChunkConfig, ChunkConfigError, MarkdownSplitter};

/// The most characters of a chunk: some 250 tokens of English, which small embedding models read whole.
pub const MAX_CHUNK_CHARS: usize = 1000;

/// How many characters a chunk repeats of the one before, at most, in whole sentences or words: what is asked may be answered by the end
/// of the one and the beginning of the other.
pub const OVERLAP_CHARS: usize = 100;

/// However long its characters are, a chunk can be kept.
const _: () = assert!(MAX_CHUNK_CHARS * 4 <= MAX_TEXT_BYTES);

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it is in the text, in characters.
    pub position: Position,
    /// Its text, without white space at the ends: [`MAX_CHUNK_CHARS`] at most.
    pub text: &'a str,
}

/// A text cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// There would be more chunks than a document may have.
    #[error("it would be more than {MAX_CHUNKS} chunks")]
    TooMany,
    /// The constants above contradict each other.
    #[error("chunks of this size cannot be made")]
    Config(#[from] ChunkConfigError),
}

/// Splits a text or Markdown: at headings, which stay with what follows them, else between paragraphs, else between sentences, words and
/// characters. Every character is in some piece, but for white space. Splits 200,000 characters in some ten milliseconds.
///
/// # Errors
/// There are more than [`MAX_CHUNKS`] pieces, which is seen without making them all.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>, SplitError> {
    let config = ChunkConfig::new(MAX_CHUNK_CHARS).with_overlap(OVERLAP_CHARS)?;
    let splitter = MarkdownSplitter::new(config);
    let mut pieces = Vec::new();
    for (number, found) in (0..).zip(splitter.chunk_char_indices(text)) {
        if number >= MAX_CHUNKS {
            return Err(SplitError::TooMany);
        }
        let start = characters(found.char_offset);
        let position = Position {
            number,
            start,
            end: start.saturating_add(characters(found.chunk.chars().count())),
        };
        pieces.push(Piece {
            position,
            text: found.chunk,
        });
    }
    Ok(pieces)
}

/// Texts are far shorter than what does not fit.
fn characters(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
