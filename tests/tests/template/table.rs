//! The tables in the cloud have the keys that the store writes.

use std::collections::BTreeSet;

use lambent_store::{
    Key, Projection, TableDefinition, VectorIndex, callers, conversations, documents, jobs, requests,
    webhooks,
};
use serde_json::{Value, json};

use crate::translated::{Template, template};

/// The template's names of the tables, and what the store says of them.
const TABLES: [(&str, TableDefinition); 6] = [
    ("CallersTable", callers::TABLE),
    ("ConversationsTable", conversations::TABLE),
    ("DocumentsTable", documents::TABLE),
    ("JobsTable", jobs::TABLE),
    ("RequestsTable", requests::TABLE),
    ("WebhooksTable", webhooks::TABLE),
];

#[test]
fn tables_are_exactly_those_of_the_store() {
    let Some(template) = template() else { return };
    let deployed = template.of_type("AWS::DynamoDB::Table");
    let deployed: BTreeSet<_> = deployed.iter().map(|(id, _)| *id).collect();
    assert_eq!(deployed, BTreeSet::from(TABLES.map(|(id, _)| id)));
}

#[test]
fn tables_have_the_keys_of_the_store() {
    for_each_table(|_, id, table, definition| {
        assert_eq!(table["KeySchema"], key_schema(&definition.key), "{id}");
        let indexes: Vec<_> = definition
            .indexes
            .iter()
            .map(|index| {
                json!({
                    "IndexName": index.name,
                    "KeySchema": key_schema(&index.key),
                    "Projection": projection(index.projection),
                })
            })
            .collect();
        // A table without indexes has no list of them.
        let declared = table.get("GlobalSecondaryIndexes").cloned();
        assert_eq!(
            declared.unwrap_or_else(|| json!([])),
            Value::from(indexes),
            "{id}"
        );
        let vector = definition.vector.map(|index| json!([vector_index(&index)]));
        assert_eq!(table.get("VectorIndexes"), vector.as_ref(), "{id}");

        let name = |attribute: &Value| attribute["AttributeName"].to_string();
        let mut attributes = table["AttributeDefinitions"].as_array().unwrap().clone();
        attributes.sort_by_key(name);
        let mut wanted: Vec<_> = definition
            .key_attributes()
            .iter()
            .map(|attribute| json!({"AttributeName": attribute.name, "AttributeType": attribute.kind.code()}))
            .collect();
        wanted.sort_by_key(name);
        assert_eq!(attributes, wanted, "{id}");
    });
}

#[test]
fn tables_have_the_streams_of_the_store() {
    for_each_table(|_, id, table, definition| {
        let wanted = definition.stream.then(|| json!({"StreamViewType": "NEW_IMAGE"}));
        assert_eq!(table.get("StreamSpecification"), wanted.as_ref(), "{id}");
    });
}

#[test]
fn items_expire_by_the_attribute_that_the_store_writes() {
    for_each_table(|_, id, table, definition| {
        let wanted = definition
            .ttl_attribute
            .map(|attribute| json!({"AttributeName": attribute, "Enabled": true}));
        assert_eq!(table.get("TimeToLiveSpecification"), wanted.as_ref(), "{id}");
    });
}

#[test]
fn tables_cost_nothing_idle_and_are_not_lost() {
    for_each_table(|template, id, table, _| {
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{id}");
        assert_eq!(
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true,
            "{id}"
        );
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
        assert!(table.get("DeletionProtectionEnabled").is_some(), "{id}");
        assert!(template.is_retained(id), "{id}");
    });
}

fn for_each_table(check: impl Fn(&Template, &str, &Value, &TableDefinition)) {
    let Some(template) = template() else { return };
    for (id, definition) in TABLES {
        check(template, id, template.properties(id), &definition);
    }
}

fn key_schema(key: &Key) -> Value {
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let sort = key.sort.map(|sort| element(sort.name, "RANGE"));
    std::iter::once(element(key.partition.name, "HASH"))
        .chain(sort)
        .collect()
}

fn vector_index(index: &VectorIndex) -> Value {
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "SearchSchemaElementType": kind});
    let filters = index
        .filters
        .iter()
        .map(|filter| element(filter.name, "INLINE_FILTER"));
    let schema: Vec<_> = std::iter::once(element(index.hash.name, "HASH"))
        .chain(filters)
        .collect();
    json!({
        "IndexName": index.name,
        "VectorAttribute": {"AttributeName": index.attribute},
        "Dimensions": index.dimensions,
        "DistanceFunction": "COSINE",
        "SearchSchema": schema,
        "Projection": projection(index.projection),
    })
}

fn projection(projection: Projection) -> Value {
    match projection {
        Projection::All => json!({"ProjectionType": "ALL"}),
        Projection::KeysOnly => json!({"ProjectionType": "KEYS_ONLY"}),
        Projection::Include(attributes) => {
            json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": attributes})
        }
    }
}
