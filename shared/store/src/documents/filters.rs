//! Which attribute of the vector index holds what of a caller's metadata.
//!
//! The attributes of an index are fixed, the names of metadata are not. So each caller has a list of the names that its documents
//! have, in the order of their first use, and the value of the first name is in `filter_0`, of the second in `filter_1`. The list only grows,
//! and a document's names are in it before its first chunk is written. What names beyond [`FILTERS`] say is compared after the search.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::item::fingerprint;
use super::{Documents, FILTERS, Metadata};
use crate::error::ItemError;
use crate::expression::Expression;
use crate::item::Item;
use crate::update::Updated;
use crate::{CallerId, StoreError};

const LEARN: &str = "learn the names of a caller's metadata";
const READ: &str = "read the names of a caller's metadata";
const NAMES: &str = "names";
const MAX_ATTEMPTS: usize = 10;

/// A filter's attribute and its value.
pub(super) type Slot = (String, String);

/// What an index can find of a filter.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// What has these values, among others.
    With(Vec<Slot>),
    /// Nothing: no document has ever had one of the names.
    Nothing,
}

impl Documents {
    /// Where a document's metadata goes. Learns the names that are new, as long as there is room.
    pub(super) async fn slots(
        &self,
        caller: &CallerId,
        metadata: &Metadata,
    ) -> Result<Vec<Slot>, StoreError> {
        if metadata.is_empty() {
            return Ok(Vec::new());
        }
        let mut names = self.names(caller).await?;
        for _ in 0..MAX_ATTEMPTS {
            let unknown = metadata.keys().filter(|name| !names.contains(name));
            let new: Vec<_> = unknown.take(FILTERS.saturating_sub(names.len())).collect();
            if new.is_empty() {
                return Ok(slots(&names, metadata));
            }
            // Whether it is written or somebody else was faster: the list as it is now.
            let (Updated::Done(item) | Updated::Refused(item)) = self.learn(caller, &names, &new).await?;
            names = read_names(item, LEARN)?;
        }
        Err(StoreError::Contended { operation: LEARN })
    }

    /// What the index can find of a filter.
    pub(super) async fn found(&self, caller: &CallerId, filter: &Metadata) -> Result<Found, StoreError> {
        if filter.is_empty() {
            return Ok(Found::With(Vec::new()));
        }
        let names = self.names(caller).await?;
        let has_all = filter.keys().all(|name| names.contains(name));
        if !has_all && names.len() < FILTERS {
            return Ok(Found::Nothing);
        }
        Ok(Found::With(slots(&names, filter)))
    }

    async fn learn(
        &self,
        caller: &CallerId,
        known: &[String],
        new: &[&String],
    ) -> Result<Updated, StoreError> {
        let list = |names: &[&String]| {
            let name = |name: &&String| AttributeValue::S((*name).clone());
            AttributeValue::L(names.iter().map(name).collect())
        };
        let mut learning = Expression::default();
        let names = learning.name(NAMES);
        let added = learning.value("new", list(new));
        if known.is_empty() {
            learning.set(&names, added);
            learning.require(format!("attribute_not_exists({names})"));
        } else {
            learning.set(&names, format!("list_append({names}, {added})"));
            let length = learning.number("length", known.len());
            learning.require(format!("size({names}) = {length}"));
        }
        let id = key(caller);
        self.target(&id)
            .update(learning, ReturnValue::AllNew, LEARN)
            .await
    }

    async fn names(&self, caller: &CallerId) -> Result<Vec<String>, StoreError> {
        read_names(self.item(key(caller), READ).await?, READ)
    }
}

fn key(caller: &CallerId) -> String {
    format!("filters#{}", caller.as_str())
}

fn read_names(item: Option<Item>, operation: &'static str) -> Result<Vec<String>, StoreError> {
    let Some(names) = item.and_then(|mut item| item.remove(NAMES)) else {
        return Ok(Vec::new());
    };
    let text = |name: &AttributeValue| name.as_s().ok().cloned();
    let names = names.as_l().ok().map(|names| names.iter().map(text).collect());
    names
        .flatten()
        .ok_or(StoreError::item(operation, ItemError::UnknownAttributeType))
}

fn slots(names: &[String], metadata: &Metadata) -> Vec<Slot> {
    let slot = |(place, name)| {
        let value = metadata.get(name)?;
        Some((format!("filter_{place}"), fingerprint(value)))
    };
    names.iter().enumerate().filter_map(slot).collect()
}
