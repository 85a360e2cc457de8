//! Which records are handed on. What each operator means is tested where it is defined.

use std::sync::Arc;

use lambent_runtime_api::{MappingConfig, PatternError, mapping};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::rig::{Run, Table, config, handles, key};

#[tokio::test]
async fn only_records_that_a_filter_matches_are_handed_on() {
    let table = Table::start().await;
    for (key, status) in [("a", "queued"), ("b", "running"), ("a", "done"), ("c", "queued")] {
        table.put(key, json!({"status": {"S": status}}));
    }
    table.delete("c");
    table.put("last", json!({"status": {"S": "queued"}}));
    let config = MappingConfig {
        filters: vec![
            json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}}),
            json!({"eventName": ["REMOVE"]}),
        ],
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, handles);
    run.until_handled(4).await;
    let handled: Vec<_> = run.handled.lock().unwrap().iter().map(key).collect();
    assert_eq!(handled, ["a", "c", "c", "last"]);
}

#[tokio::test]
async fn a_mapping_with_an_operator_that_is_not_known_is_not_made() {
    let table = Table::start().await;
    let config = MappingConfig {
        filters: vec![json!({"dynamodb": {"Keys": {"pk": {"S": [{"cidr": "10.0.0.0/8"}]}}}})],
        ..config()
    };
    let invoke = Arc::new(|event| Box::pin(async move { Ok(event) }) as _);
    let made = mapping(
        config,
        table.stream().await,
        invoke,
        Arc::new(|_| ()),
        CancellationToken::new(),
    );
    let error = made.err().unwrap();
    assert!(
        matches!(&error, PatternError::UnknownOperator { path, operator } if path == "dynamodb.Keys.pk.S" && operator == "cidr"),
        "{error}"
    );
}
