//! A conditional `UpdateItem`, and what its condition said.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::StoreError;
use crate::definition::TableDefinition;
use crate::expression::Expression;
use crate::item::Item;
use crate::pause::pause;

/// How often an update is tried that meets a transaction.
const ATTEMPTS: u32 = 5;

/// The item to update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    client: &'a Client,
    table: &'a str,
    /// The partition key's name, and its value.
    key: (&'static str, &'a str),
    /// The same of the sort key, if the table has one.
    sort: Option<(&'static str, &'a str)>,
}

/// What became of an update.
#[derive(Debug)]
pub(crate) enum Updated {
    /// Done: the attributes that it was to return.
    Done(Option<Item>),
    /// The condition does not hold: the item as it is, if there is one.
    Refused(Option<Item>),
}

impl<'a> Target<'a> {
    /// An item by the table's partition key.
    pub(crate) fn new(
        client: &'a Client,
        table: &'a str,
        definition: &'static TableDefinition,
        id: &'a str,
    ) -> Self {
        Self {
            client,
            table,
            key: (definition.key.partition.name, id),
            sort: None,
        }
    }

    /// And by its sort key.
    pub(crate) fn sorted(self, name: &'static str, value: &'a str) -> Self {
        Self {
            sort: Some((name, value)),
            ..self
        }
    }

    /// Updates the item if it is as the expression requires. `operation` names it in an error: "decide over a caller". Where a transaction is changing the
    /// same item (money that is paid in is one), it waits for that: the SDK does not.
    pub(crate) async fn update(
        self,
        expression: Expression,
        returns: ReturnValue,
        operation: &'static str,
    ) -> Result<Updated, StoreError> {
        let key = [self.key].into_iter().chain(self.sort);
        let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        let update = self
            .client
            .update_item()
            .table_name(self.table)
            .set_key(Some(key.collect()))
            .update_expression(expression.update())
            .condition_expression(expression.condition())
            .set_expression_attribute_names((!expression.names.is_empty()).then_some(expression.names))
            .set_expression_attribute_values((!expression.values.is_empty()).then_some(expression.values))
            .return_values(returns)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut attempt = 1;
        loop {
            let error = match update.clone().send().await {
                Ok(output) => return Ok(Updated::Done(output.attributes)),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    return Ok(Updated::Refused(failed.item.clone()));
                }
                Some(UpdateItemError::TransactionConflictException(_)) if attempt < ATTEMPTS => {
                    tokio::time::sleep(pause(self.key.1, attempt)).await;
                    attempt += 1;
                }
                _ => return Err(StoreError::call(operation, error)),
            }
        }
    }
}
