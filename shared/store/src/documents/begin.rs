//! Beginning a version of a document.

use aws_sdk_dynamodb::types::ReturnValue;

use super::filters::Slot;
use super::item::{State, version_key};
use super::{Documents, Metadata, OPEN_FOR, STATE, TABLE};
use crate::due::{DUE_AT, DUE_SHARD, SHARDS, after};
use crate::expression::Expression;
use crate::shard::shard;
use crate::update::Updated;
use crate::{CallerId, StoreError};

const BEGIN: &str = "begin a document";

/// A document to be put, or its next version.
#[derive(Clone)]
pub struct NewDocument {
    /// A hyphenated UUIDv7, not used before but for the same version: of two versions the one with the greater id is the newer one.
    pub version: String,
    /// Whose it is.
    pub caller: CallerId,
    /// The document's id, 512 bytes at most. Any text will do.
    pub id: String,
    /// What it is called, 1 KB at most.
    pub title: String,
    /// What is said of it: [`super::MAX_METADATA`] at most, with names of [`super::MAX_NAME_BYTES`] and values of
    /// [`super::MAX_VALUE_BYTES`].
    pub metadata: Metadata,
    /// The model that embeds its chunks.
    pub embedding_model: String,
    /// How many chunks it will have, [`super::MAX_CHUNKS`] at most.
    pub chunks: u32,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// A version that chunks can be added to.
#[derive(Clone)]
pub struct Version {
    pub(super) new: NewDocument,
    pub(super) slots: Vec<Slot>,
    /// Which chunks are there, by number.
    pub(super) added: Vec<bool>,
}

impl Version {
    /// Its id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.new.version
    }

    /// Until when chunks can be added, in ms since 1970.
    pub(super) fn open_until(&self) -> u64 {
        after(self.new.now_ms, OPEN_FOR)
    }
}

/// What became of a version to be begun.
pub enum Begun {
    /// Chunks can be added, for [`OPEN_FOR`] from now on.
    Open(Box<Version>),
    /// It has been begun before, and published.
    Published,
    /// It has been begun before and given up since, or replaced; or it is another document's.
    Obsolete,
}

impl Documents {
    /// Begins a version. Nobody sees anything of it until it is published. Begun again, for work that is repeated, it is the same
    /// version, and all of its chunks have to be added again; with the same texts, or there may be some of both.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. If there is something left, it is in [`Documents::leftovers`].
    pub async fn begin(&self, new: &NewDocument) -> Result<Begun, StoreError> {
        let slots = self.slots(&new.caller, &new.metadata).await?;
        let version = Version {
            added: vec![false; usize::try_from(new.chunks).unwrap_or_default()],
            new: new.clone(),
            slots,
        };
        let id = version_key(&new.version);
        let returns = ReturnValue::None;
        let begun = self
            .target(&id)
            .update(beginning(&version), returns, BEGIN)
            .await?;
        let Updated::Refused(item) = begun else {
            return Ok(Begun::Open(Box::new(version)));
        };
        let is = |name: &str, text: &str| {
            let value = item.as_ref().and_then(|item| item.get(name)?.as_s().ok());
            value.is_some_and(|value| value == text)
        };
        let is_same = is("caller", new.caller.as_str()) && is("document_id", &new.id);
        if is_same && is(STATE, State::Published.as_str()) {
            return Ok(Begun::Published);
        }
        Ok(Begun::Obsolete)
    }
}

/// What makes the version's item, or keeps it open for longer.
fn beginning(version: &Version) -> Expression {
    let new = &version.new;
    let mut beginning = Expression::default();
    beginning.set_text("caller", new.caller.as_str());
    beginning.set_text("document_id", &new.id);
    beginning.set_number("chunks", new.chunks);
    beginning.set_text(STATE, State::Open.as_str());
    beginning.set_text(DUE_SHARD, &shard(&new.version, SHARDS).to_string());
    beginning.set_number(DUE_AT, version.open_until());
    let id = beginning.name(TABLE.key.partition.name);
    let same = ["caller", "document_id", "chunks", STATE].map(|name| format!("#{name} = :{name}"));
    beginning.require(format!(
        "(attribute_not_exists({id}) OR ({}))",
        same.join(" AND ")
    ));
    beginning
}
