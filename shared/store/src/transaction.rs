//! Writes of several items, all or nothing, and why nothing was written.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use crate::StoreError;
use crate::expression::Expression;
use crate::item::Item;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All is written.
    Written,
    /// Nothing is: the item in the first place is not as it should be.
    FirstRefused,
    /// Nothing is: others write the same items, or have done it.
    Meanwhile,
}

/// An update as a part of a transaction.
pub(crate) fn update(
    table: &str,
    key: Item,
    change: Expression,
    operation: &'static str,
) -> Result<TransactWriteItem, StoreError> {
    let condition = change.condition();
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(change.update())
        .set_condition_expression((!condition.is_empty()).then_some(condition))
        .set_expression_attribute_names(Some(change.names))
        .set_expression_attribute_values((!change.values.is_empty()).then_some(change.values))
        .build()
        .map_err(|source| built(operation, source))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Writes these, all or nothing.
pub(crate) async fn transact(
    client: &Client,
    writes: Vec<TransactWriteItem>,
    operation: &'static str,
) -> Result<Ended, StoreError> {
    // The SDK gives each call a token, by which its own retries are the same transaction.
    let sent = client
        .transact_write_items()
        .set_transact_items(Some(writes))
        .send()
        .await;
    match sent {
        Ok(_) => Ok(Ended::Written),
        Err(error) => refused(&error).ok_or_else(|| StoreError::call(operation, error)),
    }
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

pub(crate) fn built(operation: &'static str, source: BuildError) -> StoreError {
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
