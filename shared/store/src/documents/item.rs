//! The items of a document.

pub use lambent_schema::endpoints::documents::{Metadata, MetadataValue};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{CHUNK, DOCUMENT, VERSION};
use crate::item::{Item, from_item};
use crate::{CallerId, StoreError, timestamp};

/// A document as it is visible now, without its chunks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its id, one of the caller's own.
    #[serde(rename = "document_id")]
    pub id: String,
    /// Whose it is.
    pub caller: CallerId,
    /// What it is called.
    pub title: String,
    /// What is said of it.
    #[serde(with = "as_text")]
    pub metadata: Metadata,
    /// The version that is visible.
    #[serde(rename = "current")]
    pub version: String,
    /// How many chunks it has.
    pub chunks: u32,
    /// The model that embedded them.
    pub embedding_model: String,
    /// When its first version became visible; kept to the millisecond, as all times are.
    #[serde(with = "timestamp")]
    pub created_at: OffsetDateTime,
    /// When this version did.
    #[serde(with = "timestamp")]
    pub updated_at: OffsetDateTime,
}

/// Whether a filter that asks for `asked` finds `said`. Numbers are compared as doubles, so that 1 is 1.0, and all integers up to 2^53
/// differ.
pub(super) fn finds(asked: &MetadataValue, said: &MetadataValue) -> bool {
    match (asked, said) {
        (MetadataValue::Number(one), MetadataValue::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// The same text for what is found, and hardly ever for anything else.
pub(super) fn fingerprint(value: &MetadataValue) -> String {
    let text = match value {
        MetadataValue::Bool(value) => format!("b{value}"),
        MetadataValue::Number(number) => format!("n{}", number.as_f64().unwrap_or_default() + 0.0),
        MetadataValue::Text(text) => format!("t{text}"),
    };
    format!("{:08x}", crate::shard::hash(&text))
}

/// Where a chunk is in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which chunk it is, counted from 0.
    pub number: u32,
    /// Where its text begins, in characters.
    pub start: u32,
    /// Where it ends: the first character that is not in it any more.
    pub end: u32,
}

/// How far a version has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Chunks are being added.
    Open,
    /// It is what its document is.
    Published,
    /// It is not any more, or never will be: its chunks are to be deleted.
    Obsolete,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Published => "published",
            Self::Obsolete => "obsolete",
        }
    }
}

pub(super) fn read_document(
    item: Option<Item>,
    operation: &'static str,
) -> Result<Option<Document>, StoreError> {
    item.map(from_item)
        .transpose()
        .map_err(|error| StoreError::item(operation, error))
}

/// The length keeps callers apart whatever their names and their documents' ids are.
pub(super) fn document_key(caller: &CallerId, id: &str) -> String {
    let caller = caller.as_str();
    format!("{DOCUMENT}{}#{caller}#{id}", caller.len())
}

pub(super) fn version_key(version: &str) -> String {
    format!("{VERSION}{version}")
}

pub(super) fn chunk_key(version: &str, number: u32) -> String {
    format!("{CHUNK}{version}#{number}")
}

/// For `#[serde(with = "as_text")]`: JSON text, because DynamoDB writes numbers anew, and has fewer of them.
mod as_text {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Metadata;

    pub(super) fn serialize<S: Serializer>(metadata: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(metadata).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> MetadataValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_found_by_what_they_are_and_nothing_is_by_what_it_looks_like() {
        for (one, other) in [("1", "1.0"), ("0", "-0.0"), ("1e2", "100"), ("-5", "-5.0")] {
            assert!(finds(&value(one), &value(other)), "{one} {other}");
            assert_eq!(
                fingerprint(&value(one)),
                fingerprint(&value(other)),
                "{one} {other}"
            );
        }
        for (one, other) in [
            ("1", "2"),
            ("1", "\"1\""),
            ("true", "\"true\""),
            ("true", "false"),
            ("1", "true"),
        ] {
            assert!(!finds(&value(one), &value(other)), "{one} {other}");
            assert_ne!(
                fingerprint(&value(one)),
                fingerprint(&value(other)),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn no_caller_s_document_has_the_key_of_another_s() {
        let key = |caller: &str, id| document_key(&CallerId::for_operator(caller), id);
        assert_ne!(key("a", "b#c"), key("a#b", "c"));
        assert_ne!(key("a", "1#b#c"), key("a#1#b", "c"));
        assert_eq!(key("alice", "handbook"), "document#5#alice#handbook");
    }
}
