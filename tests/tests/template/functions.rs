//! The functions: one a folder, with the variables that the code reads and no right that it does not need.

use std::collections::BTreeSet;

use lambent_schema::{Transfer, operations};
use serde_json::{Value, json};

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
    "LAMBENT_MODEL_PRICE",
    "LAMBENT_MODEL_URL",
    "LAMBENT_TEMPERATURE",
];
/// What functions that ask for a caller are told besides.
const OF_CALLERS: &[&str] = &[
    "LAMBENT_CALLERS_TABLE",
    "LAMBENT_KEY_PEPPER",
    "LAMBENT_TOKEN_ALGORITHMS",
    "LAMBENT_TOKEN_AUDIENCE",
    "LAMBENT_TOKEN_BUDGET",
    "LAMBENT_TOKEN_BURST",
    "LAMBENT_TOKEN_CONCURRENCY",
    "LAMBENT_TOKEN_ISSUER",
    "LAMBENT_TOKEN_JWKS_URL",
    "LAMBENT_TOKEN_MAX_OUTPUT_TOKENS",
    "LAMBENT_TOKEN_RATE",
    "LAMBENT_TOKEN_SCOPE_PREFIX",
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

/// Where people sign in from the documentation.
const OF_DOCS: [&str; 3] = [
    "LAMBENT_OAUTH_AUTHORIZATION_URL",
    "LAMBENT_OAUTH_TOKEN_URL",
    "LAMBENT_TOKEN_SCOPE_PREFIX",
];

#[test]
fn functions_are_told_the_variables_that_the_code_reads() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        let told: BTreeSet<_> = variables.keys().map(String::as_str).collect();
        let mut wanted: BTreeSet<_> = EVERYWHERE.iter().copied().collect();
        if calls_model(template.folder(id)) {
            wanted.extend(OF_MODELS);
        }
        if asks_for_a_caller(template.folder(id)) {
            wanted.extend(OF_CALLERS);
        }
        if template.folder(id) == "docs" {
            wanted.extend(OF_DOCS);
        }
        assert_eq!(told, wanted, "{id}");
        assert_eq!(variables["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH"], "true", "{id}");
    }
}

#[test]
fn the_pepper_of_keys_is_made_at_deployment_handed_over_by_it_and_kept() {
    let Some(template) = template() else { return };
    let pepper = template.properties("KeyPepper");
    // In the template there is neither its value nor a way to choose a short one: the code refuses under 32 characters.
    assert_eq!(
        pepper["GenerateSecretString"],
        json!({"PasswordLength": 64, "ExcludePunctuation": true})
    );
    assert!(template.is_retained("KeyPepper"));
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        if let Some(told) = function["Environment"]["Variables"].get("LAMBENT_KEY_PEPPER") {
            assert_eq!(
                told,
                &json!({"Fn::Sub": "{{resolve:secretsmanager:${KeyPepper}}}"}),
                "{id}"
            );
        }
    }
}

#[test]
fn functions_that_call_models_can_be_held_to_a_number_of_calls_at_once() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let limit = &function["ReservedConcurrentExecutions"];
        if calls_model(template.folder(id)) {
            assert_eq!(limit["Fn::If"][1], json!({"Ref": "ModelConcurrency"}), "{id}");
        } else {
            assert!(limit.is_null(), "{id}");
        }
    }
}

#[test]
fn functions_that_call_models_ask_for_a_caller() {
    for op in operations() {
        assert!(
            !calls_model(op.function) || op.access.scope().is_some(),
            "{} would spend anybody's money",
            op.route()
        );
    }
}

#[test]
fn functions_may_do_what_their_operations_need_and_no_more() {
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
        if asks_for_a_caller(template.folder(id)) {
            allowed.insert("dynamodb:UpdateItem");
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

#[test]
fn each_right_to_a_table_is_on_the_table_that_it_is_for() {
    let Some(template) = template() else { return };
    for (policy, action, table) in [
        ("WriteRequestsPolicy", "dynamodb:PutItem", "RequestsTable"),
        ("AdmitCallersPolicy", "dynamodb:UpdateItem", "CallersTable"),
    ] {
        assert_eq!(
            template.properties(policy)["PolicyDocument"]["Statement"],
            json!([{"Effect": "Allow", "Action": action, "Resource": {"Fn::GetAtt": [table, "Arn"]}}]),
            "{policy}"
        );
    }
}

/// Whether a function calls a model: in this API, what waits for a model streams, and nothing else does.
fn calls_model(folder: &str) -> bool {
    operations()
        .iter()
        .any(|op| op.function == folder && op.transfer == Transfer::Streaming)
}

/// Whether a function asks for a caller.
fn asks_for_a_caller(folder: &str) -> bool {
    operations()
        .iter()
        .any(|op| op.function == folder && op.access.scope().is_some())
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
