//! The AsyncAPI 3 document of the socket, assembled from the types of its frames.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    endpoint::{RequestBody, to_value},
    endpoints::chat::{
        AGE_SECS, CancelFrame, IDLE_SECS, MAX_MESSAGE_BYTES, MessageFrame, PingFrame, SOCKET_PATH,
        ServerFrame,
    },
};

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut messages = Map::new();
    for (name, message) in [
        said::<MessageFrame>("message", "Something is said to the model.", &mut generator),
        said::<CancelFrame>("cancel", "An answer is to stop.", &mut generator),
        said::<PingFrame>("ping", "Is anybody there?", &mut generator),
    ] {
        messages.insert(name.to_owned(), message);
    }
    let received: Vec<String> = messages.keys().cloned().collect();
    let variants = generator.root_schema_for::<ServerFrame>().to_value();
    let _ = generator.subschema_for::<ServerFrame>();
    for (name, summary, example) in ServerFrame::examples() {
        let payload = variant(&variants, name);
        messages.insert(
            name.to_owned(),
            json!({"name": name, "summary": summary, "payload": payload, "examples": [{"payload": to_value(&example)}]}),
        );
    }
    let sent = ServerFrame::examples().into_iter().map(|(name, ..)| name);
    let of_channel = |name: &str| {
        (
            name.to_owned(),
            json!({"$ref": format!("#/components/messages/{name}")}),
        )
    };
    let mut schemas = generator.take_definitions(true);
    schemas.remove("ServerFrame");
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lambent chat",
            "version": env!("CARGO_PKG_VERSION"),
            "description": introduction(),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {"host": "127.0.0.1:3000", "pathname": SOCKET_PATH, "protocol": "ws", "description": "`cargo run`"},
            "cloud": {
                "host": "{api}.execute-api.{region}.amazonaws.com", "pathname": "/{stage}", "protocol": "wss",
                "description": "Amazon API Gateway; the ticket says the address.",
                "variables": {"api": {}, "region": {}, "stage": {"default": "v1"}},
            },
        },
        "channels": {"chat": {
            "address": "/",
            "messages": messages.keys().map(|name| of_channel(name)).collect::<Map<_, _>>(),
            "bindings": {"ws": {"method": "GET", "query": {
                "type": "object",
                "properties": {"ticket": {"type": "string", "description": "From `POST /chat/tickets`; valid once. Headers are read without one."}},
            }}},
        }},
        "operations": {
            "say": operation("receive", "What clients say.", received.iter().map(String::as_str)),
            "answer": operation("send", "What they are told.", sent),
        },
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// [`document`] as it is committed in `asyncapi.json`: indented, with a line feed at its end.
#[must_use]
pub fn document_text() -> String {
    format!("{:#}\n", document())
}

fn introduction() -> String {
    format!(
        "A socket is opened with a ticket of `POST /chat/tickets`, or with the credentials of every other path in its headers. Each message is \
         one JSON object. What is said is answered with `started`, numbered `delta`s and exactly one `done` or `error`; several conversations may \
         go on over one socket at once. A frame that cannot be taken is told in an `error`, and the socket stays open.\n\nA message over {} KB \
         closes the socket with 1009. It is closed after {} minutes of silence and after {} hours in any case; `reconnect` says so before. \
         Conversations go on over another socket.",
        MAX_MESSAGE_BYTES / 1024,
        IDLE_SECS / 60,
        AGE_SECS / 3600,
    )
}

/// A frame of clients.
fn said<T: RequestBody + JsonSchema>(
    name: &'static str,
    summary: &str,
    generator: &mut SchemaGenerator,
) -> (&'static str, Value) {
    let examples: Vec<Value> = T::examples()
        .iter()
        .map(|(_, example)| json!({"payload": to_value(example)}))
        .collect();
    let payload = generator.subschema_for::<T>();
    let message = json!({"name": name, "summary": summary, "payload": payload, "examples": examples});
    (name, message)
}

/// The schema of one type of the API's frames.
fn variant(schema: &Value, name: &str) -> Value {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let mut found = variants.filter(|variant| variant["properties"]["type"]["const"] == name);
    found.next().cloned().unwrap_or_default()
}

fn operation<'a>(action: &str, summary: &str, messages: impl Iterator<Item = &'a str>) -> Value {
    let messages: Vec<Value> = messages
        .map(|name| json!({"$ref": format!("#/channels/chat/messages/{name}")}))
        .collect();
    json!({"action": action, "summary": summary, "channel": {"$ref": "#/channels/chat"}, "messages": messages})
}
