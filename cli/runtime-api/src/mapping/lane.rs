//! Lanes: the parts of a shard that are worked on at once. All records of an item are in one lane, in order.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::FutureExt as _;
use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::sleep,
};

use super::{
    Mapping, Record,
    answer::first_failure,
    batch::{Batch, Failure, Next, Queued},
    discarded::{Condition, discarded},
};
use crate::{function::InvokeError, runtime::MAX_PAYLOAD_BYTES};

/// The lanes of a shard, each a task.
pub(super) struct Lanes {
    /// Without bounds, because a lane that fails for hours must not hold up the reader of the others. A stream's records of one
    /// day are the most that can wait.
    senders: Vec<UnboundedSender<Queued>>,
    tasks: JoinSet<()>,
}

impl Lanes {
    pub(super) fn start(mapping: &Arc<Mapping>, shard: &str) -> Self {
        let mut tasks = JoinSet::new();
        let lanes = 0..mapping.config.parallelization_factor.max(1);
        let senders = lanes.map(|_| {
            let (sender, records) = unbounded_channel();
            let lane = Lane {
                mapping: Arc::clone(mapping),
                shard: shard.to_owned(),
                records,
                waiting: VecDeque::new(),
            };
            tasks.spawn(lane.run());
            sender
        });
        Self {
            senders: senders.collect(),
            tasks,
        }
    }

    /// Puts a record at the end of its item's lane.
    pub(super) fn hand_on(&self, record: Record) {
        let lane = lane_of(&record.event, self.senders.len());
        // A lane that has ended was stopped with the mapping, or panicked, which is reported where it is waited for.
        let _ = self.senders[lane].send(record.into());
    }

    /// Waits until all records are done, or the mapping is stopped.
    pub(super) async fn end(mut self) {
        self.senders.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a lane of an event source mapping broke");
            }
        }
    }
}

/// The lane of an item's key. The order of the key's two attributes means nothing.
fn lane_of(event: &Value, lanes: usize) -> usize {
    let mut attributes: Vec<_> = event["dynamodb"]["Keys"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    attributes.sort_unstable_by_key(|(name, _)| *name);
    let mut hasher = DefaultHasher::new();
    for (name, value) in attributes {
        (name, value.to_string()).hash(&mut hasher);
    }
    let lanes = u64::try_from(lanes).unwrap_or(u64::MAX);
    usize::try_from(hasher.finish() % lanes).unwrap_or_default()
}

struct Lane {
    mapping: Arc<Mapping>,
    shard: String,
    records: UnboundedReceiver<Queued>,
    waiting: VecDeque<Queued>,
}

impl Lane {
    async fn run(mut self) {
        let stop = self.mapping.stop.clone();
        let work = async {
            while let Some(records) = self.next_records().await {
                self.deliver(records).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// What is there, up to a batch; waits for the first record. `None` after the last one.
    async fn next_records(&mut self) -> Option<Vec<Queued>> {
        let batch_size = self.mapping.config.batch_size.max(1);
        if self.waiting.is_empty() {
            self.waiting.push_back(self.records.recv().await?);
        }
        while self.waiting.len() < batch_size
            && let Ok(record) = self.records.try_recv()
        {
            self.waiting.push_back(record);
        }
        let mut bytes = Batch::ENVELOPE_BYTES;
        let fitting = self.waiting.iter().take(batch_size).take_while(|record| {
            bytes += record.json.len() + 1;
            bytes <= MAX_PAYLOAD_BYTES
        });
        let count = fitting.count().max(1);
        Some(self.waiting.drain(..count).collect())
    }

    /// Has records handled or given up, in parts if they fail.
    async fn deliver(&self, records: Vec<Queued>) {
        let config = &self.mapping.config;
        let mut to_do = vec![Batch::new(records)];
        while let Some(mut batch) = to_do.pop() {
            if let Some(expired) = batch.take_expired(config.age_limit()) {
                self.give_up(&expired, Condition::RecordAgeExceeded);
            }
            if batch.records.is_empty() {
                continue;
            }
            let Some(failure) = self.attempt(&mut batch).await else {
                continue;
            };
            let failures = batch.invocations;
            match batch.after(failure, config) {
                Next::Discard(batch) => self.give_up(&batch, Condition::RetryAttemptsExhausted),
                // The last is the next to be tried.
                Next::Retry(parts) => {
                    to_do.extend(parts.into_iter().rev());
                    sleep(config.pause(failures)).await;
                }
            }
        }
    }

    /// Has the function handle a batch. `None` if it did.
    async fn attempt(&self, batch: &mut Batch) -> Option<Failure> {
        batch.invocations += 1;
        let event = batch.event();
        // A function in this process may panic; to Lambda that is a process that ended.
        let invocation = AssertUnwindSafe(async { (self.mapping.invoke)(event).await });
        let answered = invocation
            .catch_unwind()
            .await
            .unwrap_or(Err(InvokeError::Exited));
        let failure = match &answered {
            Ok(answer) => Failure::From(first_failure(answer, &batch.records)?),
            Err(_) => Failure::Error,
        };
        tracing::warn!(
            function = self.mapping.config.function_arn,
            shard = self.shard,
            records = batch.records.len(),
            attempt = batch.invocations,
            ?failure,
            error = answered.err().map(|error| error.to_string()),
            "a batch was not handled"
        );
        Some(failure)
    }

    fn give_up(&self, batch: &Batch, condition: Condition) {
        tracing::error!(
            function = self.mapping.config.function_arn,
            shard = self.shard,
            records = batch.records.len(),
            ?condition,
            "a batch was given up"
        );
        let (function, stream) = (&self.mapping.config.function_arn, self.mapping.source.arn());
        (self.mapping.on_failure)(discarded(batch, condition, function, stream, &self.shard));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_always_in_the_same_lane() {
        let one = json!({"dynamodb": {"Keys": {"pk": {"S": "a"}, "sk": {"N": "1"}}}});
        let other = json!({"dynamodb": {"Keys": {"sk": {"N": "1"}, "pk": {"S": "a"}}}});
        assert_eq!(lane_of(&one, 7), lane_of(&other, 7));
    }

    #[test]
    fn items_use_all_lanes() {
        let lanes: std::collections::HashSet<_> = (0..200)
            .map(|key| lane_of(&json!({"dynamodb": {"Keys": {"pk": {"N": key.to_string()}}}}), 10))
            .collect();
        assert_eq!(lanes.len(), 10);
    }
}
