//! Reading documents.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::item::{chunk_key, document_key, read_document};
use super::{BY_CALLER, CURRENT, Document, Documents, Position, TABLE};
use crate::due::first;
use crate::item::{Item, from_item};
use crate::{CallerId, StoreError};

const READ: &str = "read a document";
const READ_CHUNKS: &str = "read a document's chunks";
const LIST: &str = "list a caller's documents";
/// While new versions replace one another.
const MAX_ATTEMPTS: usize = 5;

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The one put last first.
    pub documents: Vec<Document>,
    /// The last one's version, if there are more: what the next page is asked for with.
    pub next: Option<String>,
}

/// A chunk's text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Passage {
    /// Where it is.
    #[serde(flatten)]
    pub position: Position,
    /// Its text.
    pub text: String,
}

impl Documents {
    /// A caller's document as it is now. `None` if there is none of that id.
    ///
    /// # Errors
    /// The table could not be read, or holds a document that this version does not know.
    pub async fn get(&self, caller: &CallerId, id: &str) -> Result<Option<Document>, StoreError> {
        read_document(self.item(document_key(caller, id), READ).await?, READ)
    }

    /// The chunks of a document as it is now, in their order. `None` if there is no document of that id.
    ///
    /// # Errors
    /// The table could not be read, or new versions kept replacing one another.
    pub async fn chunks(&self, caller: &CallerId, id: &str) -> Result<Option<Vec<Passage>>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(document) = self.get(caller, id).await? else {
                return Ok(None);
            };
            let keys = (0..document.chunks).map(|number| chunk_key(&document.version, number));
            let attributes = ["number", "start", "end", "text"];
            let items = self.read_all(keys.collect(), &attributes, READ_CHUNKS).await?;
            // Otherwise it has been replaced or deleted since, and is being swept.
            if u32::try_from(items.len()) == Ok(document.chunks) {
                let mut passages = items
                    .into_iter()
                    .map(from_item)
                    .collect::<Result<Vec<Passage>, _>>()
                    .map_err(|error| StoreError::item(READ_CHUNKS, error))?;
                passages.sort_by_key(|passage| passage.position.number);
                return Ok(Some(passages));
            }
        }
        Err(StoreError::Contended {
            operation: READ_CHUNKS,
        })
    }

    /// A caller's documents, the one put last first: `limit` of them, all of them put before the one of the version `before`. The index
    /// behind it is usually less than a second behind the table.
    ///
    /// # Errors
    /// The table could not be read, or holds a document that this version does not know.
    pub async fn list(
        &self,
        caller: &CallerId,
        limit: usize,
        before: Option<&str>,
    ) -> Result<Page, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_CALLER)
            .expression_attribute_names("#caller", "caller")
            .expression_attribute_values(":caller", AttributeValue::S(caller.as_str().to_owned()))
            .scan_index_forward(false);
        let query = match before {
            None => query.key_condition_expression("#caller = :caller"),
            Some(version) => query
                .key_condition_expression("#caller = :caller AND #current < :before")
                .expression_attribute_names("#current", CURRENT)
                .expression_attribute_values(":before", AttributeValue::S(version.to_owned())),
        };
        // One more tells whether there are more.
        let items = first(query, limit.saturating_add(1), LIST).await?;
        let has_more = items.len() > limit;
        let documents: Vec<Document> = items
            .into_iter()
            .take(limit)
            .map(from_item)
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::item(LIST, error))?;
        let last = documents.last().map(|document| document.version.clone());
        Ok(Page {
            documents,
            next: last.filter(|_| has_more),
        })
    }

    pub(super) async fn item(&self, id: String, operation: &'static str) -> Result<Option<Item>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(id))
            .consistent_read(true);
        let output = get
            .send()
            .await
            .map_err(|error| StoreError::call(operation, error))?;
        Ok(output.item)
    }
}
