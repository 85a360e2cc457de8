//! The contract holds together: the committed document is the generated one, and its examples are what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

use std::collections::BTreeSet;

use lambent_schema::{asyncapi, openapi, operations};
use serde_json::{Value, json};

/// The committed document, beside the workspace's `Cargo.toml`.
const COMMITTED: &str = include_str!("../../../openapi.json");

#[test]
fn the_committed_document_is_the_generated_one() {
    assert!(
        COMMITTED == openapi::document_text(),
        "openapi.json is out of date: run `cargo run -p lambent-schema --example openapi > openapi.json`"
    );
}

#[test]
fn the_committed_document_of_the_socket_is_the_generated_one() {
    assert!(
        include_str!("../../../asyncapi.json") == asyncapi::document_text(),
        "asyncapi.json is out of date: run `cargo run -p lambent-schema --example asyncapi > asyncapi.json`"
    );
}

#[test]
fn frames_of_the_socket_are_what_their_document_says() {
    let document = asyncapi::document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), 9);
    for (name, message) in messages {
        let payload = &message["payload"];
        assert!(payload.is_object(), "{name}");
        let validator = validator(payload, &document);
        for example in message["examples"].as_array().unwrap() {
            assert_eq!(example["payload"]["type"], **name);
            assert!(validator.is_valid(&example["payload"]), "{example}");
            assert!(!validator.is_valid(&json!({"type": "other"})), "{name}");
        }
        let reference = &document["channels"]["chat"]["messages"][name]["$ref"];
        assert_eq!(reference, &format!("#/components/messages/{name}"));
    }
}

/// The value at `schema`, with the document's definitions where its references look for them.
fn validator(schema: &Value, document: &Value) -> jsonschema::Validator {
    jsonschema::validator_for(&json!({"allOf": [schema], "components": document["components"]})).unwrap()
}

#[test]
fn every_example_validates_against_its_schema() {
    let document = openapi::document();
    let mut checked = 0;
    let mut contents = vec![&document["webhooks"]["job"]["post"]["requestBody"]["content"]];
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            contents.extend(operation.pointer("/requestBody/content"));
            contents.extend(
                operation["responses"]
                    .as_object()
                    .unwrap()
                    .values()
                    .filter_map(|r| r.get("content")),
            );
        }
    }
    for media in contents
        .iter()
        .flat_map(|content| content.as_object().unwrap().values())
    {
        let validator = validator(&media["schema"], &document);
        let named = media["examples"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values().map(|e| &e["value"]));
        for example in named.chain(media.get("example")) {
            assert!(
                validator.is_valid(example),
                "{example} is not valid: {:?}",
                validator.validate(example)
            );
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} examples");
}

#[test]
fn operations_are_told_apart_by_id_and_by_route() {
    let operations = operations();
    let ids: BTreeSet<_> = operations.iter().map(|o| o.id).collect();
    let routes: BTreeSet<_> = operations.iter().map(|o| o.route()).collect();
    assert_eq!((ids.len(), routes.len()), (operations.len(), operations.len()));
}

#[test]
fn every_operation_describes_its_success_and_its_problems() {
    let document = openapi::document();
    for operation in operations() {
        let described = &document["paths"][operation.path][operation.method.as_str().to_lowercase()];
        assert_eq!(described["operationId"], operation.id);
        for status in operation
            .problems
            .iter()
            .map(|p| operation.dialect.status(p.status()).to_string())
            .chain(operation.replies.iter().map(|reply| reply.status.to_string()))
        {
            assert!(
                described["responses"][&status]["description"].is_string(),
                "{} {status}",
                operation.id
            );
        }
        assert_eq!(operation.body.is_some(), described["requestBody"].is_object());
    }
}

#[test]
fn streamed_replies_name_the_schema_of_each_event() {
    let document = openapi::document();
    let events = &document["paths"]["/analyse/stream"]["post"]["responses"]["200"]["content"]["text/event-stream"]
        ["x-events"];
    let names: Vec<_> = events.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["delta", "done", "error"]);
    for event in events.as_object().unwrap().values() {
        let reference = event["data"]["$ref"].as_str().unwrap().trim_start_matches('#');
        assert!(document.pointer(reference).is_some(), "{reference} is defined");
    }
}

#[test]
fn the_text_that_counts_is_the_trimmed_one() {
    use lambent_schema::endpoints::analysis::AnalysisRequest;
    let body = json!({"text": " \n eleven char\t", "analysis_type": "summary"});
    let request: AnalysisRequest = serde_json::from_value(body).unwrap();
    assert_eq!(request.text, "eleven char");
    assert_eq!(request.max_findings, 10);
}
