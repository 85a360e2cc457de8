//! Records to DynamoDB items and back, by way of JSON: an attribute's name is the field's name.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::error::ItemError;

/// The attributes of an item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Writes a record that serialises as a JSON object.
pub(crate) fn to_item<T: Serialize>(record: &T) -> Result<Item, ItemError> {
    let fields: Map<String, Value> = serde_json::from_value(serde_json::to_value(record)?)?;
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name, to_attribute(value)))
        .collect())
}

/// Reads a record; attributes it has no field for are left out.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, ItemError> {
    let fields: Map<String, Value> = item
        .into_iter()
        .map(|(name, value)| Ok((name, from_attribute(value)?)))
        .collect::<Result<_, ItemError>>()?;
    Ok(serde_json::from_value(Value::Object(fields))?)
}

/// Writes a value; the order of an object's fields is not kept.
pub(crate) fn to_attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(to_attribute).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields
                .into_iter()
                .map(|(name, value)| (name, to_attribute(value)))
                .collect(),
        ),
    }
}

fn from_attribute(value: AttributeValue) -> Result<Value, ItemError> {
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(digits) => Value::Number(digits.parse::<Number>()?),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::L(values) => {
            Value::Array(values.into_iter().map(from_attribute).collect::<Result<_, _>>()?)
        }
        AttributeValue::M(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| Ok((name, from_attribute(value)?)))
                .collect::<Result<_, ItemError>>()?,
        ),
        _ => return Err(ItemError::UnknownAttributeType),
    })
}

/// For `#[serde(skip_serializing_if)]`.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands it over by reference"
)]
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}
