//! What the worker reads of a record of the table's stream, and what it answers a batch of them with.

use serde::{Deserialize, Serialize};

/// A batch of records, as a table's stream hands it to a function. Of a record only what is needed: the worker reads the job anew, since
/// the record may be old.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamEvent {
    /// The records, in their order.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// One change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    /// The change.
    pub dynamodb: Change,
}

/// A change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct Change {
    /// Its place in the stream.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
    /// The item after it; absent where it was deleted.
    #[serde(rename = "NewImage", default)]
    pub image: Option<Image>,
}

/// An item of the table of jobs.
#[derive(Debug, Clone, Deserialize)]
pub struct Image {
    /// The id of the job.
    pub id: Text,
    /// See [`lambent_store::jobs::JobStatus`].
    #[serde(default)]
    pub status: Option<Text>,
    /// See [`lambent_store::jobs::CallbackStatus`].
    #[serde(default)]
    pub callback_status: Option<Text>,
}

/// A text, as DynamoDB writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Text {
    /// It.
    #[serde(rename = "S")]
    pub text: String,
}

/// What a batch is answered with: the records that are to be tried again. Lambda hands out the first of them and all after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// None, if all went well.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A record that is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

impl BatchAnswer {
    /// This record, and those after it, are to be tried again.
    pub(crate) fn failed_at(record: &StreamRecord) -> Self {
        Self {
            batch_item_failures: vec![BatchItemFailure {
                item_identifier: record.dynamodb.sequence_number.clone(),
            }],
        }
    }
}

/// What a record asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The job is to be done.
    Work(String),
    /// Its end is to be told.
    CallBack(String),
    /// Nothing of the worker.
    Nothing,
}

impl StreamRecord {
    /// What it asks for. Its trigger's filters let nothing else through; where there are none, the answer is the same.
    pub(crate) fn asks(&self) -> Asked {
        let is = |text: &Option<Text>, name: &str| text.as_ref().is_some_and(|text| text.text == name);
        match &self.dynamodb.image {
            Some(image) if is(&image.status, "queued") => Asked::Work(image.id.text.clone()),
            Some(image) if is(&image.callback_status, "due") => Asked::CallBack(image.id.text.clone()),
            _ => Asked::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(dynamodb: &str) -> StreamRecord {
        let record = format!(r#"{{"eventID": "1", "eventName": "MODIFY", "dynamodb": {dynamodb}}}"#);
        serde_json::from_str(&record).unwrap()
    }

    #[test]
    fn a_record_asks_for_what_the_item_says_after_it() {
        let queued = r#"{"SequenceNumber": "7", "Keys": {"id": {"S": "a"}}, "NewImage": {"id": {"S": "a"}, "status": {"S": "queued"}, "attempt": {"N": "0"}}}"#;
        assert_eq!(record(queued).asks(), Asked::Work("a".to_owned()));
        let due = r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "a"}, "status": {"S": "failed"}, "callback_status": {"S": "due"}}}"#;
        assert_eq!(record(due).asks(), Asked::CallBack("a".to_owned()));
        for other in [
            r#"{"SequenceNumber": "7", "Keys": {"id": {"S": "a"}}}"#,
            r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "input#a"}, "input": {"S": "queued"}}}"#,
            r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "a"}, "status": {"S": "running"}}}"#,
        ] {
            assert_eq!(record(other).asks(), Asked::Nothing, "{other}");
        }
    }

    #[test]
    fn an_answer_names_the_record_to_begin_again_with() {
        let nothing = serde_json::to_string(&BatchAnswer::default()).unwrap();
        assert_eq!(nothing, r#"{"batchItemFailures":[]}"#);
        let failed = BatchAnswer::failed_at(&record(r#"{"SequenceNumber": "7"}"#));
        let failed = serde_json::to_string(&failed).unwrap();
        assert_eq!(failed, r#"{"batchItemFailures":[{"itemIdentifier":"7"}]}"#);
    }
}
