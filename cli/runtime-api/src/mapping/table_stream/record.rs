//! A record of the SDK's, as the JSON that a function gets.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodbstreams::{
    primitives::{Blob, DateTime},
    types::{AttributeValue, Record as SdkRecord, StreamRecord},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::mapping::Record;

type Attributes = HashMap<String, AttributeValue>;

/// The record, with what Lambda adds: the stream's ARN.
pub(super) fn record(record: SdkRecord, stream_arn: &str) -> Record {
    let change = record.dynamodb.unwrap_or_else(|| StreamRecord::builder().build());
    let created = change.approximate_creation_date_time;
    let sequence_number = change.sequence_number.clone().unwrap_or_default();
    let mut event = Map::new();
    let user = record
        .user_identity
        .map(|user| json!({"type": user.r#type, "principalId": user.principal_id}));
    for (name, value) in [
        ("eventID", record.event_id.map(Value::from)),
        ("eventName", record.event_name.map(|name| name.as_str().into())),
        ("eventVersion", record.event_version.map(Value::from)),
        ("eventSource", record.event_source.map(Value::from)),
        ("awsRegion", record.aws_region.map(Value::from)),
        ("dynamodb", Some(changed(change))),
        ("userIdentity", user),
        ("eventSourceARN", Some(stream_arn.into())),
    ] {
        insert(&mut event, name, value);
    }
    Record {
        event: event.into(),
        sequence_number,
        created: created
            .and_then(|created| OffsetDateTime::from_unix_timestamp_nanos(created.as_nanos()).ok())
            .unwrap_or_else(OffsetDateTime::now_utc),
    }
}

fn changed(change: StreamRecord) -> Value {
    let mut json = Map::new();
    let view = change.stream_view_type.map(|view| view.as_str().into());
    for (name, value) in [
        (
            "ApproximateCreationDateTime",
            change.approximate_creation_date_time.map(seconds),
        ),
        ("Keys", change.keys.map(attributes)),
        ("NewImage", change.new_image.map(attributes)),
        ("OldImage", change.old_image.map(attributes)),
        ("SequenceNumber", change.sequence_number.map(Value::from)),
        ("SizeBytes", change.size_bytes.map(Value::from)),
        ("StreamViewType", view),
    ] {
        insert(&mut json, name, value);
    }
    json.into()
}

fn insert(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// Seconds since 1970: an integer, as DynamoDB's are.
fn seconds(time: DateTime) -> Value {
    if time.subsec_nanos() == 0 {
        time.secs().into()
    } else {
        time.as_secs_f64().into()
    }
}

/// By name, so that the same attributes are the same text.
fn attributes(attributes: Attributes) -> Value {
    let sorted: BTreeMap<_, _> = attributes.into_iter().collect();
    let members = sorted.into_iter().map(|(name, value)| (name, attribute(value)));
    Value::Object(members.collect())
}

fn attribute(value: AttributeValue) -> Value {
    let base64 = |blob: Blob| BASE64.encode(blob);
    match value {
        AttributeValue::B(blob) => json!({"B": base64(blob)}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::Bs(blobs) => json!({"BS": blobs.into_iter().map(base64).collect::<Vec<_>>()}),
        AttributeValue::L(values) => json!({"L": values.into_iter().map(attribute).collect::<Vec<_>>()}),
        AttributeValue::M(members) => json!({"M": attributes(members)}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Null(value) => json!({"NULL": value}),
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        // A type that this version of the SDK does not know.
        _ => Value::Null,
    }
}
