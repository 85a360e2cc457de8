//! Changes in a table, as its stream hands them to a function, and what a batch of them is answered with.

use serde::{Deserialize, Serialize};

/// A batch of changes. Of an item only what is needed, as `I` says: who gets it reads the item anew, since a record may be old.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamEvent<I> {
    /// The changes, in their order.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord<I>>,
}

/// One change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord<I> {
    /// The change.
    pub dynamodb: Change<I>,
}

/// A change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct Change<I> {
    /// Its place in the stream.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
    /// The item after it; absent where it was deleted.
    // A default of its own: serde's would ask the same of `I`.
    #[serde(rename = "NewImage", default = "Option::default")]
    pub image: Option<I>,
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
    #[must_use]
    pub fn failed_at<I>(record: &StreamRecord<I>) -> Self {
        Self {
            batch_item_failures: vec![BatchItemFailure {
                item_identifier: record.dynamodb.sequence_number.clone(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Item {
        id: Text,
    }

    #[test]
    fn a_batch_has_the_items_after_the_changes() {
        let event = r#"{"Records": [
            {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "NewImage": {"id": {"S": "a"}, "attempt": {"N": "0"}}}},
            {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "8", "Keys": {"id": {"S": "a"}}}}]}"#;
        let event: StreamEvent<Item> = serde_json::from_str(event).unwrap();
        let ids = event.records.iter().map(|record| {
            let image = record.dynamodb.image.as_ref();
            image.map(|item| item.id.text.as_str())
        });
        assert_eq!(ids.collect::<Vec<_>>(), [Some("a"), None]);
        let failed = serde_json::to_string(&BatchAnswer::failed_at(&event.records[1])).unwrap();
        assert_eq!(failed, r#"{"batchItemFailures":[{"itemIdentifier":"8"}]}"#);
        let nothing = serde_json::to_string(&BatchAnswer::default()).unwrap();
        assert_eq!(nothing, r#"{"batchItemFailures":[]}"#);
    }
}
