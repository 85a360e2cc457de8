//! The gateway's routes are the operations of the contract, and hand on answers as it says.

use std::collections::BTreeSet;

use lambent_schema::{Operation, Transfer, operations};
use serde_json::Value;

use crate::translated::{Template, template};

/// The longest that API Gateway waits for a buffered answer, in seconds.
const BUFFERED_LIMIT_SECS: u32 = 29;

#[test]
fn routes_are_exactly_the_operations_of_the_contract() {
    let Some(template) = template() else { return };
    let wanted: BTreeSet<_> = operations()
        .iter()
        .map(|op| (op.route(), op.function.to_owned()))
        .collect();
    let routed: BTreeSet<_> = routes(template)
        .iter()
        .filter(|(method, ..)| *method != "OPTIONS")
        .map(|(method, path, integration)| {
            let (function, _) = target(integration);
            (format!("{method} {path}"), template.folder(function).to_owned())
        })
        .collect();
    assert_eq!(routed, wanted, "left: template.yaml, right: the contract");
}

#[test]
fn preflights_of_every_path_are_answered_by_the_gateway_itself() {
    let Some(template) = template() else { return };
    let paths: BTreeSet<_> = operations().iter().map(|op| op.path).collect();
    let preflights: BTreeSet<_> = routes(template)
        .into_iter()
        .filter(|(method, _, integration)| method == "OPTIONS" && integration["type"] == "mock")
        .map(|(_, path, _)| path)
        .collect();
    assert_eq!(preflights, paths);
}

#[test]
fn preflights_allow_the_headers_that_callers_send() {
    let Some(template) = template() else { return };
    for op in operations() {
        let preflight = &template.api()["paths"][op.path]["options"]["x-amazon-apigateway-integration"];
        let headers = &preflight["responses"]["default"]["responseParameters"];
        assert_eq!(
            headers["method.response.header.Access-Control-Allow-Headers"], "'authorization,*'",
            "{}",
            op.path
        );
    }
}

#[test]
fn preflights_allow_the_methods_of_their_path() {
    let Some(template) = template() else { return };
    for op in operations() {
        let preflight = &template.api()["paths"][op.path]["options"]["x-amazon-apigateway-integration"];
        let headers = &preflight["responses"]["default"]["responseParameters"];
        let of_this_path = operations().into_iter().filter(|other| other.path == op.path);
        let mut methods: Vec<_> = of_this_path.map(|op| op.method.as_str()).collect();
        methods.push("OPTIONS");
        methods.sort_unstable();
        assert_eq!(
            headers["method.response.header.Access-Control-Allow-Methods"],
            format!("'{}'", methods.join(",")),
            "{}",
            op.path
        );
    }
}

#[test]
fn operations_that_stream_have_routes_that_stream_for_as_long_as_their_function_runs() {
    let Some(template) = template() else { return };
    for op in operations_that(Transfer::Streaming) {
        let integration = integration(template, &op);
        assert_eq!(integration["responseTransferMode"], "STREAM", "{}", op.route());
        let (_, action) = target(integration);
        assert_eq!(action, "response-streaming-invocations", "{}", op.route());
        assert_eq!(
            integration["timeoutInMillis"],
            op.timeout_secs * 1000,
            "{}",
            op.route()
        );
    }
}

#[test]
fn other_operations_have_buffered_routes_that_wait_longer_than_their_function_runs() {
    let Some(template) = template() else { return };
    for op in operations_that(Transfer::Buffered) {
        let integration = integration(template, &op);
        assert_eq!(integration.get("responseTransferMode"), None, "{}", op.route());
        assert_eq!(target(integration).1, "invocations", "{}", op.route());
        assert_eq!(integration.get("timeoutInMillis"), None, "{}", op.route());
        assert!(op.timeout_secs < BUFFERED_LIMIT_SECS, "{}", op.route());
    }
}

#[test]
fn functions_may_run_as_long_as_the_contract_says() {
    let Some(template) = template() else { return };
    for op in operations() {
        let (id, function) = template.function(op.function);
        assert_eq!(function["Timeout"], op.timeout_secs, "{id}, for {}", op.route());
    }
}

#[test]
fn the_api_is_regional_and_has_one_throttled_stage() {
    let Some(template) = template() else { return };
    assert_eq!(template.api()["openapi"], "3.0.1");
    let endpoint = &template.properties("Api")["EndpointConfiguration"];
    assert_eq!(endpoint["Types"], serde_json::json!(["REGIONAL"]));
    let stages = template.of_type("AWS::ApiGateway::Stage");
    let [(_, stage)] = stages[..] else {
        panic!("not one stage: {stages:?}")
    };
    let settings = &stage["MethodSettings"][0];
    assert_eq!(
        (&settings["ResourcePath"], &settings["HttpMethod"]),
        (&"/*".into(), &"*".into())
    );
    assert!(settings["ThrottlingRateLimit"].is_object() && settings["ThrottlingBurstLimit"].is_object());
    assert_eq!(settings["DataTraceEnabled"], false, "bodies would be logged");
}

/// Method, path and integration of every route.
fn routes(template: &Template) -> Vec<(String, &str, &Value)> {
    let paths = template.api()["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, route)| {
                let integration = &route["x-amazon-apigateway-integration"];
                (method.to_uppercase(), path.as_str(), integration)
            })
        })
        .collect()
}

/// The integration of an operation's route.
fn integration<'a>(template: &'a Template, op: &Operation) -> &'a Value {
    let method = op.method.as_str().to_lowercase();
    &template.api()["paths"][op.path][method]["x-amazon-apigateway-integration"]
}

/// What an integration's URI calls: the function's logical id, and the last segment, which says how.
fn target(integration: &Value) -> (&str, &str) {
    let uri = integration["uri"]["Fn::Sub"].as_str().unwrap();
    let (_, call) = uri.split_once("/functions/${").unwrap();
    call.split_once(".Arn}/").unwrap()
}

fn operations_that(transfer: Transfer) -> Vec<Operation> {
    let operations: Vec<_> = operations()
        .into_iter()
        .filter(|op| op.transfer == transfer)
        .collect();
    assert!(!operations.is_empty());
    operations
}
