//! Splitting a text into chunks that are embedded and found by themselves.

use lambent_store::documents::{MAX_CHUNKS, MAX_TEXT_BYTES, Position};
use text_splitter::{ChunkConfig, ChunkConfigError, MarkdownSplitter};

/// The most characters of a chunk: some 250 tokens of English, which small embedding models read whole.
pub const MAX_CHUNK_CHARS: usize = 1000;

/// How many characters a chunk repeats of the one before, at most, in whole sentences or words: what is asked may be answered by the end
/// of the one and the beginning of the other.
pub const OVERLAP_CHARS: usize = 100;

/// The longest line that is given to the splitter whole, in bytes.
const WINDOW_BYTES: usize = 8 * 1024;

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
/// There are more than [`MAX_CHUNKS`] pieces, as of no text that was not written for it; which is seen without making them all.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>, SplitError> {
    split_into(text, MAX_CHUNKS)
}

fn split_into(text: &str, at_most: u32) -> Result<Vec<Piece<'_>>, SplitError> {
    let config = ChunkConfig::new(MAX_CHUNK_CHARS).with_overlap(OVERLAP_CHARS)?;
    let splitter = MarkdownSplitter::new(config);
    let mut pieces = Vec::new();
    let mut before = 0;
    for window in windows(text) {
        for found in splitter.chunk_char_indices(window) {
            let number = characters(pieces.len());
            if number >= at_most {
                return Err(SplitError::TooMany);
            }
            let start = characters(before + found.char_offset);
            let end = start.saturating_add(characters(found.chunk.chars().count()));
            pieces.push(Piece {
                position: Position { number, start, end },
                text: found.chunk,
            });
        }
        before += window.chars().count();
    }
    Ok(pieces)
}

/// The text, or if one of its lines is longer than a window, the text in windows: for each chunk the splitter looks at all of the line, so
/// that 200,000 characters without a break would take it minutes. Windows end with a line, a sentence or a word, if there is one.
fn windows(text: &str) -> Vec<&str> {
    if text.lines().all(|line| line.len() <= WINDOW_BYTES) {
        return vec![text];
    }
    let mut windows = Vec::new();
    let mut rest = text;
    while rest.len() > WINDOW_BYTES {
        let most = rest.floor_char_boundary(WINDOW_BYTES);
        let (window, after) = rest.split_at(end_of_window(&rest[..most]));
        windows.push(window);
        rest = after;
    }
    windows.push(rest);
    windows
}

/// After the last line of it, or sentence, or word; but not in its first half.
fn end_of_window(window: &str) -> usize {
    let ends: [fn(char) -> bool; 3] = [
        |character| character == '\n',
        |character| ".!?。！？".contains(character),
        char::is_whitespace,
    ];
    ends.iter()
        .filter_map(|is_end| window.rmatch_indices(is_end).next())
        .map(|(place, end)| place + end.len())
        .find(|end| *end > window.len() / 2)
        .unwrap_or(window.len())
}

/// Texts are far shorter than what does not fit.
fn characters(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
