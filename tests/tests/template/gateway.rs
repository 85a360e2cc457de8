//! What the gateway answers by itself looks like what the functions answer: a problem of the contract.

use lambent_schema::{OpenAiError, Problem, ProblemCode};
use serde_json::Value;

use crate::translated::{Template, template};

#[test]
fn errors_of_the_gateway_are_problems_of_the_contract() {
    let Some(template) = template() else { return };
    let mut checked = 0;
    for (kind, response) in responses(template).filter(|(kind, _)| !kind.starts_with("DEFAULT_")) {
        let problem: Problem =
            serde_json::from_str(body(response)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let code = code_of(&problem).unwrap_or_else(|| panic!("{kind}: {} is no code", problem.code));
        let wanted = Problem {
            request_id: Some("$context.extendedRequestId".to_owned()),
            retry_after: problem.retry_after,
            ..Problem::new(code, problem.detail.clone())
        };
        assert_eq!(problem, wanted, "{kind}");
        assert_eq!(response["statusCode"], problem.status.to_string(), "{kind}");
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn errors_of_the_gateway_can_be_read_by_openais_clients() {
    let Some(template) = template() else { return };
    // A body that breaks its schema is a function's to name: the gateway checks none of OpenAI's.
    let kinds = responses(template).filter(|(kind, _)| *kind != "BAD_REQUEST_BODY");
    for (kind, response) in kinds {
        let told: OpenAiError = serde_json::from_str(body(response)).unwrap();
        if !kind.starts_with("DEFAULT_") {
            let problem: Problem = serde_json::from_str(body(response)).unwrap();
            assert_eq!(told, OpenAiError::of(&problem), "{kind}");
        }
    }
}

#[test]
fn errors_that_the_gateway_has_no_form_for_leave_the_status_alone() {
    let Some(template) = template() else { return };
    for kind in ["DEFAULT_4XX", "DEFAULT_5XX"] {
        let (_, response) = responses(template).find(|(name, _)| *name == kind).unwrap();
        // API Gateway would give this status to all errors of the class, those with a status of their own too.
        assert_eq!(response.get("statusCode"), None, "{kind}");
        let body: Value = serde_json::from_str(body(response)).unwrap();
        assert_eq!(body.get("status"), None, "{kind}");
        for member in ["type", "title", "code", "detail", "request_id"] {
            assert!(body[member].is_string(), "{kind} has no {member}");
        }
    }
}

#[test]
fn errors_of_the_gateway_can_be_read_by_pages_and_are_not_cached() {
    let Some(template) = template() else { return };
    for (kind, response) in responses(template) {
        assert_eq!(
            header(response, "Content-Type"),
            "'application/problem+json'",
            "{kind}"
        );
        assert_eq!(header(response, "Cache-Control"), "'no-store'", "{kind}");
        assert!(
            header(response, "Access-Control-Allow-Origin").is_object(),
            "{kind}"
        );
    }
}

#[test]
fn throttled_callers_are_told_when_to_come_back() {
    let Some(template) = template() else { return };
    let (_, throttled) = responses(template)
        .find(|(kind, _)| *kind == "THROTTLED")
        .unwrap();
    let problem: Problem = serde_json::from_str(body(throttled)).unwrap();
    let seconds = problem.retry_after.unwrap();
    assert_eq!(header(throttled, "Retry-After"), &format!("'{seconds}'"));
}

fn responses(template: &Template) -> impl Iterator<Item = (&String, &Value)> {
    let responses = &template.api()["x-amazon-apigateway-gateway-responses"];
    responses.as_object().unwrap().iter()
}

fn body(response: &Value) -> &str {
    response["responseTemplates"]["application/json"]
        .as_str()
        .unwrap()
}

fn header<'a>(response: &'a Value, name: &str) -> &'a Value {
    &response["responseParameters"][format!("gatewayresponse.header.{name}")]
}

fn code_of(problem: &Problem) -> Option<ProblemCode> {
    ProblemCode::ALL
        .iter()
        .copied()
        .find(|code| code.as_str() == problem.code)
}
