//! Tickets: each opens one socket, for whoever asked for it.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::connection::Session;
use super::{ALONE, Conversations, DAY_SECS, EXPIRES_AT, ID, SORT, key, number, text};
use crate::StoreError;
use crate::item::{from_item, to_item};

const MAKE: &str = "make a ticket";
const TAKE: &str = "take a ticket";
const VALID_UNTIL: &str = "valid_until";

impl Conversations {
    /// Keeps a ticket, of which only a hash is known here, until a time in ms since 1970.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses.
    pub async fn make_ticket(
        &self,
        hash: &str,
        session: &Session,
        valid_until_ms: u64,
    ) -> Result<(), StoreError> {
        let mut item = to_item(session).map_err(|error| StoreError::item(MAKE, error))?;
        item.extend([
            text(ID, id(hash)),
            text(SORT, ALONE),
            number(VALID_UNTIL, valid_until_ms),
            number(EXPIRES_AT, valid_until_ms / 1000 + DAY_SECS),
        ]);
        self.put(item, MAKE).await
    }

    /// Takes a ticket, which is gone then: whose it was. `None` if there is none, it was taken before, or its time is over.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The ticket may be gone all the same.
    pub async fn take_ticket(&self, hash: &str, now_ms: u64) -> Result<Option<Session>, StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(&id(hash), ALONE)))
            .condition_expression("#valid_until > :now")
            .expression_attribute_names("#valid_until", VALID_UNTIL)
            .expression_attribute_values(":now", AttributeValue::N(now_ms.to_string()))
            .return_values(ReturnValue::AllOld);
        match delete.send().await {
            Ok(output) => {
                let session = output.attributes.map(from_item).transpose();
                session.map_err(|error| StoreError::item(TAKE, error))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::call(TAKE, error)),
        }
    }
}

fn id(hash: &str) -> String {
    format!("ticket#{hash}")
}
