//! Reading jobs.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::read_job;
use super::{BY_CALLER, Job, Jobs, TABLE, due};
use crate::due::first;
use crate::item::{Item, from_item};
use crate::{CallerId, StoreError};

const READ: &str = "read a job";
const LIST: &str = "list a caller's jobs";
const DUE: &str = "find the jobs that are due";

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// The last one's id, if there are more: what the next page is asked for with.
    pub next: Option<String>,
}

impl Jobs {
    /// A caller's job as it is now. `None` if there is none of that id, or it is another caller's.
    ///
    /// # Errors
    /// The table could not be read, or holds a job that this version does not know.
    pub async fn get(&self, caller: &CallerId, id: &str) -> Result<Option<Job>, StoreError> {
        let job = self.find(id).await?;
        Ok(job.filter(|job| job.caller == *caller))
    }

    /// Anybody's job as it is now. **Not for ids that come from a request**: see [`Jobs::get`].
    ///
    /// # Errors
    /// The table could not be read, or holds a job that this version does not know.
    pub async fn find(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let item = self.item(id.to_owned(), READ).await?;
        Ok(read_job(item, READ)?.map(|job| *job))
    }

    /// A caller's jobs, the newest first: `limit` of them, all of them older than the one of the id `before`. Results and what else
    /// lists do not show are missing. The index behind it is usually less than a second behind the table.
    ///
    /// # Errors
    /// The table could not be read, or holds a job that this version does not know.
    pub async fn list(
        &self,
        caller: &CallerId,
        limit: usize,
        before: Option<&str>,
    ) -> Result<Page, StoreError> {
        let query = self
            .client
            .query()
            .index_name(BY_CALLER)
            .expression_attribute_names("#caller", "caller")
            .expression_attribute_values(":caller", AttributeValue::S(caller.as_str().to_owned()))
            .scan_index_forward(false);
        let query = match before {
            None => query.key_condition_expression("#caller = :caller"),
            Some(id) => query
                .key_condition_expression("#caller = :caller AND #id < :before")
                .expression_attribute_names("#id", TABLE.key.partition.name)
                .expression_attribute_values(":before", AttributeValue::S(id.to_owned())),
        };
        // One more tells whether there are more.
        let query = query.table_name(&self.table);
        let items = first(query, limit.saturating_add(1), LIST).await?;
        let has_more = items.len() > limit;
        let jobs: Vec<Job> = items
            .into_iter()
            .take(limit)
            .map(from_item)
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::item(LIST, error))?;
        let last = jobs.last().map(|job| job.id.clone());
        Ok(Page {
            jobs,
            next: last.filter(|_| has_more),
        })
    }

    /// The ids of jobs that somebody has to look at, `limit` at most, those that have been due for longest first. The index behind it
    /// is usually less than a second behind the table, so that one may have been looked at already.
    ///
    /// # Errors
    /// The table could not be read.
    pub async fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        due::due(&self.client, &self.table, now_ms, limit, DUE).await
    }

    pub(super) async fn item(&self, id: String, operation: &'static str) -> Result<Option<Item>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(TABLE.key.partition.name, AttributeValue::S(id))
            .consistent_read(true);
        let output = get
            .send()
            .await
            .map_err(|error| StoreError::call(operation, error))?;
        Ok(output.item)
    }
}
