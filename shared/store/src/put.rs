//! A conditional `PutItem`.

use aws_sdk_dynamodb::Client;

use crate::StoreError;
use crate::definition::TableDefinition;
use crate::expression::Expression;
use crate::item::Item;

/// Puts an item if what is there is as the condition requires, and says whether it was. `operation` names it in an error: "make a key".
pub(crate) async fn put_if(
    client: &Client,
    table: &str,
    item: Item,
    condition: Expression,
    operation: &'static str,
) -> Result<bool, StoreError> {
    let put = client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition.condition())
        .set_expression_attribute_names(Some(condition.names))
        .set_expression_attribute_values((!condition.values.is_empty()).then_some(condition.values));
    let Err(error) = put.send().await else {
        return Ok(true);
    };
    let refused = error.as_service_error();
    if refused.is_some_and(|refused| refused.is_conditional_check_failed_exception()) {
        return Ok(false);
    }
    Err(StoreError::call(operation, error))
}

impl Expression {
    /// That there is no item of this key.
    pub(crate) fn is_new(table: &TableDefinition) -> Self {
        let mut condition = Self::default();
        let key = condition.name(table.key.partition.name);
        condition.require(format!("attribute_not_exists({key})"));
        condition
    }
}
