//! A batch of records on its way, and what becomes of it when it fails.

use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;

use super::{MappingConfig, Record};

/// A record in its lane.
pub(super) struct Queued {
    pub(super) sequence_number: String,
    pub(super) created: OffsetDateTime,
    /// As the function gets it.
    pub(super) json: String,
}

impl From<Record> for Queued {
    fn from(record: Record) -> Self {
        Self {
            sequence_number: record.sequence_number,
            created: record.created,
            json: record.event.to_string(),
        }
    }
}

/// Records that the function gets at once.
pub(super) struct Batch {
    pub(super) records: Vec<Queued>,
    /// How often the function was given these records, also together with others.
    pub(super) invocations: u32,
    /// How often they were tried again, without splits.
    retries: u32,
    /// How they failed the last time.
    pub(super) failure: Option<Failure>,
}

/// How a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The function failed.
    Error,
    /// The function answered that records from this index on are to be tried again.
    From(usize),
}

/// What becomes of a batch that failed.
pub(super) enum Next {
    /// These are tried, one after the other.
    Retry(Vec<Batch>),
    /// It has been tried often enough.
    Discard(Batch),
}

impl Batch {
    const HEAD: &str = r#"{"Records":["#;
    const TAIL: &str = "]}";
    /// The bytes of an event without its records.
    pub(super) const ENVELOPE_BYTES: usize = Self::HEAD.len() + Self::TAIL.len();

    pub(super) fn new(records: Vec<Queued>) -> Self {
        Self {
            records,
            invocations: 0,
            retries: 0,
            failure: None,
        }
    }

    /// The event that the function gets.
    pub(super) fn event(&self) -> Bytes {
        let records: Vec<_> = self.records.iter().map(|record| record.json.as_str()).collect();
        format!("{}{}{}", Self::HEAD, records.join(","), Self::TAIL).into()
    }

    /// Removes the records that are older than that; `None` if there are none. They are the first ones.
    pub(super) fn take_expired(&mut self, limit: Duration) -> Option<Self> {
        let now = OffsetDateTime::now_utc();
        let is_expired = |record: &&Queued| now - record.created > limit;
        let count = self.records.iter().take_while(is_expired).count();
        (count > 0).then(|| self.take(count))
    }

    /// What is to be done after a failure.
    ///
    /// Splitting uses up no attempt (<https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>). Where the answer
    /// says which record failed, that record is where the batch is split, and what is before it is done
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>).
    pub(super) fn after(mut self, failure: Failure, config: &MappingConfig) -> Next {
        self.failure = Some(failure);
        let bisects = config.bisect_batch_on_function_error;
        match failure {
            Failure::Error if bisects && self.records.len() > 1 => {
                let first = self.take(self.records.len() / 2);
                return Next::Retry(vec![first, self]);
            }
            Failure::Error => {}
            Failure::From(index) => {
                self.records.drain(..index);
                if bisects && index > 0 {
                    return Next::Retry(vec![self]);
                }
            }
        }
        if config
            .maximum_retry_attempts
            .is_some_and(|most| self.retries >= most)
        {
            return Next::Discard(self);
        }
        self.retries += 1;
        Next::Retry(vec![self])
    }

    /// Splits off the first records.
    fn take(&mut self, count: usize) -> Self {
        Self {
            records: self.records.drain(..count).collect(),
            invocations: self.invocations,
            retries: self.retries,
            failure: self.failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(ages: &[u64]) -> Batch {
        let now = OffsetDateTime::now_utc();
        let record = |(index, age): (usize, &u64)| Queued {
            sequence_number: index.to_string(),
            created: now - Duration::from_secs(*age),
            json: format!("{{\"n\":{index}}}"),
        };
        Batch::new(ages.iter().enumerate().map(record).collect())
    }

    fn parts(next: Next) -> Vec<(Vec<String>, u32)> {
        let Next::Retry(parts) = next else {
            panic!("it was given up")
        };
        let numbers = |batch: Batch| batch.records.into_iter().map(|record| record.sequence_number);
        parts
            .into_iter()
            .map(|batch| (batch.retries, batch))
            .map(|(retries, batch)| (numbers(batch).collect(), retries))
            .collect()
    }

    fn config(bisects: bool, retries: Option<u32>) -> MappingConfig {
        MappingConfig {
            bisect_batch_on_function_error: bisects,
            maximum_retry_attempts: retries,
            ..MappingConfig::new("arn")
        }
    }

    #[test]
    fn an_event_holds_its_records() {
        assert_eq!(batch(&[0, 0]).event(), r#"{"Records":[{"n":0},{"n":1}]}"#);
    }

    #[test]
    fn what_is_too_old_is_split_off() {
        let mut batch = batch(&[90, 70, 10]);
        let expired = batch.take_expired(Duration::from_secs(60)).unwrap();
        assert_eq!((expired.records.len(), batch.records.len()), (2, 1));
        assert!(batch.take_expired(Duration::from_secs(60)).is_none());
    }

    #[test]
    fn an_error_splits_without_using_up_an_attempt() {
        let next = batch(&[0; 3]).after(Failure::Error, &config(true, Some(0)));
        let (first, second) = (vec!["0".to_owned()], vec!["1".to_owned(), "2".to_owned()]);
        assert_eq!(parts(next), [(first, 0), (second, 0)]);
        let alone = batch(&[0]).after(Failure::Error, &config(true, Some(0)));
        assert!(matches!(alone, Next::Discard(_)));
    }

    #[test]
    fn a_partial_failure_goes_on_at_its_record() {
        for (bisects, retries) in [(false, 1), (true, 0)] {
            let next = batch(&[0; 3]).after(Failure::From(2), &config(bisects, Some(1)));
            assert_eq!(parts(next), [(vec!["2".to_owned()], retries)]);
        }
        let next = batch(&[0; 3]).after(Failure::From(0), &config(true, Some(0)));
        assert!(matches!(next, Next::Discard(batch) if batch.records.len() == 3));
    }
}
