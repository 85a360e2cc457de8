//! Deleting the chunks that nobody will find any more.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::batch::delete;
use super::item::{State, chunk_key, version_key};
use super::{Documents, STATE, TABLE, VERSION};
use crate::StoreError;
use crate::due::{self, DUE_AT, after};
use crate::expression::Expression;
use crate::update::Updated;

const LEFTOVERS: &str = "find what is left of documents";
const SWEEP: &str = "delete what is left of a document";

/// When a version is due again whose sweeping has begun.
const SWEEPING: Duration = Duration::from_secs(2 * 60);

impl Documents {
    /// The versions that are for [`Documents::sweep`], `limit` at most, those that have been for longest first: replaced and deleted ones
    /// at once, those that were never published [`super::OPEN_FOR`] after they were begun. The index behind it is usually less
    /// than a second behind the table.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn leftovers(&self, now_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        let due = due::due(&self.client, &self.table, now_ms, limit, LEFTOVERS).await?;
        let version = |id: String| id.strip_prefix(VERSION).map(str::to_owned);
        Ok(due.into_iter().filter_map(version).collect())
    }

    /// Deletes a version's chunks, and then the version. Gives how many they were, or `None` where there is nothing to do: it is visible, it
    /// may still be published, or it is gone. Whatever stops it, it can be called again, and deletes what is left.
    ///
    /// # Errors
    /// The database does not answer within ten seconds, or takes no more for about six. The version is then a leftover again in two
    /// minutes.
    pub async fn sweep(&self, version: &str, now_ms: u64) -> Result<Option<u32>, StoreError> {
        let Some(chunks) = self.take(version, now_ms).await? else {
            return Ok(None);
        };
        let deletes = (0..chunks)
            .map(|number| delete(chunk_key(version, number), SWEEP))
            .collect::<Result<_, _>>()?;
        self.write_all(deletes, SWEEP).await?;
        // Only now, since it says what there is to delete.
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(version_key(version)));
        delete
            .send()
            .await
            .map_err(|error| StoreError::call(SWEEP, error))?;
        Ok(Some(chunks))
    }

    /// From here on it cannot be published. How many chunks it has at most.
    async fn take(&self, version: &str, now_ms: u64) -> Result<Option<u32>, StoreError> {
        let mut taking = Expression::default();
        taking.set_text(STATE, State::Obsolete.as_str());
        taking.set_number(DUE_AT, after(now_ms, SWEEPING));
        let obsolete = taking.is(STATE, State::Obsolete.as_str());
        let open = taking.is(STATE, State::Open.as_str());
        let (due_at, now) = (taking.name(DUE_AT), taking.number("now", now_ms));
        taking.require(format!("({obsolete} OR ({open} AND {due_at} <= {now}))"));
        let id = version_key(version);
        let Updated::Done(item) = self
            .target(&id)
            .update(taking, ReturnValue::AllNew, SWEEP)
            .await?
        else {
            return Ok(None);
        };
        let chunks = item.as_ref().and_then(|item| item.get("chunks")?.as_n().ok());
        Ok(chunks.and_then(|chunks| chunks.parse().ok()))
    }
}
