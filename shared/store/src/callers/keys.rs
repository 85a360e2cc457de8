//! API keys: making, listing, rotating and revoking them. For the command and for tests; functions may none of it.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{CallerItem, UNLIMITED, period};
use super::{Callers, Limits, TABLE};
use crate::StoreError;
use crate::expression::Expression;
use crate::item::{from_item, to_item};
use crate::put::put_if;

const CREATE: &str = "create a key";
const LIST: &str = "list the keys";
const DELETE: &str = "delete a key";
const REVOKE: &str = "revoke a key";
const ROTATE: &str = "rotate a key";

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its public part, by which it is found.
    pub id: String,
    /// The keyed hash of its secret part, in hexadecimal.
    pub hash: String,
    /// What it is for, in the words of whoever makes it.
    pub name: String,
    /// What it may.
    pub scopes: Vec<String>,
    /// How much it may.
    pub limits: Limits,
    /// Now, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// A key as it is kept: everything but its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its public part; the caller's id in the request log.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may.
    pub scopes: Vec<String>,
    /// How much it may.
    pub limits: Limits,
    /// What is left of this month's budget, reservations taken off, in millionths of a dollar; `None` without a budget.
    pub remaining: Option<i64>,
    /// What was paid in beforehand and is not spent, in millionths of a dollar; less than nothing where it was spent and then taken back.
    pub prepaid: i64,
    /// Requests under way, or died and not yet released.
    pub calls: usize,
    /// Jobs being worked at, or whose worker died and that are not yet released.
    pub work: usize,
    /// In milliseconds since 1970.
    pub created_at_ms: u64,
    /// In milliseconds since 1970, if it is.
    pub revoked_at_ms: Option<u64>,
    /// Until when the secret before the last rotation is valid too, in milliseconds since 1970.
    pub old_secret_until_ms: Option<u64>,
}

impl Callers {
    /// Makes a key. `false` if there is one of that id.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn create_key(&self, key: &NewKey) -> Result<bool, StoreError> {
        let condition = Expression::is_new(&TABLE);
        put_if(&self.client, &self.table, item(key)?, condition, CREATE).await
    }

    /// All keys, the oldest first. Reads the whole table.
    ///
    /// # Errors
    /// The database does not answer, or refuses, or holds an item that is not a caller.
    pub async fn keys(&self, now_ms: u64) -> Result<Vec<KeyRecord>, StoreError> {
        let (month, _) = period(now_ms);
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| StoreError::call(LIST, error))?;
            let item: CallerItem = from_item(item).map_err(|error| StoreError::item(LIST, error))?;
            keys.extend(record(item, &month));
        }
        keys.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        Ok(keys)
    }

    /// Revokes a key, or the bearer of a token who has called before (`token:<issuer> <subject>`), for good. `false` if there is none of that id, or it is revoked.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn revoke_key(&self, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let mut revoking = Expression::default();
        let (caller, revoked_at) = (
            revoking.name(TABLE.key.partition.name),
            revoking.name("revoked_at"),
        );
        let now = revoking.number("now", now_ms);
        revoking.set(&revoked_at, now);
        // Else a token's item would be deleted one day, and its bearer be a stranger who may call.
        let expires_at = revoking.name("expires_at");
        revoking.remove(expires_at);
        revoking.require(format!("attribute_exists({caller})"));
        revoking.require(format!("attribute_not_exists({revoked_at})"));
        self.conditionally(id, revoking, REVOKE).await
    }

    /// Deletes a key, and with it all that is known of it. A key that people have should be revoked instead.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn delete_key(&self, id: &str) -> Result<(), StoreError> {
        let key = AttributeValue::S(id.to_owned());
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, key);
        delete
            .send()
            .await
            .map_err(|error| StoreError::call(DELETE, error))?;
        Ok(())
    }

    /// Gives a key a new secret. The one that it has stays valid until a time, one before that not. `false` if there is no such
    /// key, or it is revoked.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn rotate_key(&self, id: &str, hash: &str, old_until_ms: u64) -> Result<bool, StoreError> {
        let mut rotating = Expression::default();
        let [known, old, old_until, revoked_at] =
            ["hash", "old_hash", "old_until", "revoked_at"].map(|name| rotating.name(name));
        let hash = rotating.text("hash", hash);
        let until = rotating.number("until", old_until_ms);
        rotating.set(&old, &known);
        rotating.set(&known, hash);
        rotating.set(&old_until, until);
        rotating.require(format!("attribute_exists({known})"));
        rotating.require(format!("attribute_not_exists({revoked_at})"));
        self.conditionally(id, rotating, ROTATE).await
    }
}

fn item(key: &NewKey) -> Result<crate::item::Item, StoreError> {
    let budget = key.limits.budget.unwrap_or(UNLIMITED);
    let item = CallerItem {
        caller: key.id.clone(),
        name: Some(key.name.clone()),
        hash: Some(key.hash.clone()),
        scopes: key.scopes.clone(),
        interval: key.limits.rate.interval_ms,
        offset: key.limits.rate.offset_ms(),
        burst: key.limits.rate.burst,
        budget,
        remaining: i64::try_from(budget).unwrap_or(i64::MAX),
        period: period(key.created_at_ms).0,
        concurrency: key.limits.concurrency,
        max_output_tokens: key.limits.max_output_tokens,
        calls: Some(Default::default()),
        created_at: key.created_at_ms,
        ..CallerItem::default()
    };
    to_item(&item).map_err(|error| StoreError::item(CREATE, error))
}

/// `None` for the bearers of tokens.
fn record(item: CallerItem, month: &str) -> Option<KeyRecord> {
    let limits = item.limits();
    let remaining = match item.period == month {
        true => item.remaining,
        false => item.next_month(),
    };
    let prepaid = item.carried();
    Some(KeyRecord {
        name: item.name?,
        id: item.caller,
        scopes: item.scopes,
        remaining: limits.budget.map(|_| remaining),
        prepaid,
        limits,
        calls: item.calls.map_or(0, |calls| calls.len()),
        work: item.work.map_or(0, |work| work.len()),
        created_at_ms: item.created_at,
        revoked_at_ms: item.revoked_at,
        old_secret_until_ms: item.old_until,
    })
}
