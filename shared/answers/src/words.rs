//! Sentences and words, in any script: enough to tell which sentences say the same in other words, without a dictionary.

use std::{collections::BTreeSet, ops::Range};

use crate::marks;

/// The words of a text that say something, in the form in which they are compared.
///
/// Without a list of a language's small words, those are taken that have a digit or at least four letters, lowercase, and only their first
/// five letters: "leaves" is "leave", and "arrives" "arrive". Scripts without spaces, and Korean, are taken as pairs of characters, as
/// search engines do.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let is_in_word = |c: char| c.is_alphanumeric() || is_accent(c);
    for run in text.split(|c| !is_in_word(c)).filter(|run| !run.is_empty()) {
        if run.is_ascii() {
            add_ascii(run, &mut words);
            continue;
        }
        // A word of one script may follow one of another without a space.
        let mut piece: Vec<char> = Vec::new();
        for c in run.chars().filter(|c| !is_accent(*c)) {
            if piece.last().is_some_and(|last| is_paired(*last) != is_paired(c)) {
                add(&piece, &mut words);
                piece.clear();
            }
            piece.push(c);
        }
        add(&piece, &mut words);
    }
    words
}

/// What [`add`] does, of most words.
fn add_ascii(run: &str, words: &mut BTreeSet<String>) {
    if run.bytes().any(|byte| byte.is_ascii_digit()) {
        words.insert(run.to_ascii_lowercase());
    } else if run.len() >= 4 {
        words.insert(run.get(..5).unwrap_or(run).to_ascii_lowercase());
    }
}

fn add(piece: &[char], words: &mut BTreeSet<String>) {
    let lower = |letters: &[char]| letters.iter().flat_map(|c| c.to_lowercase()).collect();
    if piece.first().is_some_and(|c| is_paired(*c)) {
        let pairs = piece.windows(2).map(|pair| pair.iter().collect());
        words.extend(pairs);
        if let [alone] = piece {
            words.insert(alone.to_string());
        }
    } else if piece.iter().any(|c| c.is_numeric()) {
        words.insert(lower(piece));
    } else if let [first @ .., _] = piece
        && first.len() >= 3
    {
        words.insert(lower(piece.get(..5).unwrap_or(piece)));
    }
}

/// Whether a word has a digit: what it says has no other words.
pub(crate) fn is_number(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

/// An accent that is a character of its own.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Of a script that is written without spaces, or Korean, where what follows a word is part of it.
fn is_paired(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3040}'..='\u{30ff}' // Japanese
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Chinese, Japanese
        | '\u{ac00}'..='\u{d7af}' // Korean
        | '\u{20000}'..='\u{3ffff}')
}

/// The sentences of a text, without the white space around them. Marks of citations after a sentence's end are part of it.
///
/// A sentence ends after `.`, `!` or `?` (or another script's), where it is followed by white space and no small letter; at a blank line;
/// and at the end of a line that is a heading, or that a list's item follows.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        at += c.len_utf8();
        let sentence = text.get(start..at).unwrap_or_default();
        let rest = text.get(at..).unwrap_or_default();
        let end = match c {
            '\n' => ends_line(sentence, rest).then_some(at),
            '。' | '！' | '？' | '｡' => Some(at + tail(rest)),
            '.' | '!' | '?' | '…' | '।' | '؟' | '۔' => {
                let end = at + tail(rest);
                ends_sentence(text.get(end..).unwrap_or_default()).then_some(end)
            }
            _ => None,
        };
        if let Some(end) = end {
            push(text, start..end, &mut sentences);
            (start, at) = (end, end);
        }
    }
    push(text, start..text.len(), &mut sentences);
    sentences
}

/// How much of what follows a full stop is part of its sentence.
fn tail(rest: &str) -> usize {
    let is_closing = |c: char| ".!?…。！？)]}\"'”’»」』】*_".contains(c);
    let mut tail = rest.len() - rest.trim_start_matches(is_closing).len();
    loop {
        let after = rest.get(tail..).unwrap_or_default();
        let spaces = after.len() - after.trim_start_matches(' ').len();
        let Some(mark) = marks::first(after.get(spaces..).unwrap_or_default()) else {
            return tail;
        };
        tail += spaces + mark.length;
    }
}

fn ends_sentence(rest: &str) -> bool {
    let next = rest.trim_start();
    next.is_empty() || (next.len() < rest.len() && !next.starts_with(char::is_lowercase))
}

/// Whether a sentence ends with this line of it.
fn ends_line(sentence: &str, rest: &str) -> bool {
    let next = rest.trim_start_matches([' ', '\t']);
    let is_numbered = || {
        let after = next.trim_start_matches(|c: char| c.is_ascii_digit());
        after.len() < next.len() && after.starts_with(['.', ')'])
    };
    sentence.trim_start().starts_with('#')
        || next.starts_with(['\n', '\r', '-', '*', '•', '#', '|', '>'])
        || is_numbered()
}

fn push(text: &str, range: Range<usize>, sentences: &mut Vec<Range<usize>>) {
    let sentence = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (sentence.len() - sentence.trim_start().len());
    let trimmed = sentence.trim();
    if !trimmed.is_empty() {
        sentences.push(start..start + trimmed.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(text: &str) -> Vec<String> {
        words(text).into_iter().collect()
    }

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_are_compared_without_case_endings_and_small_words() {
        assert_eq!(
            words_of("The trains LEAVE at 21:40, from Lisboa."),
            ["21", "40", "from", "leave", "lisbo", "train"]
        );
        assert_eq!(words("arrive"), words("It ARRIVES."));
        assert_eq!(words("Straßen"), words("straßenbahn"));
        assert_eq!(words_of("and the of to B2"), ["b2"]);
        // As one character, or as a letter and its accent.
        assert_eq!(words_of("cafe\u{301}s"), ["cafes"]);
    }

    #[test]
    fn words_of_ascii_are_those_of_any_script() {
        for run in ["a", "and", "from", "trains", "LEAVES", "b2", "Leaves2040x", "21"] {
            let piece: Vec<char> = run.chars().collect();
            let mut general = BTreeSet::new();
            add(&piece, &mut general);
            assert_eq!(words(run), general, "{run}");
        }
    }

    #[test]
    fn scripts_without_spaces_are_taken_in_pairs() {
        assert_eq!(words_of("夜行列車"), ["列車", "夜行", "行列"]);
        assert_eq!(words_of("21時40分発"), ["21", "40", "分発", "時"]);
        assert!(!words("기차는").is_disjoint(&words("기차가 떠난다")));
        assert_eq!(
            words_of("Поезд отправляется в 21:40"),
            ["21", "40", "отпра", "поезд"]
        );
    }

    #[test]
    fn sentences_end_where_readers_would_say() {
        assert_eq!(
            split("It leaves at 21:40. It costs 59.50 euros, e.g. for one!  \"Why?\" Nobody knows…"),
            [
                "It leaves at 21:40.",
                "It costs 59.50 euros, e.g. for one!",
                "\"Why?\"",
                "Nobody knows…"
            ]
        );
        assert_eq!(
            split("夜行列車は21時に出る。朝に着く！"),
            ["夜行列車は21時に出る。", "朝に着く！"]
        );
        assert_eq!(
            split("# Trains\nThe train\nleaves late:\n- at nine\n- at ten\n1. First\n\nEnd"),
            [
                "# Trains",
                "The train\nleaves late:",
                "- at nine",
                "- at ten",
                "1.",
                "First",
                "End"
            ]
        );
        assert!(split(" \n\n ").is_empty());
    }

    #[test]
    fn marks_after_a_full_stop_belong_to_the_sentence_before() {
        assert_eq!(
            split("It leaves late. [1] It arrives early.[2][3] And [1] so on [2]."),
            [
                "It leaves late. [1]",
                "It arrives early.[2][3]",
                "And [1] so on [2]."
            ]
        );
    }
}
