//! Making a version visible, and a document invisible.

use std::cmp::Ordering;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, ReturnValue, TransactWriteItem, Update};

use super::item::{State, document_key, version_key};
use super::{CURRENT, Document, Documents, STATE, TABLE, Version};
use crate::due::{DUE_AT, DUE_SHARD, SHARDS};
use crate::expression::Expression;
use crate::item::to_item;
use crate::pause::pause;
use crate::shard::shard;
use crate::timestamp::instant_of;
use crate::update::Target;
use crate::{CallerId, StoreError};

const PUBLISH: &str = "publish a document";
const DELETE: &str = "delete a document";
const GIVE_UP: &str = "give a document's version up";
/// While others publish versions of the same document; each takes some 20 ms.
const MAX_ATTEMPTS: u32 = 8;
/// The place of the version's own item in the transaction that publishes it, and so in the reasons why it was cancelled.
const MINE: usize = 0;

/// What became of a version to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is what the document is now.
    Now {
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

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All is written.
    Written,
    /// Nothing is: the item in the first place is not as it should be.
    FirstRefused,
    /// Nothing is: others write the same items, or have done it.
    Meanwhile,
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
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(&new.version, attempt)).await;
            }
            let before = self.get(&new.caller, &new.id).await?;
            match before.as_ref().map(|before| before.version.cmp(&new.version)) {
                Some(Ordering::Equal) => return Ok(Published::Now { replaced: None }),
                Some(Ordering::Greater) => {
                    self.give_up(version, now_ms).await?;
                    return Ok(Published::Outdated);
                }
                Some(Ordering::Less) | None => {}
            }
            let writes = self.publishing(version, before.as_ref(), now_ms)?;
            match self.transact(writes, PUBLISH).await? {
                Ended::Written => {
                    let replaced = before.map(|before| before.version);
                    return Ok(Published::Now { replaced });
                }
                Ended::FirstRefused => return Ok(Published::Obsolete),
                Ended::Meanwhile => {}
            }
        }
        Err(StoreError::Contended { operation: PUBLISH })
    }

    /// Makes a document invisible, at once, and gives the version that its chunks are of, for [`Documents::sweep`]. `None` if there is
    /// no such document. A version of it that is being put may still be published.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses, or others keep changing the document. It may still be
    /// gone.
    pub async fn delete(
        &self,
        caller: &CallerId,
        id: &str,
        now_ms: u64,
    ) -> Result<Option<String>, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(id, attempt)).await;
            }
            let Some(before) = self.get(caller, id).await? else {
                return Ok(None);
            };
            let delete = Delete::builder()
                .table_name(&self.table)
                .key(
                    TABLE.key.partition.name,
                    AttributeValue::S(document_key(caller, id)),
                )
                .condition_expression("#current = :current")
                .expression_attribute_names("#current", CURRENT)
                .expression_attribute_values(":current", AttributeValue::S(before.version.clone()))
                .build()
                .map_err(|source| built(DELETE, source))?;
            let writes = vec![
                TransactWriteItem::builder().delete(delete).build(),
                self.in_transaction(&before.version, obsolete(&before, now_ms), DELETE)?,
            ];
            if self.transact(writes, DELETE).await? == Ended::Written {
                return Ok(Some(before.version));
            }
        }
        Err(StoreError::Contended { operation: DELETE })
    }

    /// The version's item is no longer open, the one's before is to be swept, and the document is the version.
    fn publishing(
        &self,
        version: &Version,
        before: Option<&Document>,
        now_ms: u64,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let new = &version.new;
        let mut mine = Expression::default();
        mine.set_text(STATE, State::Published.as_str());
        mine.forget(&[DUE_SHARD, DUE_AT]);
        let is_open = mine.is(STATE, State::Open.as_str());
        mine.require(is_open);

        let document = Document {
            id: new.id.clone(),
            caller: new.caller.clone(),
            title: new.title.clone(),
            metadata: new.metadata.clone(),
            version: new.version.clone(),
            chunks: new.chunks,
            created_at: before.map_or_else(|| instant_of(now_ms), |before| before.created_at),
            updated_at: instant_of(now_ms),
        };
        let mut writes = vec![
            self.in_transaction(&new.version, mine, PUBLISH)?,
            self.put_document(&document, before)?,
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

    fn in_transaction(
        &self,
        version: &str,
        change: Expression,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let condition = change.condition();
        let update = Update::builder()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(version_key(version)))
            .update_expression(change.update())
            .set_condition_expression((!condition.is_empty()).then_some(condition))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .build()
            .map_err(|source| built(operation, source))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<Ended, StoreError> {
        // The SDK gives each call a token, by which its own retries are the same transaction.
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Ended::Written),
            Err(error) => refused(&error).ok_or_else(|| StoreError::call(operation, error)),
        }
    }

    /// A newer version is there: this one's chunks can go.
    async fn give_up(&self, version: &Version, now_ms: u64) -> Result<(), StoreError> {
        let mut giving_up = Expression::default();
        giving_up.set_text(STATE, State::Obsolete.as_str());
        giving_up.set_number(DUE_AT, now_ms);
        let is_open = giving_up.is(STATE, State::Open.as_str());
        giving_up.require(is_open);
        let target = Target {
            client: &self.client,
            table: &self.table,
            key: TABLE.key.partition.name,
            id: &version_key(version.as_str()),
        };
        target.update(giving_up, ReturnValue::None, GIVE_UP).await?;
        Ok(())
    }
}

/// The version that a document was until now is to be swept.
fn obsolete(before: &Document, now_ms: u64) -> Expression {
    let mut obsolete = Expression::default();
    obsolete.set_text(STATE, State::Obsolete.as_str());
    obsolete.set_text(DUE_SHARD, &shard(&before.version, SHARDS).to_string());
    obsolete.set_number(DUE_AT, now_ms);
    // It is there already, and this is what it takes to sweep it.
    obsolete.set_number("chunks", before.chunks);
    obsolete
}

/// Reads why nothing was written; `None` if it is nothing that is expected.
fn refused(error: &SdkError<TransactWriteItemsError>) -> Option<Ended> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let codes = cancelled
                .cancellation_reasons()
                .iter()
                .map(|reason| reason.code());
            judge(&codes.map(Option::unwrap_or_default).collect::<Vec<_>>())
        }
        TransactWriteItemsError::TransactionInProgressException(_) => Some(Ended::Meanwhile),
        _ => None,
    }
}

fn judge(codes: &[&str]) -> Option<Ended> {
    const FAILED: &str = "ConditionalCheckFailed";
    // Where another one won, everything about the document has changed: what it is now tells.
    if codes.get(MINE) == Some(&FAILED) && !codes[MINE + 1..].contains(&FAILED) {
        return Some(Ended::FirstRefused);
    }
    let meanwhile = [FAILED, "TransactionConflict"];
    codes
        .iter()
        .any(|code| meanwhile.contains(code))
        .then_some(Ended::Meanwhile)
}

fn built(operation: &'static str, source: BuildError) -> StoreError {
    StoreError::Build {
        operation,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_did_is_looked_at_again_and_only_a_version_given_up_is_given_up() {
        let failed = "ConditionalCheckFailed";
        assert_eq!(judge(&[failed, "None", "None"]), Some(Ended::FirstRefused));
        for codes in [
            ["None", failed, "None"],
            [failed, failed, "None"],
            ["None", "TransactionConflict", "None"],
            ["None", "None", "TransactionConflict"],
        ] {
            assert_eq!(judge(&codes), Some(Ended::Meanwhile), "{codes:?}");
        }
        assert_eq!(judge(&["ThrottlingError", "None"]), None);
        assert_eq!(judge(&[]), None);
    }
}
