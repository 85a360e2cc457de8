//! The functions: one a folder, with the variables that the code reads.

use std::collections::{BTreeMap, BTreeSet};

use lambent_schema::{
    background,
    background::{CHAT_SWEEPER, JOBS_SWEEPER, JOBS_WORKER, WEBHOOKS_WORKER},
    operations,
};
use serde_json::json;

use crate::{
    kinds::{
        accepts_jobs, asks_for_a_caller, calls_model, changes_jobs, chats, embeds, knows_model, knows_names,
        only_prices, takes_callbacks, uses_documents,
    },
    translated::{root, template},
};

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
/// What functions that call a model, or tell what it may cost, are told besides.
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
/// What functions that embed are told besides.
const OF_EMBEDDINGS: &[&str] = &[
    "LAMBENT_EMBEDDING_KEY",
    "LAMBENT_EMBEDDING_MODEL",
    "LAMBENT_EMBEDDING_PRICE",
    "LAMBENT_EMBEDDING_URL",
];
/// What functions that know names of models are told besides.
const OF_NAMES: &[&str] = &["LAMBENT_OPENAI_MODELS"];
/// What the one that only lists them is told besides.
const OF_MODEL_LISTS: &[&str] = &["LAMBENT_EMBEDDING_MODEL", "LAMBENT_MODEL"];
/// What functions that have to do with documents are told besides.
const OF_DOCUMENTS: &[&str] = &["LAMBENT_DOCUMENTS_TABLE"];
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
/// What functions that have to do with jobs are told besides.
const OF_JOBS: &[&str] = &["LAMBENT_JOBS_TABLE"];
/// What functions are told besides that take the address of a callback, or call it.
const OF_CALLBACKS: &[&str] = &["LAMBENT_CALLBACK_ALLOW"];
/// What the one that does jobs is told besides.
const OF_WORKER: &[&str] = &["LAMBENT_JOB_LEASE_SECS", "LAMBENT_JOB_RETRY_SECS"];
/// What the one that takes events of others is told besides.
const OF_WEBHOOKS: &[&str] = &[
    "LAMBENT_WEBHOOKS_TABLE",
    "LAMBENT_WEBHOOK_SECRETS",
    "LAMBENT_WEBHOOK_SECRETS_ARN",
];
/// What the one that handles these is told besides.
const OF_WEBHOOKS_WORKER: &[&str] = &[
    "LAMBENT_CALLERS_TABLE",
    "LAMBENT_WEBHOOKS_TABLE",
    "LAMBENT_WEBHOOK_RATES",
];
/// What functions that have to do with sockets are told besides.
const OF_CHATS: &[&str] = &[
    "LAMBENT_CHAT_AGE_SECS",
    "LAMBENT_CHAT_CONNECTIONS_URL",
    "LAMBENT_CHAT_IDLE_SECS",
    "LAMBENT_CHAT_LEASE_SECS",
    "LAMBENT_CHAT_NOTICE_SECS",
    "LAMBENT_CHAT_URL",
    "LAMBENT_CONVERSATIONS_TABLE",
];
/// What those are told besides that give back a caller's money, and decide over nobody.
const OF_SETTLEMENT: &[&str] = &["LAMBENT_CALLERS_TABLE"];
/// Where people sign in from the documentation.
const OF_DOCS: &[&str] = &[
    "LAMBENT_OAUTH_AUTHORIZATION_URL",
    "LAMBENT_OAUTH_TOKEN_URL",
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

#[test]
fn functions_are_exactly_those_of_the_contract() {
    let Some(template) = template() else { return };
    let functions = template.of_type("AWS::Lambda::Function");
    let built: BTreeSet<_> = functions.iter().map(|(id, _)| template.folder(id)).collect();
    let serving = operations().into_iter().map(|op| op.function);
    let background = background().iter().map(|background| background.function);
    let wanted: BTreeSet<_> = serving.chain(background).collect();
    assert_eq!(built, wanted, "left: template.yaml, right: the contract");
}

#[test]
fn functions_are_told_the_variables_that_the_code_reads() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        let told: BTreeSet<_> = variables.keys().map(String::as_str).collect();
        let folder = template.folder(id);
        let mut wanted: BTreeSet<_> = EVERYWHERE.iter().copied().collect();
        for (is_told, of_these) in [
            (knows_model(folder), OF_MODELS),
            (embeds(folder), OF_EMBEDDINGS),
            (knows_names(folder), OF_NAMES),
            (folder == "models", OF_MODEL_LISTS),
            (
                uses_documents(folder) || folder == JOBS_SWEEPER.function,
                OF_DOCUMENTS,
            ),
            (asks_for_a_caller(folder), OF_CALLERS),
            (accepts_jobs(folder) || changes_jobs(folder), OF_JOBS),
            (
                takes_callbacks(folder) || folder == JOBS_WORKER.function,
                OF_CALLBACKS,
            ),
            (folder == JOBS_WORKER.function, OF_WORKER),
            (folder == "webhooks", OF_WEBHOOKS),
            (folder == WEBHOOKS_WORKER.function, OF_WEBHOOKS_WORKER),
            (chats(folder), OF_CHATS),
            (folder == CHAT_SWEEPER.function, OF_SETTLEMENT),
            (folder == "docs", OF_DOCS),
        ] {
            if is_told {
                wanted.extend(of_these);
            }
        }
        assert_eq!(told, wanted, "{id}");
        assert_eq!(variables["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH"], "true", "{id}");
    }
}

#[test]
fn a_variable_says_the_same_to_every_function() {
    let Some(template) = template() else { return };
    let mut said = BTreeMap::new();
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        for (name, value) in function["Environment"]["Variables"].as_object().unwrap() {
            // A key is for those who call the model; who only prices its work has none.
            if name == "LAMBENT_MODEL_KEY" && only_prices(template.folder(id)) {
                assert_eq!(value, "");
                continue;
            }
            // Where to open sockets is for those who tell it, where to send to them for those who do.
            if name == "LAMBENT_CHAT_URL" || name == "LAMBENT_CHAT_CONNECTIONS_URL" {
                let opens = template.folder(id) == "chat-tickets";
                assert_eq!(
                    value == "",
                    opens != (name == "LAMBENT_CHAT_URL"),
                    "{name}, for {id}"
                );
                continue;
            }
            let first = said.entry(name.as_str()).or_insert(value);
            assert_eq!(value, *first, "{name}, for {id}");
        }
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
fn the_secrets_of_webhooks_are_none_at_first_and_kept() {
    let Some(template) = template() else { return };
    assert_eq!(template.properties("WebhookSecrets")["SecretString"], "{}");
    assert!(template.is_retained("WebhookSecrets"));
    let (_, function) = template.function("webhooks");
    let variables = &function["Environment"]["Variables"];
    assert_eq!(
        variables["LAMBENT_WEBHOOK_SECRETS_ARN"],
        json!({"Ref": "WebhookSecrets"})
    );
    // They would be in the function's configuration.
    assert_eq!(variables["LAMBENT_WEBHOOK_SECRETS"], "");
}

#[test]
fn functions_that_call_models_can_be_held_to_a_number_of_calls_at_once() {
    let Some(template) = template() else { return };
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let limit = &function["ReservedConcurrentExecutions"];
        let folder = template.folder(id);
        if calls_model(folder) || embeds(folder) {
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
            !(calls_model(op.function) || embeds(op.function)) || op.access.asks_for_a_caller(),
            "{} would spend anybody's money",
            op.route()
        );
    }
}
