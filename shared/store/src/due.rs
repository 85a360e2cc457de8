//! What somebody has to look at, at a later time if nothing else happens until then: an index of a few shards, in the order of time.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::definition::{Attribute, Index, Key, Projection};
use crate::item::{Item, from_item};
use crate::shard::shard;

/// The index, of items that have these two attributes.
pub(crate) const INDEX: Index = Index {
    name: BY_DUE,
    key: Key {
        partition: Attribute::string(DUE_SHARD),
        sort: Some(Attribute::number(DUE_AT)),
    },
    projection: Projection::KeysOnly,
};

pub(crate) const DUE_SHARD: &str = "due_shard";
/// In ms since 1970.
pub(crate) const DUE_AT: &str = "due_at";
pub(crate) const SHARDS: u32 = 4;

/// A part of the index, which has shards of its own: what stands before their numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part(pub(crate) &'static str);

impl Part {
    /// The shard of an item with this id.
    pub(crate) fn shard_of(self, id: &str) -> String {
        format!("{}{}", self.0, shard(id, SHARDS))
    }
}
const BY_DUE: &str = "by_due";

/// The time that is a while later, in ms since 1970.
pub(crate) fn after(now_ms: u64, wait: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// The ids of what is due, `limit` at most, what has been due for longest first.
pub(crate) async fn due(
    client: &Client,
    table: &str,
    now_ms: u64,
    limit: usize,
    operation: &'static str,
) -> Result<Vec<String>, StoreError> {
    let due: Vec<Due> = due_as(client, table, &[Part("")], now_ms, limit, operation).await?;
    Ok(due.into_iter().map(|due| due.id).collect())
}

/// The same of parts of the index, and of a table whose keys are read as `D`, which is ordered by the time.
pub(crate) async fn due_as<D: DeserializeOwned + Ord>(
    client: &Client,
    table: &str,
    parts: &[Part],
    now_ms: u64,
    limit: usize,
    operation: &'static str,
) -> Result<Vec<D>, StoreError> {
    let shards = parts
        .iter()
        .flat_map(|part| (0..SHARDS).map(move |shard| format!("{}{shard}", part.0)));
    let shards = shards.map(|shard| {
        let query = client
            .query()
            .table_name(table)
            .index_name(BY_DUE)
            .key_condition_expression("#due_shard = :shard AND #due_at <= :now")
            .expression_attribute_names("#due_shard", DUE_SHARD)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":now", AttributeValue::N(now_ms.to_string()));
        first(query, limit, operation)
    });
    let mut due: Vec<D> = try_join_all(shards)
        .await?
        .into_iter()
        .flatten()
        .map(from_item)
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::item(operation, error))?;
    due.sort();
    due.truncate(limit);
    Ok(due)
}

/// A query's first items: page after page until there are `limit` of them.
pub(crate) async fn first(
    query: QueryFluentBuilder,
    limit: usize,
    operation: &'static str,
) -> Result<Vec<Item>, StoreError> {
    let mut pages = query
        .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while items.len() < limit {
        let Some(item) = pages.next().await else { break };
        items.push(item.map_err(|error| StoreError::call(operation, error))?);
    }
    Ok(items)
}

/// An item of the index, in the order of time.
#[derive(PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
struct Due {
    due_at: u64,
    id: String,
}
