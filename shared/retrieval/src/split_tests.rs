use std::time::{Duration, Instant};

use lambent_schema::endpoints::documents::MAX_DOCUMENT_CHARS;

use super::*;

/// Splits, and checks what is true of all texts: positions are right, in order, no piece is too long, and nothing is lost but white space.
fn whole(text: &str) -> Vec<Piece<'_>> {
    let pieces = split(text).unwrap();
    let characters: Vec<char> = text.chars().collect();
    let mut is_in = vec![false; characters.len()];
    let mut last = 0;
    for (number, piece) in (0..).zip(&pieces) {
        let Position {
            number: own,
            start,
            end,
        } = piece.position;
        assert_eq!(own, number);
        assert!(start >= last && end - start <= 1000 && start < end, "{piece:?}");
        last = start;
        let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
        assert_eq!(characters[range.clone()].iter().collect::<String>(), piece.text);
        is_in[range].fill(true);
    }
    for (character, is_in) in characters.iter().zip(is_in) {
        assert!(is_in || character.is_whitespace(), "{character:?} is lost");
    }
    pieces
}

fn sentence(number: usize) -> String {
    format!("Sentence {number} of the handbook says what the night train does at station {number}. ")
}

fn prose(characters: usize) -> String {
    let mut text = String::new();
    for number in 0.. {
        text += &sentence(number);
        if number % 7 == 6 {
            text += "\n\n";
        }
        if text.len() > characters {
            break;
        }
    }
    text.chars().take(characters).collect()
}

#[test]
fn a_short_text_is_one_piece() {
    let [piece] = whole("  The night train leaves at 21:40.\n")[..] else {
        panic!()
    };
    assert_eq!(piece.text, "The night train leaves at 21:40.");
    assert_eq!((piece.position.start, piece.position.end), (2, 34));
}

#[test]
fn nothing_is_lost_whatever_the_text_is() {
    let words = "Überfahrt 夜行列車 поезд 🚆 ".repeat(400);
    for text in [
        prose(20_000),
        words.clone(),
        "夜行列車は二十一時四十分に出発します。".repeat(300),
        "🚆".repeat(5000),
        "x".repeat(4321),
        format!("# One\n\n{}\n## Two\n\n- {}\n", prose(1500), words),
        format!(
            "```\n{}\n```\n| a | b |\n|---|---|\n| {} | 2 |",
            "let a = 1;\n".repeat(300),
            "y".repeat(2000)
        ),
        "a\r\n\r\n\tb \u{a0} c\u{1}".repeat(500),
        "<div>\n*_[[<!-- ".repeat(300),
    ] {
        assert!(whole(&text).len() > 1, "{}", &text[..20.min(text.len())]);
    }
}

#[test]
fn sentences_that_fit_are_not_cut() {
    let text = prose(30_000);
    let pieces = whole(&text);
    for piece in &pieces[..pieces.len() - 1] {
        assert!(piece.text.starts_with("Sentence "), "{}", piece.text);
        assert!(piece.text.ends_with('.'), "{}", piece.text);
    }
}

#[test]
fn a_heading_stays_with_what_follows_it() {
    let text = format!(
        "{}\n\n# Fares\n\n{}",
        prose(900),
        "A bed is 60 euros. ".repeat(20)
    );
    let pieces = whole(&text);
    let with = pieces
        .iter()
        .find(|piece| piece.text.contains("# Fares"))
        .unwrap();
    assert!(with.text.contains("A bed is 60 euros."), "{}", with.text);
}

#[test]
fn the_longest_text_is_split_quickly_into_a_bounded_number_of_pieces() {
    for text in [
        prose(MAX_DOCUMENT_CHARS),
        "夜行列車は二十一時四十分に出発します。".repeat(MAX_DOCUMENT_CHARS / 19),
        "x".repeat(MAX_DOCUMENT_CHARS),
        "word ".repeat(MAX_DOCUMENT_CHARS / 5),
        "a line of some words\n".repeat(MAX_DOCUMENT_CHARS / 21),
        "*_[<`".repeat(MAX_DOCUMENT_CHARS / 5),
        ">".repeat(MAX_DOCUMENT_CHARS),
        "- a\n".repeat(MAX_DOCUMENT_CHARS / 4),
    ] {
        let began = Instant::now();
        let pieces = whole(&text).len();
        let took = began.elapsed();
        println!("{pieces} pieces in {took:?}");
        // Of two that are neighbours hardly ever both are less than half full.
        assert!((200..=450).contains(&pieces), "{pieces}");
        // Without optimization; it is a small part of that with it.
        assert!(took < Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 }));
    }
}

#[test]
fn what_would_be_more_pieces_than_a_document_may_have_is_refused() {
    let text = prose(5000);
    let pieces = u32::try_from(whole(&text).len()).unwrap();
    assert_eq!(split_into(&text, pieces).unwrap().len(), whole(&text).len());
    let refused = split_into(&text, pieces - 1);
    assert!(matches!(refused, Err(SplitError::TooMany)), "{refused:?}");
}
