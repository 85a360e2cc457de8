//! Changes of a document and of its versions, all or nothing.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::item::{State, version_key};
use super::{Document, Documents, STATE, TABLE};
use crate::StoreError;
use crate::due::{DUE_AT, DUE_SHARD, SHARDS};
use crate::expression::Expression;
use crate::shard::shard;
use crate::transaction::{self, transact};
pub(super) use crate::transaction::{Ended, built};

/// While others publish versions of the same document; each takes some 20 ms.
pub(super) const MAX_ATTEMPTS: u32 = 8;

impl Documents {
    pub(super) fn in_transaction(
        &self,
        version: &str,
        change: Expression,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = (
            TABLE.key.partition.name.to_owned(),
            AttributeValue::S(version_key(version)),
        );
        transaction::update(&self.table, [key].into(), change, operation)
    }

    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<Ended, StoreError> {
        transact(&self.client, writes, operation).await
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
