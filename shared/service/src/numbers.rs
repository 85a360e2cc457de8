//! Numbers that JSON has not, and that programs write all the same: `NaN`, `Infinity`, `1e400`.
//!
//! A parser stops at the first of them and says a line and a column. Whoever sent five hundred numbers would rather know which one it
//! is: so a body that cannot be parsed for such a number is a violation with a pointer.

use lambent_schema::Violation;
use serde_json::{Deserializer, Error, Value};
use serde_path_to_error::{Path, Segment};

/// The violation that is behind `error`, if it is such a number.
pub(crate) fn violation(body: &[u8], error: &Error) -> Option<Violation> {
    if !is_out_of_range(error) && !is_word(body, error) {
        return None;
    }
    // Parsed once more, by something slower that keeps the path.
    let parsed: Result<Value, _> = serde_path_to_error::deserialize(&mut Deserializer::from_slice(body));
    let path = parsed.err()?;
    Some(Violation {
        pointer: pointer(path.path())?,
        detail: "Must be a finite number, as JSON has them".to_owned(),
        code: "not_finite".into(),
    })
}

fn is_out_of_range(error: &Error) -> bool {
    error.is_syntax() && error.to_string().starts_with("number out of range")
}

/// Whether the parser stopped at one of the words that are numbers in JavaScript and Python.
fn is_word(body: &[u8], error: &Error) -> bool {
    let why = error.to_string();
    if !["expected value", "invalid number"]
        .iter()
        .any(|text| why.starts_with(text))
    {
        return false;
    }
    let line = body
        .split(|byte| *byte == b'\n')
        .nth(error.line().saturating_sub(1));
    // The column is that of the letter, or of the one after it.
    let from = error.column().saturating_sub(2);
    let Some(rest) = line.and_then(|line| line.get(from..)) else {
        return false;
    };
    let begins = |place: usize| {
        let rest = rest.get(place..).unwrap_or_default();
        rest.starts_with(b"NaN") || rest.starts_with(b"Infinity")
    };
    begins(0) || begins(1)
}

/// A JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
fn pointer(path: &Path) -> Option<String> {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => return None,
        }
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> Option<String> {
        let error = serde_json::from_str::<Value>(body).unwrap_err();
        violation(body.as_bytes(), &error).map(|violation| violation.pointer)
    }

    #[test]
    fn numbers_that_json_has_not_are_told_by_their_place() {
        for (body, expected) in [
            (r#"{"embedding": [0.5, NaN, 1]}"#, "/embedding/1"),
            (r#"{"embedding": [NaN]}"#, "/embedding/0"),
            ("{\"embedding\": [0.5,\n  1,\n  NaN]}", "/embedding/2"),
            (r#"{"embedding": [0.5, 1e400]}"#, "/embedding/1"),
            (r#"{"embedding": [-1e400, 0.5]}"#, "/embedding/0"),
            (r#"{"embedding": [1,-Infinity]}"#, "/embedding/1"),
            (r#"{"embedding":[Infinity]}"#, "/embedding/0"),
            (r#"{"a/b": {"c~d": NaN}}"#, "/a~1b/c~0d"),
            ("NaN", ""),
        ] {
            assert_eq!(told(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_for_other_reasons_is_not_taken_for_a_number() {
        for body in [
            "{",
            "",
            "{\"a\": nope}",
            "[1,]",
            "{\"a\": \"NaN}",
            "[0.5 NaN2",
            "{\"NaN\"}",
        ] {
            assert_eq!(told(body), None, "{body}");
        }
    }
}
