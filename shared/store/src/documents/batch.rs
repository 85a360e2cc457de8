//! Writing and reading many items. What the table does not take, or give, at once is asked for again.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, WriteRequest};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Documents, TABLE, patient};
use crate::StoreError;
use crate::item::Item;
use crate::pause::backoff;

/// As many as DynamoDB writes in a call.
const WRITES: usize = 25;
/// As many as it reads in a call.
const READS: usize = 100;
/// Calls at once.
const AT_ONCE: usize = 4;
/// With the waits between them, about six seconds.
const MAX_ATTEMPTS: u32 = 7;
/// What DynamoDB calls it if a call finds no room at all.
const NO_ROOM: [&str; 3] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
];

impl Documents {
    /// Each of them is written whole, in no order, and all are before this returns without an error.
    pub(super) async fn write_all(
        &self,
        writes: Vec<WriteRequest>,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let batches: Vec<_> = writes.chunks(WRITES).map(<[_]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.write(batch, operation))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn write(&self, writes: Vec<WriteRequest>, operation: &'static str) -> Result<(), StoreError> {
        let mut left = HashMap::from([(self.table.clone(), writes)]);
        for attempt in 0..MAX_ATTEMPTS {
            let sent = self
                .client
                .batch_write_item()
                .set_request_items(Some(left.clone()))
                .customize()
                .config_override(patient())
                .send()
                .await;
            match sent {
                Ok(output) => left = output.unprocessed_items.unwrap_or_default(),
                Err(error) if finds_no_room(&error) => {}
                Err(error) => return Err(StoreError::call(operation, error)),
            }
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(backoff(&self.table, attempt)).await;
        }
        Err(StoreError::Throttled { operation })
    }

    /// Those that there are, in no order, as they are after all that has been written. `attributes`: the ones that are needed,
    /// or all.
    pub(super) async fn read_all(
        &self,
        ids: Vec<String>,
        attributes: &[&str],
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let batches: Vec<_> = ids.chunks(READS).map(<[_]>::to_vec).collect();
        let items: Vec<Vec<Item>> = stream::iter(batches)
            .map(|batch| self.read(batch, attributes, operation))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(items.into_iter().flatten().collect())
    }

    async fn read(
        &self,
        ids: Vec<String>,
        attributes: &[&str],
        operation: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let keys = keys(ids, attributes).map_err(|source| StoreError::Build {
            operation,
            source: Box::new(source),
        })?;
        let mut left = HashMap::from([(self.table.clone(), keys)]);
        let mut items = Vec::new();
        for attempt in 0..MAX_ATTEMPTS {
            let sent = self
                .client
                .batch_get_item()
                .set_request_items(Some(left.clone()))
                .customize()
                .config_override(patient())
                .send()
                .await;
            match sent {
                Ok(output) => {
                    let tables = output.responses.unwrap_or_default();
                    items.extend(tables.into_values().flatten());
                    left = output.unprocessed_keys.unwrap_or_default();
                }
                Err(error) if finds_no_room(&error) => {}
                Err(error) => return Err(StoreError::call(operation, error)),
            }
            if left.is_empty() {
                return Ok(items);
            }
            tokio::time::sleep(backoff(&self.table, attempt)).await;
        }
        Err(StoreError::Throttled { operation })
    }
}

/// A write that deletes an item, if there is one.
pub(super) fn delete(id: String, operation: &'static str) -> Result<WriteRequest, StoreError> {
    let delete = DeleteRequest::builder()
        .key(TABLE.key.partition.name, AttributeValue::S(id))
        .build()
        .map_err(|source| StoreError::Build {
            operation,
            source: Box::new(source),
        })?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

fn keys(
    ids: Vec<String>,
    attributes: &[&str],
) -> Result<KeysAndAttributes, aws_sdk_dynamodb::error::BuildError> {
    let key = |id| Item::from([(TABLE.key.partition.name.to_owned(), AttributeValue::S(id))]);
    let stand_ins: Vec<_> = attributes.iter().map(|name| format!("#{name}")).collect();
    let names = attributes
        .iter()
        .map(|name| (format!("#{name}"), (*name).to_owned()));
    KeysAndAttributes::builder()
        .set_keys(Some(ids.into_iter().map(key).collect()))
        .consistent_read(true)
        .set_projection_expression((!attributes.is_empty()).then(|| stand_ins.join(", ")))
        .set_expression_attribute_names((!attributes.is_empty()).then(|| names.collect()))
        .build()
}

fn finds_no_room<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code.is_some_and(|code| NO_ROOM.contains(&code))
}
