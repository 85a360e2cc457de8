//! The shortest way out: which tokens finish the document that is being written, starting from here.
//!
//! Found greedily: where the grammar leaves a choice, close what is open, and where nothing can be closed yet (a
//! string below its `minLength`, a number without digits), write the plainest character that is allowed. The path need
//! not be the very shortest. It must end, and it must be known before the last tokens are spent.

use std::ops::RangeInclusive;

use llguidance::Matcher;

use super::scan::Scan;
use super::table::TokenTable;

/// Outside strings: end something, else begin the shortest value.
const OUTSIDE: &[u8] = b"}]\",:0123456789tfn[{-.eE+";
/// Inside strings: end it, else pad.
const INSIDE: &[u8] = b"\". -@:/_0123456789";
const LETTERS: [RangeInclusive<u8>; 2] = [b'a'..=b'z', b'A'..=b'Z'];
/// Ends a character that was begun with half of its bytes.
const CONTINUATIONS: RangeInclusive<u8> = 0x80..=0xBF;
const PRINTABLE: RangeInclusive<u8> = 0x20..=0x7E;
/// After so many characters of padding in one string, other characters get their turn: a `pattern` may ask for one.
const PATIENCE: usize = 40;

/// Tokens that lead from the state of `matcher` to a complete document, or `None` if more than `budget` are needed.
pub(crate) fn closing_path(
    matcher: &Matcher,
    scan: &Scan,
    table: &TokenTable,
    budget: usize,
) -> Option<Vec<u32>> {
    let mut matcher = matcher.clone();
    let mut scan = scan.clone();
    let mut path = Vec::new();
    let mut padding = 0;
    while !matcher.is_accepting().ok()? {
        if path.len() >= budget {
            return None;
        }
        let mut next = matcher.compute_ff_tokens();
        if next.is_empty() {
            next.push(plainest(&mut matcher, &scan, table, padding)?);
            padding += usize::from(scan.in_string());
        } else {
            padding = 0;
        }
        matcher.consume_tokens(&next).ok()?;
        for token in &next {
            scan.push(table.bytes(*token));
        }
        path.extend(next);
    }
    (path.len() <= budget).then_some(path)
}

/// The first one-byte token in order of preference that the grammar allows.
fn plainest(matcher: &mut Matcher, scan: &Scan, table: &TokenTable, padding: usize) -> Option<u32> {
    let first = if scan.in_string() { INSIDE } else { OUTSIDE };
    let letters = LETTERS.into_iter().flatten();
    let rest = PRINTABLE.filter(|byte| *byte != b'\\').chain(CONTINUATIONS);
    let mut candidates: Vec<u8> = first.iter().copied().chain(letters).chain(rest).collect();
    if padding > PATIENCE {
        let turn = padding % candidates.len();
        candidates.rotate_left(turn);
    }
    candidates
        .into_iter()
        .filter_map(|byte| table.byte_token(byte))
        .find(|token| allows(matcher, *token))
}

fn allows(matcher: &mut Matcher, token: u32) -> bool {
    matcher
        .validate_tokens(&[token])
        .is_ok_and(|accepted| accepted == 1)
}
