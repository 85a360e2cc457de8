//! The functions: one a folder, with the variables that the code reads and no right that it does not need.

use std::collections::BTreeSet;

use lambent_schema::{Transfer, operations};
use serde_json::Value;

use crate::translated::{Template, root, template};

/// What every function is told.
const EVERYWHERE: &[&str] = &[
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH",
    "LAMBENT_CORS_ORIGINS",
    "LAMBENT_HEARTBEAT_SECS",
    "LAMBENT_REQUESTS_TABLE",
    "LAMBENT_RESPONSE_MODE",
    "RUST_LOG",
];
/// What functions that call a model are told besides.
const OF_MODELS: &[&str] = &[
    "LAMBENT_BETWEEN_TOKENS_TIMEOUT_SECS",
    "LAMBENT_CONTEXT_HINT",
    "LAMBENT_CONTEXT_TOKENS",
    "LAMBENT_FIRST_TOKEN_TIMEOUT_SECS",
    "LAMBENT_MAX_OUTPUT_TOKENS",
    "LAMBENT_MODEL",
    "LAMBENT_MODEL_KEY",
    "LAMBENT_MODEL_URL",
    "LAMBENT_TEMPERATURE",
];

#[test]
fn functions_are_exactly_the_folders_of_functions() {
    let Some(template) = template() else { return };
    let folders: BTreeSet<_> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let built = template.of_type("AWS::Lambda::Function");
    assert_eq!(built.len(), folders.len());
    let built: BTreeSet<_> = built
        .iter()
        .map(|(id, _)| template.folder(id).to_owned())
        .collect();
    assert_eq!(built, folders, "left: template.yaml, right: functions/");
}

#[test]
fn functions_are_told_the_variables_that_the_code_reads() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        let told: BTreeSet<_> = variables.keys().map(String::as_str).collect();
        let of_models = if calls_model(template.folder(id)) {
            OF_MODELS
        } else {
            &[]
        };
        assert_eq!(
            told,
            EVERYWHERE.iter().chain(of_models).copied().collect(),
            "{id}"
        );
        assert_eq!(variables["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH"], "true", "{id}");
    }
}

#[test]
fn functions_may_write_request_records_and_only_those_of_models_may_call_models() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let mut allowed = BTreeSet::from(["dynamodb:PutItem"]);
        if calls_model(template.folder(id)) {
            allowed.extend([
                "bedrock:CallWithBearerToken",
                "bedrock:InvokeModel",
                "bedrock:InvokeModelWithResponseStream",
            ]);
        }
        let statements = statements(template, function);
        let actions: BTreeSet<_> = statements
            .iter()
            .flat_map(|statement| strings(&statement["Action"]))
            .collect();
        assert_eq!(actions, allowed, "{id}");
    }
}

#[test]
fn rights_are_on_named_resources() {
    let Some(template) = template() else { return };
    for (id, policy) in template.of_type("AWS::IAM::ManagedPolicy") {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            let resource = statement["Resource"].to_string();
            // Where a wildcard is needed, a condition narrows it.
            assert!(
                !resource.contains('*') || statement["Condition"].is_object(),
                "{id}: {resource}"
            );
        }
    }
}

/// Whether a function calls a model: in this API, what waits for a model streams, and nothing else does.
fn calls_model(folder: &str) -> bool {
    operations()
        .iter()
        .any(|op| op.function == folder && op.transfer == Transfer::Streaming)
}

/// The statements of a function's role, besides AWS's own policy for writing logs.
fn statements<'a>(template: &'a Template, function: &Value) -> Vec<&'a Value> {
    let role = template.properties(function["Role"]["Fn::GetAtt"][0].as_str().unwrap());
    assert_eq!(role.get("Policies"), None);
    let (logs, policies): (Vec<_>, Vec<_>) = role["ManagedPolicyArns"]
        .as_array()
        .unwrap()
        .iter()
        .partition(|policy| policy.is_string());
    assert_eq!(logs.len(), 1);
    assert!(
        logs[0]
            .as_str()
            .unwrap()
            .ends_with(":policy/service-role/AWSLambdaBasicExecutionRole")
    );
    policies
        .into_iter()
        .flat_map(|policy| {
            let policy = template.properties(policy["Ref"].as_str().unwrap());
            policy["PolicyDocument"]["Statement"].as_array().unwrap()
        })
        .collect()
}

/// A string, or the strings of a list, as policies write both.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        value => vec![value.as_str().unwrap()],
    }
}
