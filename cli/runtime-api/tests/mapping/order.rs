//! Which records come after which, and which at the same time.

use std::{
    collections::{BTreeMap, HashSet},
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use lambent_runtime_api::MappingConfig;
use serde_json::Value;

use crate::rig::{A_WHILE, Run, Table, config, fails, handles, key, number};

#[tokio::test]
async fn records_arrive_once_and_those_of_an_item_in_order() {
    let table = Table::start().await;
    let changes = |numbers: std::ops::Range<usize>| {
        numbers.flat_map(|number| (0..5).map(move |item| (format!("item-{item}"), number)))
    };
    table.put_numbered(changes(0..4));
    let config = MappingConfig {
        batch_size: 3,
        parallelization_factor: 4,
        ..config()
    };
    let (run, _) = Run::start(config, table.stream().await, handles);
    // Before it reads, and while it does.
    table.put_numbered(changes(4..8));
    run.until_handled(40).await;
    tokio::time::sleep(A_WHILE).await;
    let mut numbers = BTreeMap::<String, Vec<usize>>::new();
    for record in run.handled.lock().unwrap().iter() {
        numbers.entry(key(record)).or_default().push(number(record));
    }
    assert_eq!(numbers.len(), 5);
    for (item, numbers) in numbers {
        assert_eq!(numbers, (0..8).collect::<Vec<_>>(), "{item}");
    }
}

#[tokio::test]
async fn items_are_handled_in_parallel_but_each_lane_one_batch_at_a_time() {
    const LANES: usize = 3;
    let table = Table::start().await;
    table.put_numbered((0..60).map(|number| (format!("item-{}", number % 12), number)));
    let config = MappingConfig {
        batch_size: 2,
        parallelization_factor: LANES,
        ..config()
    };
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let busy = Arc::new(Mutex::new(HashSet::new()));
    let (seen, busy_items) = (Arc::clone(&most), Arc::clone(&busy));
    let function = move |records: Vec<Value>| {
        let (at_once, most, busy) = (Arc::clone(&at_once), Arc::clone(&seen), Arc::clone(&busy_items));
        async move {
            let items: HashSet<_> = records.iter().map(key).collect();
            for item in &items {
                assert!(
                    busy.lock().unwrap().insert(item.clone()),
                    "{item} is at the function already"
                );
            }
            most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
            // Nothing ends before all lanes were at it together.
            while most.load(SeqCst) < LANES {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            at_once.fetch_sub(1, SeqCst);
            for item in &items {
                busy.lock().unwrap().remove(item);
            }
            Ok(Value::Null)
        }
    };
    let (run, _) = Run::start(config, table.stream().await, function);
    run.until_handled(60).await;
    assert_eq!(most.load(SeqCst), LANES);
    assert_eq!(run.handled.lock().unwrap().len(), 60);
}

#[tokio::test]
async fn a_change_waits_until_the_one_before_it_is_handled() {
    let table = Table::start().await;
    table.put_numbered([("a".to_owned(), 1), ("a".to_owned(), 2)]);
    let config = MappingConfig {
        batch_size: 1,
        parallelization_factor: 10,
        ..config()
    };
    let failures = Arc::new(AtomicUsize::new(0));
    let function = move |_| {
        let failures = Arc::clone(&failures);
        async move {
            if failures.fetch_add(1, SeqCst) < 2 {
                return fails();
            }
            Ok(Value::Null)
        }
    };
    let (run, _) = Run::start(config, table.stream().await, function);
    run.until_handled(2).await;
    let numbers: Vec<_> = run
        .batches
        .lock()
        .unwrap()
        .iter()
        .map(|records| number(&records[0]))
        .collect();
    assert_eq!(numbers, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_stopped_mapping_ends_and_hands_nothing_on() {
    let table = Table::start().await;
    table.put_numbered([("a".to_owned(), 1)]);
    let (run, running) = Run::start(config(), table.stream().await, |_| pending());
    run.until(|run| run.batches.lock().unwrap().len() == 1).await;
    run.stop.cancel();
    running.await.unwrap();
    table.put_numbered([("b".to_owned(), 1)]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(run.keys_of_batches(), [["a"]]);
    assert_eq!(run.discarded.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_mapping_that_is_started_again_begins_at_the_oldest_record() {
    let table = Table::start().await;
    table.put_numbered([("a".to_owned(), 1)]);
    for _ in 0..2 {
        let (run, running) = Run::start(config(), table.stream().await, handles);
        run.until_handled(1).await;
        run.stop.cancel();
        running.await.unwrap();
        assert_eq!(run.keys_of_batches(), [["a"]]);
    }
}
