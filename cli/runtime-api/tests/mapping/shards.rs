//! What an embedded database's stream never does: shards that close and split, iterators that expire, records that are trimmed, and
//! records of yesterday.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::{BoxFuture, ready};
use lambent_runtime_api::{MappingConfig, Page, Record, Shard, SourceError, StreamSource};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::rig::{A_WHILE, Run, config, fails, handles, key};

/// A stream of closed shards, a record a page. An iterator is a shard and an index.
#[derive(Default, Clone)]
struct Shards {
    shards: Vec<Shard>,
    records: HashMap<String, Vec<Record>>,
    /// What the first calls for records come to; `None` is a page, as of all others.
    faults: Arc<Mutex<VecDeque<Option<SourceError>>>>,
}

impl Shards {
    fn with(mut self, id: &str, parent: Option<&str>, keys: &[&str], age: Duration) -> Self {
        let record = |(index, key): (usize, &&str)| Record {
            event: json!({"dynamodb": {"Keys": {"pk": {"S": key}}}}),
            sequence_number: format!("{index:021}"),
            created: OffsetDateTime::now_utc() - age,
        };
        let records = keys.iter().enumerate().map(record).collect();
        self.records.insert(id.to_owned(), records);
        // Children first, as nothing promises otherwise.
        self.shards.insert(
            0,
            Shard {
                id: id.to_owned(),
                parent: parent.map(str::to_owned),
            },
        );
        self
    }

    fn page(&self, iterator: &str) -> Result<Page, SourceError> {
        if let Some(Some(fault)) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        let (shard, index) = iterator.split_once('/').unwrap();
        let index: usize = index.parse().unwrap();
        let records = &self.records[shard];
        Ok(Page {
            records: records.get(index).cloned().into_iter().collect(),
            next: (index + 1 < records.len()).then(|| format!("{shard}/{}", index + 1)),
        })
    }
}

impl StreamSource for Shards {
    fn arn(&self) -> &str {
        "arn:aws:dynamodb:local:000000000000:table/jobs/stream/1"
    }

    fn shards(&self) -> BoxFuture<'_, Result<Vec<Shard>, SourceError>> {
        Box::pin(ready(Ok(self.shards.clone())))
    }

    fn iterator<'a>(
        &'a self,
        shard: &'a str,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<String, SourceError>> {
        let index = after.map_or(0, |after| after.parse::<usize>().unwrap() + 1);
        Box::pin(ready(Ok(format!("{shard}/{index}"))))
    }

    fn records<'a>(&'a self, iterator: &'a str) -> BoxFuture<'a, Result<Page, SourceError>> {
        Box::pin(ready(self.page(iterator)))
    }
}

const NOW: Duration = Duration::ZERO;

fn keys(run: &Run) -> Vec<String> {
    run.handled.lock().unwrap().iter().map(key).collect()
}

#[tokio::test]
async fn a_shard_is_read_when_its_parent_is_done() {
    let source = Shards::default()
        .with("parent", Some("trimmed long ago"), &["a", "b"], NOW)
        .with("child", Some("parent"), &["c"], NOW)
        .with("grandchild", Some("child"), &["d"], NOW);
    let failures = Arc::new(Mutex::new(2));
    let function = move |records: Vec<Value>| {
        let is_failing = key(&records[0]) == "b" && {
            let mut failures = failures.lock().unwrap();
            *failures -= 1;
            *failures >= 0
        };
        async move { if is_failing { fails() } else { Ok(Value::Null) } }
    };
    let config = MappingConfig {
        batch_size: 1,
        parallelization_factor: 5,
        ..config()
    };
    let (run, _) = Run::start(config, source, function);
    run.until_handled(4).await;
    tokio::time::sleep(A_WHILE).await;
    let handled = keys(&run);
    assert_eq!(handled[2..], ["c", "d"]);
    assert_eq!(handled.len(), 4);
}

#[tokio::test]
async fn a_call_that_fails_is_made_again_where_the_last_one_ended() {
    let source = Shards::default().with("one", None, &["a", "b", "c"], NOW);
    let expired = || {
        Some(SourceError::Call {
            operation: "get records",
            source: "the iterator has expired".into(),
        })
    };
    let faults = [expired(), expired(), None, expired(), None, expired()];
    source.faults.lock().unwrap().extend(faults);
    let (run, _) = Run::start(config(), source, handles);
    run.until_handled(3).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(keys(&run), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_position_that_is_trimmed_is_left_for_the_oldest_record() {
    let source = Shards::default().with("one", None, &["a", "b"], NOW);
    let trimmed = SourceError::Trimmed("it is gone".into());
    source.faults.lock().unwrap().extend([None, Some(trimmed)]);
    let (run, _) = Run::start(config(), source, handles);
    run.until_handled(3).await;
    // Nothing is lost, and this stream has not really lost anything.
    assert_eq!(keys(&run), ["a", "a", "b"]);
}

#[tokio::test]
async fn what_dynamodb_would_have_deleted_is_not_handed_on() {
    let day = Duration::from_secs(24 * 60 * 60);
    let source = Shards::default()
        .with("old", None, &["a"], day + Duration::from_secs(60))
        .with("young", None, &["b"], day - Duration::from_secs(600));
    let (run, _) = Run::start(config(), source, handles);
    run.until_handled(1).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(keys(&run), ["b"]);
    assert_eq!(run.discarded.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn records_that_are_too_old_at_first_sight_were_never_invoked_with() {
    let source = Shards::default().with("one", None, &["a"], Duration::from_secs(120));
    let config = MappingConfig {
        maximum_record_age: Some(Duration::from_secs(60)),
        ..config()
    };
    let (run, _) = Run::start(config, source, handles);
    let discarded = run.until_discarded().await;
    assert_eq!(run.batches.lock().unwrap().len(), 0);
    assert_eq!(discarded["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(discarded["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(discarded.get("responseContext"), None);
}
