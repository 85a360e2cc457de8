//! What the worker reads of a record of the table's stream.

use lambent_service::{StreamRecord, Text};
use serde::Deserialize;

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

impl Asked {
    /// What a record asks for. Its trigger's filters let nothing else through; where there are none, the answer is the same.
    pub(crate) fn of(record: &StreamRecord<Image>) -> Self {
        let is = |text: &Option<Text>, name: &str| text.as_ref().is_some_and(|text| text.text == name);
        match &record.dynamodb.image {
            Some(image) if is(&image.status, "queued") => Self::Work(image.id.text.clone()),
            Some(image) if is(&image.callback_status, "due") => Self::CallBack(image.id.text.clone()),
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(dynamodb: &str) -> Asked {
        let record = format!(r#"{{"eventID": "1", "eventName": "MODIFY", "dynamodb": {dynamodb}}}"#);
        Asked::of(&serde_json::from_str(&record).unwrap())
    }

    #[test]
    fn a_record_asks_for_what_the_item_says_after_it() {
        let queued = r#"{"SequenceNumber": "7", "Keys": {"id": {"S": "a"}}, "NewImage": {"id": {"S": "a"}, "status": {"S": "queued"}, "attempt": {"N": "0"}}}"#;
        assert_eq!(asked(queued), Asked::Work("a".to_owned()));
        let due = r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "a"}, "status": {"S": "failed"}, "callback_status": {"S": "due"}}}"#;
        assert_eq!(asked(due), Asked::CallBack("a".to_owned()));
        for other in [
            r#"{"SequenceNumber": "7", "Keys": {"id": {"S": "a"}}}"#,
            r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "input#a"}, "input": {"S": "queued"}}}"#,
            r#"{"SequenceNumber": "7", "NewImage": {"id": {"S": "a"}, "status": {"S": "running"}}}"#,
        ] {
            assert_eq!(asked(other), Asked::Nothing, "{other}");
        }
    }
}
