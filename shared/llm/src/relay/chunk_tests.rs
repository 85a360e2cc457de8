use std::sync::{Arc, Mutex};

use lambent_schema::{Ledger, Spending};

use super::*;

#[derive(Clone, Default)]
struct Last(Arc<Mutex<Spending>>);

impl Ledger for Last {
    fn spent(&self, spending: Spending) {
        *self.0.lock().unwrap() = spending;
    }
}

/// What is passed on of these chunks, and what was counted.
fn passed(wants_usage: bool, chunks: &[&str]) -> (Vec<String>, Spending) {
    let last = Last::default();
    let price = "0/0".parse().unwrap();
    let mut meter = Meter::new(Some(Arc::new(last.clone())), price, Spending::default(), 5);
    let mut rewriter = Rewriter::new("target", wants_usage);
    let mut out = Vec::new();
    for chunk in chunks {
        rewriter.pass(chunk, &mut meter, &mut out).unwrap();
    }
    rewriter.end(meter.spending().usage, &mut out);
    let out = String::from_utf8(out).unwrap();
    let events = out.split_terminator("\n\n");
    let events = events
        .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
        .collect();
    let spent = *last.0.lock().unwrap();
    (events, spent)
}

const PIECE: &str = r#"{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"a\u00e9"}}],"x":[1, 2.50]}"#;
const NULL: &str =
    r#"{"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"b"}}],"usage":null}"#;
const USAGE: &str =
    r#"{"id":"c1","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;

#[test]
fn who_does_not_ask_for_usage_gets_none_and_it_is_counted_all_the_same() {
    let (events, spent) = passed(false, &[PIECE, NULL, USAGE]);
    let without = NULL.replace(r#","usage":null"#, "");
    assert_eq!(events, [PIECE, without.as_str(), "[DONE]"]);
    assert_eq!((spent.usage.input_tokens, spent.usage.output_tokens), (9, 2));
    assert!(!spent.is_estimate);
}

#[test]
fn who_asks_for_usage_gets_null_on_each_piece_and_a_chunk_of_its_own() {
    let (events, _) = passed(true, &[PIECE, NULL, USAGE]);
    let with = PIECE.replace("2.50]}", r#"2.50],"usage":null}"#);
    assert_eq!(events, [with.as_str(), NULL, USAGE, "[DONE]"]);
}

#[test]
fn usage_that_comes_with_a_piece_or_not_at_all_comes_at_the_end() {
    let with_piece = NULL.replace("null", r#"{"prompt_tokens": 9, "completion_tokens": 1}"#);
    let (events, _) = passed(true, &[&with_piece]);
    assert_eq!(events[0], NULL);
    assert_eq!(
        events[1],
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens": 9, "completion_tokens": 1}}"#
    );
    let (events, spent) = passed(true, &[NULL]);
    assert!(
        events[1].contains(r#""usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}"#),
        "{events:?}"
    );
    assert!(spent.is_estimate);
    let (events, _) = passed(false, &[&with_piece]);
    assert_eq!(events, [NULL.replace(r#","usage":null"#, "").as_str(), "[DONE]"]);
}

#[test]
fn all_chunks_are_of_one_answer() {
    let other = PIECE
        .replace("\"c1\"", "\"c2\"")
        .replace(":7", ":8")
        .replace("\"m\"", "\"m-2\"");
    let (events, _) = passed(false, &[PIECE, &other]);
    assert_eq!(events, [PIECE, PIECE, "[DONE]"]);
    let bare = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let (events, _) = passed(false, &[bare, bare]);
    let chunk: serde_json::Value = serde_json::from_str(&events[0]).unwrap();
    assert_eq!(chunk["model"], "target");
    assert!(chunk["id"].is_string() && chunk["created"].is_number());
    assert_eq!(events[0], events[1]);
}

#[test]
fn a_field_is_cut_wherever_it_stands() {
    for (data, expected) in [
        (r#"{"usage":null,"a":1}"#, r#"{"a":1}"#),
        (r#"{"a":1 , "usage" : null , "b":2}"#, r#"{"a":1 , "b":2}"#),
        (r#"{"usage":null}"#, "{}"),
    ] {
        let chunk: Chunk = serde_json::from_str(data).unwrap();
        let mut out = Vec::new();
        apply(
            data,
            vec![Edit::cut(field(data, "usage", chunk.usage.unwrap()))],
            &mut out,
        );
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out.split_whitespace().collect::<String>(),
            expected.split_whitespace().collect::<String>()
        );
    }
}

#[test]
fn thoughts_begin_an_answer_and_are_counted_whatever_they_are_called() {
    let meant = |delta: &str| {
        let last = Last::default();
        let price = "0/0".parse().unwrap();
        let mut meter = Meter::new(Some(Arc::new(last.clone())), price, Spending::default(), 5);
        let chunk = PIECE.replace(r#"{"content":"a\u00e9"}"#, delta);
        let meaning = Rewriter::new("target", false).pass(&chunk, &mut meter, &mut Vec::new());
        let spent = *last.0.lock().unwrap();
        (meaning.unwrap(), spent.usage.output_tokens)
    };
    for thought in [
        r#"{"reasoning_content":"so"}"#,
        r#"{"reasoning":"so"}"#,
        r#"{"content":"","reasoning":"so","reasoning_content":"so"}"#,
        r#"{"reasoning":{"a":"so"}}"#,
    ] {
        assert_eq!(meant(thought), (Meaning::Piece, 1), "{thought}");
    }
    for nothing in [r#"{"reasoning":""}"#, r#"{"reasoning":null,"content":""}"#] {
        assert_eq!(meant(nothing), (Meaning::Nothing, 0), "{nothing}");
    }
}
