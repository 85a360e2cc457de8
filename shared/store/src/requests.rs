//! The table `requests`: who called what, when, with what outcome and at what cost. Never a body.
//!
//! # Keys
//! | | partition key | sort key |
//! |---|---|---|
//! | table | `caller` | `sort` = `<started_at>#<request_id>` |
//! | index `by_day`, all attributes | `day` = `<date>#<shard 0 to 7>` | `sort` |
//!
//! `started_at` is RFC 3339 in UTC with milliseconds, always 24 characters, so that the alphabetical order of
//! `sort` is the order of time. A day is spread over eight shards by a hash of the request id, since one index
//! partition takes about 1,000 writes a second; a day's reader asks all eight and merges.
//!
//! # Two phases
//! A record is put when the request starts, beside the call of the model, and put again when it has ended:
//! a record that stays `started` is a request that died. Both writes are a `PutItem` of the whole record, so
//! `dynamodb:PutItem` is all a function may do. The first has the condition that the item does not exist, so
//! a late or repeated first write never undoes the second; that refusal is a success.
//!
//! # Cost
//! A record is under 1 KB: two writes to the table and two to the index are four write units a request
//! ($2.50 per million requests at $0.625 per million write units). The index's key does not change between the phases,
//! or its second write would count twice. Expiry deletes for free.
//!
//! # Expiry
//! DynamoDB deletes an item some time after `expires_at` (seconds since 1970), [`KEPT_DAYS`] days after its start.

mod record;

pub use record::{RequestRecord, State};

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use time::{Date, Duration};

use crate::definition::{Attribute, Index, Key, Projection, TableDefinition};
use crate::error::ItemError;
use crate::expression::Expression;
use crate::item::{Item, from_item, to_item};
use crate::put::put_if;
use crate::shard::shard;
use crate::timestamp::{format_day, format_instant};
use crate::{CallerId, StoreError};

/// The table's keys.
pub const TABLE: TableDefinition = TableDefinition {
    name: "requests",
    key: Key {
        partition: Attribute::string("caller"),
        sort: Some(SORT),
    },
    indexes: &[Index {
        name: BY_DAY,
        key: Key {
            partition: Attribute::string("day"),
            sort: Some(SORT),
        },
        projection: Projection::All,
    }],
    vector: None,
    ttl_attribute: Some("expires_at"),
    stream: false,
};

/// How many days a record is kept.
pub const KEPT_DAYS: i64 = 30;

const SORT: Attribute = Attribute::string("sort");
const BY_DAY: &str = "by_day";
const SHARDS: u32 = 8;
const WRITE: &str = "write the request record";
const READ: &str = "read the request records";

/// The log of requests.
#[derive(Debug, Clone)]
pub struct Requests {
    client: Client,
    table: String,
}

impl Requests {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes the record of a request that has started. If a record of this request is there already, it is
    /// left as it is.
    ///
    /// # Errors
    /// The record could not be written within about three seconds.
    pub async fn started(&self, record: &RequestRecord) -> Result<(), StoreError> {
        let condition = Expression::is_new(&TABLE);
        put_if(&self.client, &self.table, item(record)?, condition, WRITE).await?;
        Ok(())
    }

    /// Writes the record of a request that has ended, over the one written when it started. Caller, request id
    /// and start must be the same.
    ///
    /// # Errors
    /// The record could not be written within about three seconds.
    pub async fn finished(&self, record: &RequestRecord) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(record)?));
        put.send().await.map_err(|error| StoreError::call(WRITE, error))?;
        Ok(())
    }

    /// The latest `limit` records of a caller, the newest first. A record just written is among them.
    ///
    /// # Errors
    /// The table could not be read, or holds an item that is not a record.
    pub async fn last_of_caller(
        &self,
        caller: &CallerId,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        let query = self.client.query().consistent_read(true);
        self.newest(query, TABLE.key.partition.name, caller.as_str().to_owned(), limit)
            .await
    }

    /// The latest `limit` records of a day in UTC, of all callers, the newest first. The index behind it is
    /// usually less than a second behind the table.
    ///
    /// # Errors
    /// The table could not be read, or holds an item that is not a record.
    pub async fn of_day(&self, day: Date, limit: usize) -> Result<Vec<RequestRecord>, StoreError> {
        let day = format_day(day).map_err(|error| StoreError::item(READ, error))?;
        let shards = (0..SHARDS).map(|shard| {
            let query = self.client.query().index_name(BY_DAY);
            self.newest(query, "day", format!("{day}#{shard}"), limit)
        });
        let mut records = try_join_all(shards).await?.concat();
        records.sort_by(|a, b| (b.started_at, &b.request_id).cmp(&(a.started_at, &a.request_id)));
        records.truncate(limit);
        Ok(records)
    }

    /// The newest records of one partition: page after page until there are `limit` of them.
    async fn newest(
        &self,
        query: QueryFluentBuilder,
        partition: &str,
        value: String,
        limit: usize,
    ) -> Result<Vec<RequestRecord>, StoreError> {
        let mut pages = query
            .table_name(&self.table)
            .key_condition_expression("#partition = :value")
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":value", AttributeValue::S(value))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
            .into_paginator()
            .items()
            .send();
        let mut records = Vec::new();
        while records.len() < limit {
            let Some(item) = pages.next().await else { break };
            let item: HashMap<_, _> = item.map_err(|error| StoreError::call(READ, error))?;
            records.push(from_item(item).map_err(|error| StoreError::item(READ, error))?);
        }
        Ok(records)
    }
}

fn item(record: &RequestRecord) -> Result<Item, StoreError> {
    with_keys(record).map_err(|error| StoreError::item(WRITE, error))
}

/// The record's fields and the attributes that are derived from them.
fn with_keys(record: &RequestRecord) -> Result<Item, ItemError> {
    let mut item = to_item(record)?;
    let started_at = format_instant(record.started_at)?;
    let day = &started_at[..10];
    let expires_at = (record.started_at + Duration::days(KEPT_DAYS)).unix_timestamp();
    let day = format!("{day}#{}", shard(&record.request_id, SHARDS));
    item.insert("day".to_owned(), AttributeValue::S(day));
    item.insert(
        "sort".to_owned(),
        AttributeValue::S(format!("{started_at}#{}", record.request_id)),
    );
    item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.to_string()));
    Ok(item)
}
