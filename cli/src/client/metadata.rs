//! `NAME=VALUE`, as it is typed for `--metadata` and `--filter`.

use lambent_schema::endpoints::documents::{Metadata, MetadataValue};
use serde_json::Value;

/// A name and its value: `year=2026` is a number, `draft=true` a truth, `team=trains` a text; `year="2026"`, with the quotes, is a text
/// too.
///
/// # Errors
/// It is not of that form, or the name is none.
pub(crate) fn pair(text: &str) -> Result<(String, MetadataValue), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_valid) {
        return Err("a name has 1 to 64 letters, digits, `_`, `.` and `-`".to_owned());
    }
    let value = match serde_json::from_str(value) {
        Ok(Value::Bool(value)) => MetadataValue::Bool(value),
        Ok(Value::Number(value)) => MetadataValue::Number(value),
        Ok(Value::String(value)) => MetadataValue::Text(value),
        _ => MetadataValue::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}

/// Whether both say the same. A number may come back written otherwise than it was sent.
pub(crate) fn same(a: &Metadata, b: &Metadata) -> bool {
    let equal = |a: &MetadataValue, b: &MetadataValue| match (a, b) {
        (MetadataValue::Number(a), MetadataValue::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    };
    a.len() == b.len()
        && (a.iter().zip(b)).all(|((name, value), (other, with))| name == other && equal(value, with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_that_they_look_like() {
        let value = |text| pair(text).map(|(_, value)| value);
        let text = |text: &str| Ok(MetadataValue::Text(text.to_owned()));
        assert_eq!(value("year=2026"), Ok(MetadataValue::Number(2026.into())));
        assert_eq!(value("draft=true"), Ok(MetadataValue::Bool(true)));
        assert_eq!(value("team=night trains"), text("night trains"));
        assert_eq!(value("year=\"2026\""), text("2026"));
        assert_eq!(value("sum=a=b"), text("a=b"));
        assert_eq!(value("list=[1]"), text("[1]"));
        for wrong in ["year", "=2026", "a b=c"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        let of = |text: &str| Metadata::from([pair(text).unwrap()]);
        assert!(same(&of("n=1.50"), &of("n=1.5")));
        assert!(!same(&of("n=1"), &of("n=2")));
        assert!(!same(&of("n=1"), &of("n=true")));
        assert!(!same(&of("n=1"), &Metadata::new()));
    }
}
