//! What the function is given.

use lambent_runtime_api::{MappingConfig, SourceError, TableStream};
use serde_json::{Value, json};

use crate::rig::{Run, Table, config, handles};

#[tokio::test]
async fn an_event_is_one_of_dynamodb() {
    let table = Table::start().await;
    let item = json!({
        "text": {"S": "a"},
        "number": {"N": "1.5"},
        "binary": {"B": "AAEC"},
        "is": {"BOOL": true},
        "nothing": {"NULL": true},
        "texts": {"SS": ["a", "b"]},
        "binaries": {"BS": ["AA=="]},
        "numbers": {"NS": ["1"]},
        "list": {"L": [{"S": "a"}, {"M": {"deep": {"N": "1"}}}]},
    });
    table.put("a", item.clone());
    let (run, _) = Run::start(config(), table.stream().await, handles);
    run.until_handled(1).await;

    let mut record = run.handled.lock().unwrap()[0].clone();
    let change = record["dynamodb"].take();
    assert!(record["eventID"].take().as_str().is_some_and(|id| !id.is_empty()));
    let arn = record["eventSourceARN"].take();
    assert!(arn.as_str().unwrap().contains(":table/jobs/stream/"), "{arn}");
    assert!(record["awsRegion"].take().is_string());
    let expected = json!({
        "eventID": null,
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": null,
        "dynamodb": null,
        "eventSourceARN": null,
    });
    assert_eq!(record, expected);

    let mut image = item;
    image["pk"] = json!({"S": "a"});
    assert_eq!(change["NewImage"], image);
    assert_eq!(change["Keys"], json!({"pk": {"S": "a"}}));
    assert_eq!(change["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["ApproximateCreationDateTime"].is_u64(), "{change}");
    assert!(change["SizeBytes"].is_u64(), "{change}");
    assert!(
        change["SequenceNumber"]
            .as_str()
            .is_some_and(|number| number.len() >= 21)
    );
    assert_eq!(change.get("OldImage"), None);
}

#[tokio::test]
async fn changes_and_deletions_have_the_old_image() {
    let table = Table::start().await;
    table.put("a", json!({"n": {"N": "1"}}));
    table.put("a", json!({"n": {"N": "2"}}));
    table.delete("a");
    let (run, _) = Run::start(config(), table.stream().await, handles);
    run.until_handled(3).await;
    let seen: Vec<_> = run.handled.lock().unwrap().iter().map(images).collect();
    let (first, second) = (json!({"N": "1"}), json!({"N": "2"}));
    assert_eq!(
        seen,
        [
            ("INSERT".to_owned(), Value::Null, first.clone()),
            ("MODIFY".to_owned(), first, second.clone()),
            ("REMOVE".to_owned(), second, Value::Null),
        ]
    );
}

fn images(record: &Value) -> (String, Value, Value) {
    let change = &record["dynamodb"];
    (
        record["eventName"].as_str().unwrap().to_owned(),
        change["OldImage"]["n"].clone(),
        change["NewImage"]["n"].clone(),
    )
}

#[tokio::test]
async fn an_event_has_no_more_records_than_asked_for() {
    let table = Table::start().await;
    table.put_numbered((0..10).map(|number| (format!("item-{number}"), number)));
    let config = MappingConfig {
        batch_size: 4,
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, handles);
    run.until_handled(10).await;
    let sizes: Vec<_> = run.keys_of_batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 2]);
}

#[tokio::test]
async fn an_event_is_no_larger_than_lambda_takes() {
    const LAMBDAS_LIMIT: usize = 6 * 1024 * 1024;
    let table = Table::start().await;
    for number in 0..20 {
        table.put(
            &format!("item-{number}"),
            json!({"text": {"S": "x".repeat(390_000)}}),
        );
    }
    let (run, _) = Run::start(config(), table.stream().await, handles);
    run.until_handled(20).await;
    let batches = run.batches.lock().unwrap().clone();
    assert_eq!(batches.len(), 2);
    for records in batches {
        assert!(json!({"Records": records}).to_string().len() <= LAMBDAS_LIMIT);
    }
}

#[tokio::test]
async fn a_table_without_a_stream_is_an_error() {
    let table = Table::without_stream("jobs").await;
    let error = TableStream::find(&table.endpoint, "eu-central-1", "jobs")
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::NoStream(name) if name == "jobs"));
}

#[tokio::test]
async fn an_endpoint_where_nobody_answers_is_an_error_that_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = TableStream::find(&endpoint, "eu-central-1", "jobs")
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Call { .. }));
    let message = error.to_string();
    assert!(
        message.starts_with("could not list the streams of a table: "),
        "{message}"
    );
    assert!(message.to_lowercase().contains("refused"), "{message}");
}
