//! Changes of a document and of its versions, all or nothing.

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::item::{State, version_key};
use super::{Document, Documents, STATE, TABLE};
use crate::StoreError;
use crate::due::{DUE_AT, DUE_SHARD, SHARDS};
use crate::expression::Expression;
use crate::shard::shard;

/// While others publish versions of the same document; each takes some 20 ms.
pub(super) const MAX_ATTEMPTS: u32 = 8;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All is written.
    Written,
    /// Nothing is: the item in the first place is not as it should be.
    FirstRefused,
    /// Nothing is: others write the same items, or have done it.
    Meanwhile,
}

impl Documents {
    pub(super) fn in_transaction(
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

    pub(super) async fn transact(
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
}

/// The version that a document was until now is to be swept.
pub(super) fn obsolete(before: &Document, now_ms: u64) -> Expression {
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
    if codes.first() == Some(&FAILED) {
        return Some(Ended::FirstRefused);
    }
    let meanwhile = [FAILED, "TransactionConflict"];
    codes
        .iter()
        .any(|code| meanwhile.contains(code))
        .then_some(Ended::Meanwhile)
}

pub(super) fn built(operation: &'static str, source: BuildError) -> StoreError {
    StoreError::Build {
        operation,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_do_meanwhile_is_told_from_what_the_first_item_has_become() {
        let failed = "ConditionalCheckFailed";
        for codes in [[failed, "None", "None"], [failed, failed, "None"]] {
            assert_eq!(judge(&codes), Some(Ended::FirstRefused), "{codes:?}");
        }
        for codes in [
            ["None", failed, "None"],
            ["None", "TransactionConflict", "None"],
            ["None", "None", "TransactionConflict"],
        ] {
            assert_eq!(judge(&codes), Some(Ended::Meanwhile), "{codes:?}");
        }
        assert_eq!(judge(&["ThrottlingError", "None"]), None);
        assert_eq!(judge(&[]), None);
    }
}
