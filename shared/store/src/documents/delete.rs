//! Making a document invisible.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};

use super::item::document_key;
use super::transaction::{Ended, MAX_ATTEMPTS, built, obsolete};
use super::{CURRENT, Documents, TABLE};
use crate::pause::pause;
use crate::{CallerId, StoreError};

const DELETE: &str = "delete a document";

impl Documents {
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
}
