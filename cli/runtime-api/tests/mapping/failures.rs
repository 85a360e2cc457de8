//! What becomes of records at which the function fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use lambent_runtime_api::{InvokeError, MappingConfig};
use serde_json::{Value, json};

use crate::rig::{FUNCTION_ARN, Run, Table, config, fails, key, sequence_number};

/// A function that fails at the item `poison`.
async fn fails_at_poison(records: Vec<Value>) -> Result<Value, InvokeError> {
    if records.iter().any(|record| key(record) == "poison") {
        return fails();
    }
    Ok(Value::Null)
}

fn items(keys: &[&str]) -> Vec<(String, usize)> {
    keys.iter().map(|key| ((*key).to_owned(), 1)).collect()
}

#[tokio::test]
async fn a_record_is_tried_as_often_as_asked_for_and_then_given_up() {
    let table = Table::start().await;
    table.put_numbered(items(&["before", "poison", "after"]));
    let config = MappingConfig {
        batch_size: 1,
        maximum_retry_attempts: Some(2),
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, fails_at_poison);
    run.until_handled(2).await;
    let tried = run.keys_of_batches();
    assert_eq!(tried, [["before"], ["poison"], ["poison"], ["poison"], ["after"]]);

    let mut discarded = run.until_discarded().await;
    let poison = run.batches.lock().unwrap()[1][0].clone();
    let context = &mut discarded["requestContext"];
    assert!(
        context["requestId"]
            .take()
            .as_str()
            .is_some_and(|id| id.len() == 36)
    );
    let info = &mut discarded["DDBStreamBatchInfo"];
    let arrival = info["approximateArrivalOfFirstRecord"].take();
    assert_eq!(arrival, info["approximateArrivalOfLastRecord"].take());
    assert!(
        arrival
            .as_str()
            .is_some_and(|time| time.len() == "2026-01-01T00:00:00Z".len())
    );
    assert!(
        info["shardId"]
            .take()
            .as_str()
            .is_some_and(|shard| shard.starts_with("shardId-"))
    );
    let timestamp = discarded["timestamp"].take();
    assert!(
        timestamp
            .as_str()
            .is_some_and(|time| time.len() == "2026-01-01T00:00:00.000Z".len())
    );
    let expected = json!({
        "requestContext": {
            "requestId": null,
            "functionArn": FUNCTION_ARN,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": null,
        "DDBStreamBatchInfo": {
            "shardId": null,
            "startSequenceNumber": sequence_number(&poison),
            "endSequenceNumber": sequence_number(&poison),
            "approximateArrivalOfFirstRecord": null,
            "approximateArrivalOfLastRecord": null,
            "batchSize": 1,
            "streamArn": poison["eventSourceARN"],
        },
    });
    assert_eq!(discarded, expected);
}

#[tokio::test]
async fn other_lanes_go_on_while_one_fails() {
    let table = Table::start().await;
    table.put_numbered(items(&["poison"]));
    table.put_numbered((0..40).map(|number| (format!("item-{number}"), number)));
    let config = MappingConfig {
        batch_size: 1,
        parallelization_factor: 4,
        ..config()
    };
    let is_cured = Arc::new(AtomicBool::new(false));
    let cured = Arc::clone(&is_cured);
    let function = move |records| {
        let is_cured = cured.load(SeqCst);
        async move {
            if is_cured {
                Ok(Value::Null)
            } else {
                fails_at_poison(records).await
            }
        }
    };
    let (run, _) = Run::start(config, table.stream().await, function);
    // Without attempts to count it is tried until its record is too old. A quarter of the others waits behind it, more or less.
    run.until_handled(20).await;
    assert!(
        !run.handled
            .lock()
            .unwrap()
            .iter()
            .any(|record| key(record) == "poison")
    );
    is_cured.store(true, SeqCst);
    run.until_handled(41).await;
    assert_eq!(run.discarded.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn an_error_fails_the_whole_batch() {
    let table = Table::start().await;
    table.put_numbered(items(&["a", "poison", "b"]));
    let config = MappingConfig {
        maximum_retry_attempts: Some(1),
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, fails_at_poison);
    let discarded = run.until_discarded().await;
    assert_eq!(run.keys_of_batches(), [["a", "poison", "b"]; 2]);
    let records = run.batches.lock().unwrap()[0].clone();
    let info = &discarded["DDBStreamBatchInfo"];
    assert_eq!(info["batchSize"], 3);
    assert_eq!(info["startSequenceNumber"], sequence_number(&records[0]));
    assert_eq!(info["endSequenceNumber"], sequence_number(&records[2]));
}

#[tokio::test]
async fn a_function_that_panics_failed() {
    let table = Table::start().await;
    table.put_numbered(items(&["poison", "a"]));
    let config = MappingConfig {
        batch_size: 1,
        maximum_retry_attempts: Some(1),
        ..config()
    };
    let function = async |records: Vec<Value>| {
        assert_ne!(key(&records[0]), "poison", "as the test wants it");
        Ok(Value::Null)
    };
    let (run, _) = Run::start(config, table.stream().await, function);
    run.until_handled(1).await;
    assert_eq!(run.keys_of_batches(), [["poison"], ["poison"], ["a"]]);
    let discarded = run.until_discarded().await;
    assert_eq!(discarded["responseContext"]["functionError"], "Unhandled");
}

#[tokio::test]
async fn a_partial_failure_is_tried_again_from_the_first_record_that_it_names() {
    let table = Table::start().await;
    table.put_numbered(items(&["a", "b", "c", "d"]));
    let times = Arc::new(AtomicUsize::new(0));
    let function = move |records: Vec<Value>| {
        let is_first = times.fetch_add(1, SeqCst) == 0;
        async move {
            let failed = |record| json!({"itemIdentifier": sequence_number(record)});
            if is_first {
                return Ok(json!({"batchItemFailures": [failed(&records[3]), failed(&records[1])]}));
            }
            Ok(Value::Null)
        }
    };
    let (run, _) = Run::start(config(), table.stream().await, function);
    run.until_handled(3).await;
    assert_eq!(
        run.keys_of_batches(),
        [vec!["a", "b", "c", "d"], vec!["b", "c", "d"]]
    );
}

#[tokio::test]
async fn a_partial_failure_that_stays_is_given_up_with_what_follows_it() {
    let table = Table::start().await;
    table.put_numbered(items(&["a", "poison", "c"]));
    let config = MappingConfig {
        maximum_retry_attempts: Some(1),
        ..config()
    };
    let function = async |records: Vec<Value>| {
        let poison = records.iter().find(|record| key(record) == "poison").unwrap();
        Ok(json!({"batchItemFailures": [{"itemIdentifier": sequence_number(poison)}]}))
    };
    let (run, _) = Run::start(config, table.stream().await, function);
    let discarded = run.until_discarded().await;
    assert_eq!(
        run.keys_of_batches(),
        [vec!["a", "poison", "c"], vec!["poison", "c"]]
    );
    assert_eq!(discarded["DDBStreamBatchInfo"]["batchSize"], 2);
    // The function answered.
    assert_eq!(
        discarded["responseContext"],
        json!({"statusCode": 200, "executedVersion": "$LATEST"})
    );
}

#[tokio::test]
async fn bisecting_finds_the_record_at_fault() {
    let table = Table::start().await;
    table.put_numbered(items(&["1", "2", "3", "4", "poison", "6", "7", "8"]));
    let config = MappingConfig {
        bisect_batch_on_function_error: true,
        maximum_retry_attempts: Some(1),
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, fails_at_poison);
    run.until_handled(7).await;
    let discarded = run.until_discarded().await;
    let expected: [&[&str]; 8] = [
        &["1", "2", "3", "4", "poison", "6", "7", "8"],
        &["1", "2", "3", "4"],
        &["poison", "6", "7", "8"],
        &["poison", "6"],
        // Splits used up no attempt: here is the first one, and the one that is asked for.
        &["poison"],
        &["poison"],
        &["6"],
        &["7", "8"],
    ];
    assert_eq!(run.keys_of_batches(), expected);
    assert_eq!(discarded["DDBStreamBatchInfo"]["batchSize"], 1);
    let poison = run.batches.lock().unwrap()[4][0].clone();
    assert_eq!(
        discarded["DDBStreamBatchInfo"]["startSequenceNumber"],
        sequence_number(&poison)
    );
    assert_eq!(discarded["requestContext"]["approximateInvokeCount"], 5);
    assert_eq!(run.discarded.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn records_that_get_too_old_are_given_up() {
    let table = Table::start().await;
    table.put_numbered(items(&["poison"]));
    let config = MappingConfig {
        maximum_record_age: Some(Duration::from_secs(2)),
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, fails_at_poison);
    let discarded = run.until_discarded().await;
    let context = &discarded["requestContext"];
    assert_eq!(context["condition"], "RecordAgeExceeded");
    assert_eq!(
        context["approximateInvokeCount"],
        run.batches.lock().unwrap().len()
    );
    assert_eq!(discarded["DDBStreamBatchInfo"]["batchSize"], 1);
    table.put_numbered(items(&["a"]));
    run.until_handled(1).await;
}
