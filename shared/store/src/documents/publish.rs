//! Making a version visible.

use std::cmp::Ordering;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem};

use super::item::{State, document_key, version_key};
use super::transaction::{Ended, MAX_ATTEMPTS, built, obsolete};
use super::{CURRENT, Document, Documents, NewDocument, STATE, TABLE, Version};
use crate::StoreError;
use crate::due::{DUE_AT, DUE_SHARD};
use crate::expression::Expression;
use crate::item::to_item;
use crate::pause::pause;
use crate::timestamp::instant_of;

const PUBLISH: &str = "publish a document";
const GIVE_UP: &str = "give a document's version up";

/// What became of a version to be published.
#[derive(Debug, Clone, PartialEq)]
pub enum Published {
    /// It is what the document is now.
    Now {
        /// The document.
        document: Box<Document>,
        /// The version that was visible until now, for [`Documents::sweep`]. `None` also if an attempt before did it.
        replaced: Option<String>,
    },
    /// A newer one is visible already, and this one given up.
    Outdated,
    /// It has been open for too long, and was given up.
    Obsolete,
    /// So many of its chunks have not been added.
    Incomplete(usize),
}

impl Documents {
    /// Makes a version that has all of its chunks visible, and the one before invisible, at once. Of versions that are published at the
    /// same time the newest stays, in whatever order they come.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses, or others keep changing the document. It may still be
    /// published: asked for again, it is found to be.
    pub async fn publish(&self, version: &Version, now_ms: u64) -> Result<Published, StoreError> {
        let missing = version.added.iter().filter(|is_added| !**is_added).count();
        if missing > 0 {
            return Ok(Published::Incomplete(missing));
        }
        let new = &version.new;
        let mut was_refused = false;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(&new.version, attempt)).await;
            }
            let before = self.get(&new.caller, &new.id).await?;
            let before = match before {
                Some(document) => match document.version.cmp(&new.version) {
                    Ordering::Less => Some(document),
                    Ordering::Equal => {
                        let (document, replaced) = (Box::new(document), None);
                        return Ok(Published::Now { document, replaced });
                    }
                    Ordering::Greater => {
                        self.give_up(version, now_ms).await?;
                        return Ok(Published::Outdated);
                    }
                },
                None => None,
            };
            let document = Box::new(document(new, before.as_ref(), now_ms));
            let writes = self.publishing(&document, before.as_ref(), now_ms)?;
            match self.transact(writes, PUBLISH).await? {
                Ended::Written => {
                    let replaced = before.map(|before| before.version);
                    return Ok(Published::Now { document, replaced });
                }
                Ended::FirstRefused if was_refused => return Ok(Published::Obsolete),
                // Unless whoever does the same work has just published it.
                Ended::FirstRefused => was_refused = true,
                Ended::Meanwhile => {}
            }
        }
        Err(StoreError::Contended { operation: PUBLISH })
    }

    /// The version's item is no longer open, the one's before is to be swept, and the document is the version.
    fn publishing(
        &self,
        document: &Document,
        before: Option<&Document>,
        now_ms: u64,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut mine = Expression::default();
        mine.set_text(STATE, State::Published.as_str());
        mine.forget(&[DUE_SHARD, DUE_AT]);
        let is_open = mine.is(STATE, State::Open.as_str());
        mine.require(is_open);
        let mut writes = vec![
            self.in_transaction(&document.version, mine, PUBLISH)?,
            self.put_document(document, before)?,
        ];
        if let Some(before) = before {
            writes.push(self.in_transaction(&before.version, obsolete(before, now_ms), PUBLISH)?);
        }
        Ok(writes)
    }

    /// Only if the document is still what it was.
    fn put_document(
        &self,
        document: &Document,
        before: Option<&Document>,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = to_item(document).map_err(|error| StoreError::item(PUBLISH, error))?;
        let key = document_key(&document.caller, &document.id);
        item.insert(TABLE.key.partition.name.to_owned(), AttributeValue::S(key));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .expression_attribute_names("#current", CURRENT);
        let put = match before {
            None => put.condition_expression("attribute_not_exists(#current)"),
            Some(before) => put
                .condition_expression("#current = :current")
                .expression_attribute_values(":current", AttributeValue::S(before.version.clone())),
        };
        let put = put.build().map_err(|source| built(PUBLISH, source))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A newer version is there: this one's chunks can go.
    async fn give_up(&self, version: &Version, now_ms: u64) -> Result<(), StoreError> {
        let mut giving_up = Expression::default();
        giving_up.set_text(STATE, State::Obsolete.as_str());
        giving_up.set_number(DUE_AT, now_ms);
        let is_open = giving_up.is(STATE, State::Open.as_str());
        giving_up.require(is_open);
        let id = version_key(version.as_str());
        self.target(&id)
            .update(giving_up, ReturnValue::None, GIVE_UP)
            .await?;
        Ok(())
    }
}

/// What a document is once this version is published.
fn document(new: &NewDocument, before: Option<&Document>, now_ms: u64) -> Document {
    // As it is read from the table: to the millisecond.
    let now = instant_of(now_ms);
    Document {
        id: new.id.clone(),
        caller: new.caller.clone(),
        title: new.title.clone(),
        metadata: new.metadata.clone(),
        version: new.version.clone(),
        chunks: new.chunks,
        embedding_model: new.embedding_model.clone(),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: now,
    }
}
