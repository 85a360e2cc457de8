//! The shards of a stream: each is read by a task of its own, into its lanes.

use std::{collections::HashSet, sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::{task::JoinSet, time::sleep};

use super::{Mapping, RETENTION, Record, Shard, SourceError, lane::Lanes};

/// Between two looks for new shards. DynamoDB allows ten a second.
const SHARDS_INTERVAL: Duration = Duration::from_secs(1);
/// Between two reads of a shard that has no more records.
const IDLE_PAUSE: Duration = Duration::from_millis(100);

/// Reads all shards, and new ones as they come, until the mapping is stopped. No task is left then.
pub(super) async fn follow(mapping: Arc<Mapping>) {
    let mut readers = JoinSet::new();
    let stop = mapping.stop.clone();
    stop.run_until_cancelled(read_shards(&mapping, &mut readers))
        .await;
    while readers.join_next().await.is_some() {}
}

async fn read_shards(mapping: &Arc<Mapping>, readers: &mut JoinSet<String>) {
    let mut begun = HashSet::new();
    let mut ended = HashSet::new();
    let mut failures = 0;
    loop {
        match mapping.source.shards().await {
            Ok(shards) => {
                failures = 0;
                for shard in ready(&shards, &ended) {
                    if begun.insert(shard.id.clone()) {
                        readers.spawn(read(Arc::clone(mapping), shard.id.clone()));
                    }
                }
            }
            Err(error) => {
                failures += 1;
                report(mapping, "all", failures, &error);
            }
        }
        tokio::select! {
            // Its children can be read now.
            Some(Ok(shard)) = readers.join_next() => { ended.insert(shard); }
            () = sleep(SHARDS_INTERVAL) => {}
        }
    }
}

/// The shards whose parent's records have all been handed on, or are no longer in the stream.
fn ready<'a>(shards: &'a [Shard], ended: &HashSet<String>) -> impl Iterator<Item = &'a Shard> {
    shards.iter().filter(|shard| {
        shard
            .parent
            .as_ref()
            .is_none_or(|parent| ended.contains(parent) || !shards.iter().any(|other| other.id == *parent))
    })
}

/// Reads a shard until it is closed and its last batch is done, or the mapping is stopped. Returns the shard.
async fn read(mapping: Arc<Mapping>, shard: String) -> String {
    let lanes = Lanes::start(&mapping, &shard);
    let reader = Reader {
        mapping: &mapping,
        shard: &shard,
        lanes: &lanes,
        iterator: None,
        position: None,
    };
    mapping.stop.run_until_cancelled(reader.read_to_end()).await;
    lanes.end().await;
    shard
}

struct Reader<'a> {
    mapping: &'a Mapping,
    shard: &'a str,
    lanes: &'a Lanes,
    iterator: Option<String>,
    /// The sequence number of the last record that was read: iterators expire, after 15 minutes at DynamoDB.
    position: Option<String>,
}

/// How a shard is read on.
enum Next {
    Now,
    Later,
    Never,
}

impl Reader<'_> {
    async fn read_to_end(mut self) {
        let mut failures = 0;
        loop {
            match self.read_page().await {
                Ok(next) => {
                    failures = 0;
                    match next {
                        Next::Now => {}
                        Next::Later => sleep(IDLE_PAUSE).await,
                        Next::Never => return,
                    }
                }
                Err(error) => {
                    failures += 1;
                    report(self.mapping, self.shard, failures, &error);
                    if matches!(error, SourceError::Trimmed(_)) {
                        self.position = None;
                    }
                    sleep(self.mapping.config.pause(failures)).await;
                }
            }
        }
    }

    /// Reads what there is. After an error the next call begins with a new iterator.
    async fn read_page(&mut self) -> Result<Next, SourceError> {
        let source = &self.mapping.source;
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => source.iterator(self.shard, self.position.as_deref()).await?,
        };
        let page = source.records(&iterator).await?;
        let is_empty = page.records.is_empty();
        for record in page.records {
            self.position = Some(record.sequence_number.clone());
            self.hand_on(record);
        }
        self.iterator = page.next;
        Ok(match (&self.iterator, is_empty) {
            (None, _) => Next::Never,
            (Some(_), true) => Next::Later,
            (Some(_), false) => Next::Now,
        })
    }

    fn hand_on(&self, record: Record) {
        // DynamoDB would have deleted it; a stand-in may keep everything.
        let is_kept = OffsetDateTime::now_utc() - record.created <= RETENTION;
        if is_kept && self.mapping.filters.matches(&record.event) {
            self.lanes.hand_on(record);
        }
    }
}

/// The first failure in a row is worth a warning; the others say the same.
fn report(mapping: &Mapping, shard: &str, failures: u32, error: &SourceError) {
    let stream = mapping.source.arn();
    if failures == 1 {
        tracing::warn!(stream, shard, %error, "a stream cannot be read, and is tried again");
    } else {
        tracing::debug!(stream, shard, failures, %error, "a stream still cannot be read");
    }
}
