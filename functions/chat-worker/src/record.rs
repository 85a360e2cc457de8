//! What the worker reads of a record of the table's stream.

use lambent_service::{StreamRecord, Text};
use lambent_store::conversations::{MessageKey, MessageStatus};
use serde::Deserialize;

/// An item of the table of conversations.
#[derive(Debug, Clone, Deserialize)]
pub struct Image {
    /// The key of the conversation.
    pub id: Text,
    /// The id of the message.
    pub sort: Text,
    /// See [`MessageStatus`].
    #[serde(default)]
    pub status: Option<Text>,
}

/// The message that is to be answered. Its trigger's filter lets nothing else through; where there is none, the answer is the same.
pub(crate) fn asked(record: &StreamRecord<Image>) -> Option<MessageKey> {
    let image = record.dynamodb.image.as_ref()?;
    let status = image.status.as_ref()?;
    (status.text == MessageStatus::Queued.as_str()).then(|| MessageKey {
        id: image.id.text.clone(),
        sort: image.sort.text.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_waits_is_to_be_answered_and_nothing_else() {
        let asked = |image: &str| {
            let record = format!(r#"{{"eventID": "1", "dynamodb": {{"SequenceNumber": "7", {image}}}}}"#);
            asked(&serde_json::from_str(&record).unwrap())
        };
        let message = |status: &str| {
            asked(&format!(
                r#""NewImage": {{"id": {{"S": "alice 1"}}, "sort": {{"S": "2"}}, "status": {{"S": "{status}"}}}}"#
            ))
        };
        let key = MessageKey {
            id: "alice 1".to_owned(),
            sort: "2".to_owned(),
        };
        assert_eq!(message("queued"), Some(key));
        assert_eq!(message("running"), None);
        let connection = r#""NewImage": {"id": {"S": "connection#1"}, "sort": {"S": "-"}}"#;
        assert_eq!(asked(connection), None);
        assert_eq!(asked(r#""Keys": {"id": {"S": "a"}}"#), None);
    }
}
