//! The table in the cloud has the keys that the store writes.

use lambent_store::{Key, requests};
use serde_json::{Value, json};

use crate::translated::template;

#[test]
fn the_requests_table_has_the_keys_of_the_store() {
    let Some(template) = template() else { return };
    let table = template.properties("RequestsTable");
    let definition = requests::TABLE;

    assert_eq!(table["KeySchema"], key_schema(&definition.key));
    let indexes: Vec<_> = definition
        .indexes
        .iter()
        .map(|index| {
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(&index.key),
                "Projection": {"ProjectionType": "ALL"},
            })
        })
        .collect();
    assert_eq!(table["GlobalSecondaryIndexes"], Value::from(indexes));

    let name = |attribute: &Value| attribute["AttributeName"].to_string();
    let mut attributes = table["AttributeDefinitions"].as_array().unwrap().clone();
    attributes.sort_by_key(name);
    let mut wanted: Vec<_> = definition
        .key_attributes()
        .iter()
        .map(|attribute| json!({"AttributeName": attribute.name, "AttributeType": attribute.kind.code()}))
        .collect();
    wanted.sort_by_key(name);
    assert_eq!(attributes, wanted);
}

#[test]
fn requests_expire_by_the_attribute_that_the_store_writes() {
    let Some(template) = template() else { return };
    let ttl = &template.properties("RequestsTable")["TimeToLiveSpecification"];
    assert_eq!(
        ttl,
        &json!({"AttributeName": requests::TABLE.ttl_attribute.unwrap(), "Enabled": true})
    );
}

#[test]
fn the_requests_table_costs_nothing_idle_and_is_not_lost() {
    let Some(template) = template() else { return };
    let table = template.properties("RequestsTable");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    assert!(table.get("DeletionProtectionEnabled").is_some());
}

fn key_schema(key: &Key) -> Value {
    json!([
        {"AttributeName": key.partition.name, "KeyType": "HASH"},
        {"AttributeName": key.sort.name, "KeyType": "RANGE"},
    ])
}
