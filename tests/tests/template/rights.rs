//! Functions have no right that they do not need.

use std::collections::BTreeSet;

use lambent_schema::{
    Trigger, background,
    background::{CHAT_SOCKET, CHAT_SWEEPER, CHAT_WORKER, JOBS_SWEEPER, JOBS_WORKER, WEBHOOKS_WORKER},
};
use serde_json::Value;

use crate::{
    kinds::{
        accepts_jobs, asks_for_a_caller, calls_model, changes_jobs, embeds, keeps_documents,
        searches_documents,
    },
    translated::{Template, template},
};

/// What rights to call a model are on.
const MODEL: &str = "the model";

#[test]
fn functions_may_do_what_they_need_and_no_more() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let given: BTreeSet<_> = statements(template, function)
            .into_iter()
            .flat_map(|statement| {
                let actions = strings(&statement["Action"]).into_iter();
                actions.map(|action| (action, resource(statement)))
            })
            .collect();
        assert_eq!(given, needed(template.folder(id)), "{id}");
    }
}

#[test]
fn policies_of_aws_are_for_logs_and_for_the_stream_that_starts_a_function() {
    let Some(template) = template() else { return };
    let reads_a_stream = |folder| {
        background().iter().any(|background| {
            background.function == folder && matches!(background.trigger, Trigger::Stream(_))
        })
    };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let attached: BTreeSet<_> = policies(template, function).filter_map(Value::as_str).collect();
        let mut wanted = BTreeSet::from(["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]);
        if reads_a_stream(template.folder(id)) {
            wanted.insert("arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole");
        }
        assert_eq!(attached, wanted, "{id}");
    }
}

#[test]
fn rights_are_on_named_resources() {
    let Some(template) = template() else { return };
    for (id, policy) in template.of_type("AWS::IAM::ManagedPolicy") {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            let resource = statement["Resource"].to_string();
            // What is known of sockets before they are open is their API and stage.
            let resource = resource
                .replace("${ChatApi}/${Stage}/", "")
                .replace("/@connections/*", "");
            // Where a wildcard is needed, a condition narrows it.
            assert!(
                !resource.contains('*') || statement["Condition"].is_object(),
                "{id}: {resource}"
            );
        }
    }
}

/// The rights that a function needs: each action, and what it is done to.
fn needed(folder: &str) -> BTreeSet<(&'static str, String)> {
    let mut rights = Vec::new();
    // What no request calls leaves no record of one; the worker's jobs are requests.
    if ![JOBS_SWEEPER, WEBHOOKS_WORKER, CHAT_SWEEPER]
        .iter()
        .any(|one| one.function == folder)
    {
        rights.push(("dynamodb:PutItem", "RequestsTable"));
    }
    if asks_for_a_caller(folder) || folder == CHAT_SWEEPER.function {
        rights.push(("dynamodb:UpdateItem", "CallersTable"));
    }
    if calls_model(folder) {
        rights.extend([
            ("bedrock:CallWithBearerToken", MODEL),
            ("bedrock:InvokeModel", MODEL),
            ("bedrock:InvokeModelWithResponseStream", MODEL),
        ]);
    }
    if embeds(folder) {
        rights.extend([
            ("bedrock:CallWithBearerToken", MODEL),
            ("bedrock:InvokeModel", MODEL),
        ]);
    }
    if searches_documents(folder) {
        rights.extend([
            ("dynamodb:BatchGetItem", "DocumentsTable"),
            ("dynamodb:GetItem", "DocumentsTable"),
            ("dynamodb:SearchVectors", "DocumentsTable/index/by_vector"),
        ]);
    }
    if keeps_documents(folder) {
        rights.extend([
            ("dynamodb:BatchWriteItem", "DocumentsTable"),
            ("dynamodb:DeleteItem", "DocumentsTable"),
            ("dynamodb:GetItem", "DocumentsTable"),
            ("dynamodb:PutItem", "DocumentsTable"),
            ("dynamodb:UpdateItem", "DocumentsTable"),
        ]);
    }
    if folder == "documents" {
        rights.push(("dynamodb:Query", "DocumentsTable/index/by_caller"));
    }
    if folder == JOBS_SWEEPER.function {
        rights.extend([
            ("dynamodb:BatchWriteItem", "DocumentsTable"),
            ("dynamodb:DeleteItem", "DocumentsTable"),
            ("dynamodb:Query", "DocumentsTable/index/by_due"),
            ("dynamodb:UpdateItem", "DocumentsTable"),
        ]);
    }
    if accepts_jobs(folder) {
        rights.push(("dynamodb:PutItem", "JobsTable"));
    }
    if changes_jobs(folder) {
        rights.extend([
            ("dynamodb:DeleteItem", "JobsTable"),
            ("dynamodb:GetItem", "JobsTable"),
            ("dynamodb:UpdateItem", "JobsTable"),
        ]);
    }
    if folder == "jobs-get" {
        rights.push(("dynamodb:Query", "JobsTable/index/by_caller"));
    }
    if folder == JOBS_SWEEPER.function {
        rights.push(("dynamodb:Query", "JobsTable/index/by_due"));
    }
    if folder == JOBS_WORKER.function {
        rights.push(("sqs:SendMessage", "JobsFailedQueue"));
    }
    // Nobody else may have the secrets, and nobody else change a budget but by spending.
    if folder == "webhooks" {
        rights.extend([
            ("dynamodb:PutItem", "WebhooksTable"),
            ("secretsmanager:GetSecretValue", "WebhookSecrets"),
        ]);
    }
    if folder == WEBHOOKS_WORKER.function {
        rights.extend([
            ("dynamodb:GetItem", "CallersTable"),
            ("dynamodb:GetItem", "WebhooksTable"),
            ("dynamodb:PutItem", "WebhooksTable"),
            ("dynamodb:UpdateItem", "CallersTable"),
            ("dynamodb:UpdateItem", "WebhooksTable"),
            ("sqs:SendMessage", "WebhooksFailedQueue"),
        ]);
    }
    rights.extend(of_chats(folder));
    let owned = |(action, resource): (_, &str)| (action, resource.to_owned());
    rights.into_iter().map(owned).collect()
}

/// Those of a function that has to do with sockets.
fn of_chats(folder: &str) -> Vec<(&'static str, &'static str)> {
    const TABLE: &str = "ConversationsTable";
    const MANAGE: &str = "execute-api:ManageConnections";
    let on_table = |actions: &[&'static str]| actions.iter().map(|action| (*action, TABLE)).collect();
    let mut rights: Vec<_> = match folder {
        "chat-tickets" => on_table(&["dynamodb:PutItem"]),
        folder if folder == CHAT_SOCKET.function => on_table(&[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ]),
        folder if folder == CHAT_WORKER.function => {
            on_table(&["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"])
        }
        folder if folder == CHAT_SWEEPER.function => {
            on_table(&["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"])
        }
        _ => return Vec::new(),
    };
    if [CHAT_WORKER.function, CHAT_SWEEPER.function].contains(&folder) {
        rights.push(("dynamodb:Query", "ConversationsTable/index/by_due"));
    }
    if folder == CHAT_WORKER.function {
        rights.push(("sqs:SendMessage", "JobsFailedQueue"));
    }
    if folder != "chat-tickets" {
        rights.push((MANAGE, "ChatApi/POST"));
    }
    if folder == CHAT_SWEEPER.function {
        rights.extend([(MANAGE, "ChatApi/DELETE"), (MANAGE, "ChatApi/GET")]);
    }
    rights
}

/// The statements of a function's own policies.
fn statements<'a>(template: &'a Template, function: &Value) -> Vec<&'a Value> {
    policies(template, function)
        .filter_map(|policy| policy["Ref"].as_str())
        .flat_map(|policy| {
            let document = &template.properties(policy)["PolicyDocument"];
            document["Statement"].as_array().unwrap()
        })
        .collect()
}

/// The policies of a function's role: those of AWS by their ARN, its own by reference.
fn policies<'a>(template: &'a Template, function: &Value) -> impl Iterator<Item = &'a Value> {
    let role = template.properties(function["Role"]["Fn::GetAtt"][0].as_str().unwrap());
    assert_eq!(role.get("Policies"), None);
    role["ManagedPolicyArns"].as_array().unwrap().iter()
}

/// What a statement is about: a resource of the template, and what is below it; or the model.
fn resource(statement: &Value) -> String {
    let resource = &statement["Resource"];
    if let Some(id) = resource["Fn::GetAtt"][0].as_str().or(resource["Ref"].as_str()) {
        return id.to_owned();
    }
    if let Some((_, sockets)) = resource["Fn::Sub"]
        .as_str()
        .and_then(|arn| arn.split_once("${ChatApi}/${Stage}"))
    {
        return format!("ChatApi{}", sockets.trim_end_matches("/@connections/*"));
    }
    match resource["Fn::Sub"].as_str().map(|arn| arn.strip_prefix("${")) {
        Some(Some(arn)) => arn.replacen(".Arn}", "", 1),
        _ => MODEL.to_owned(),
    }
}

/// A string, or the strings of a list, as policies write both.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        value => vec![value.as_str().unwrap()],
    }
}
