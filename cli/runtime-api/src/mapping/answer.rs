//! What a function's answer says of its batch (`ReportBatchItemFailures`).
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use serde_json::Value;

use super::batch::Queued;

/// The index of the first record that is to be tried again; `None` if the batch is done.
///
/// An empty or absent list is a success. An item that names no record of the batch fails all of it, and so does what Lambda
/// documents for queues only: an answer that is no JSON.
pub(super) fn first_failure(answer: &[u8], records: &[Queued]) -> Option<usize> {
    if answer.is_empty() {
        return None;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Some(0);
    };
    let index = |item: &Value| {
        let identifier = item["itemIdentifier"].as_str()?;
        records
            .iter()
            .position(|record| record.sequence_number == identifier)
    };
    match &answer["batchItemFailures"] {
        Value::Null => None,
        Value::Array(items) => items.iter().map(|item| index(item).unwrap_or(0)).min(),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;

    fn verdict(answer: &str) -> Option<usize> {
        let records = ["10", "11", "12", "13"].map(|number| Queued {
            sequence_number: number.to_owned(),
            created: OffsetDateTime::UNIX_EPOCH,
            json: String::new(),
        });
        first_failure(answer.as_bytes(), &records)
    }

    #[test]
    fn nothing_named_is_a_success() {
        for answer in [
            "",
            "null",
            "{}",
            "\"done\"",
            "[]",
            r#"{"statusCode": 500}"#,
            r#"{"batchItemFailures": null}"#,
            r#"{"batchItemFailures": []}"#,
        ] {
            assert_eq!(verdict(answer), None, "{answer}");
        }
    }

    #[test]
    fn the_first_of_those_named_counts() {
        let answer = json!({"batchItemFailures": [{"itemIdentifier": "13"}, {"itemIdentifier": "11"}]});
        assert_eq!(verdict(&answer.to_string()), Some(1));
    }

    #[test]
    fn what_names_no_record_fails_the_whole_batch() {
        for answer in [
            "not JSON",
            r#"{"batchItemFailures": "11"}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": 11}]}"#,
            r#"{"batchItemFailures": [{"id": "11"}]}"#,
            r#"{"batchItemFailures": ["11"]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "12"}, {"itemIdentifier": "99"}]}"#,
        ] {
            assert_eq!(verdict(answer), Some(0), "{answer}");
        }
    }
}
