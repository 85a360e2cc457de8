//! `POST /analyse`.

use std::time::{Duration, Instant};

use lambent_schema::{endpoints::analysis::Analysis, openapi};
use lambent_tests::{
    api::{Api, MODEL, report, request},
    upstream::{Answer, Behaviour, Fault, SECRET},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Fails unless this is an `Analysis` as the OpenAPI document describes it.
fn assert_is_analysis(value: &Value) {
    let document = openapi::document();
    let schema = json!({"$ref": "#/components/schemas/Analysis", "components": document["components"]});
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{value} is no analysis: {errors:?}");
}

#[tokio::test]
async fn each_kind_of_analysis_fills_its_fields() {
    let api = Api::start().await;
    let findings = json!([{"title": "Late", "detail": "By two weeks."}]);
    let entities = json!([{"name": "Hollin Ridge", "kind": "place"}]);
    for (analysis_type, draft) in [
        ("summary", json!({"summary": "It is late."})),
        (
            "detailed",
            json!({"summary": "It is late.", "findings": findings}),
        ),
        (
            "entities",
            json!({"summary": "It is late.", "entities": entities}),
        ),
    ] {
        api.upstream.otherwise(Answer::text(draft.to_string()));
        let answer = api
            .post("/analyse", &request(&report(), analysis_type, "json"))
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let value: Value = answer.json().await.unwrap();
        assert_is_analysis(&value);
        let analysis: Analysis = serde_json::from_value(value).unwrap();
        assert_eq!(analysis.summary, "It is late.");
        let found = [json!(analysis.findings), json!(analysis.entities)];
        let expected = ["findings", "entities"].map(|field| draft.get(field).cloned().unwrap_or(json!([])));
        assert_eq!(found, expected, "{analysis_type}");
        assert_eq!((analysis.model.as_str(), analysis.request_id), (MODEL, id));
        assert_eq!(analysis.markdown, None);
    }
}

#[tokio::test]
async fn markdown_holds_what_the_fields_hold() {
    let api = Api::start().await;
    let draft = json!({"summary": "It is late.", "findings": [{"title": "Late", "detail": "By two weeks."}]});
    api.upstream.otherwise(Answer::text(draft.to_string()));
    let answer = api
        .post("/analyse", &request(&report(), "detailed", "markdown"))
        .await;
    let value: Value = answer.json().await.unwrap();
    assert_is_analysis(&value);
    assert_eq!(
        value["markdown"],
        "## Summary\n\nIt is late.\n\n## Findings\n\n- **Late**: By two weeks.\n"
    );
    assert_eq!(value["findings"], draft["findings"]);
}

#[tokio::test]
async fn the_trimmed_text_reaches_the_model_and_the_schema_with_it() {
    let api = Api::start().await;
    let answer = api
        .post("/analyse", &request("\n   eleven char \t ", "detailed", "json"))
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = api.upstream.bodies().pop().unwrap();
    let messages = body["messages"].to_string();
    assert!(
        messages.contains("<document>\\neleven char\\n</document>"),
        "{messages}"
    );
    let schema = &body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["findings"]["maxItems"], 3, "{body}");
}

#[tokio::test]
async fn an_answer_that_breaks_the_schema_is_repaired_and_all_attempts_count() {
    let api = Api::start().await;
    api.upstream.then(Answer::not_as_asked());
    let answer = api.post("/analyse", &request(&report(), "summary", "json")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let analysis: Analysis = answer.json().await.unwrap();
    let counts = api.upstream.counts();
    assert_eq!(counts.requests, 2);
    assert_eq!(
        (analysis.usage.input_tokens, analysis.usage.output_tokens),
        (counts.prompt_tokens, counts.completion_tokens)
    );
}

#[tokio::test]
async fn each_fault_of_the_model_has_its_status_and_says_nothing_of_it() {
    let api = Api::with(|model, _| {
        model.first_token_timeout = Duration::from_millis(400);
        model.between_tokens_timeout = Duration::from_millis(400);
    })
    .await;
    let hour = Duration::from_secs(3600);
    let broken = |fault| Behaviour::from(Answer::as_asked().with_fault(2, fault));
    let faults: [(&str, Behaviour, u16, &str); 11] = [
        ("500", Behaviour::status(500), 502, "model_failed"),
        ("401", Behaviour::unauthorized(), 502, "model_failed"),
        ("429", Behaviour::rate_limited("7"), 503, "model_busy"),
        ("hang", Behaviour::Hang, 504, "timeout"),
        (
            "silence at first",
            Answer::as_asked().paced(hour, Duration::ZERO).into(),
            504,
            "timeout",
        ),
        ("silence later", broken(Fault::Silence(hour)), 504, "timeout"),
        ("cut", broken(Fault::Cut), 502, "model_failed"),
        ("no end", broken(Fault::EndWithoutEnd), 502, "model_failed"),
        ("garbage", broken(Fault::Garbage), 502, "model_failed"),
        ("error event", broken(Fault::ErrorEvent), 502, "model_failed"),
        (
            "never valid",
            Answer::not_as_asked().into(),
            502,
            "model_reply_invalid",
        ),
    ];
    for (name, behaviour, status, code) in faults {
        api.upstream.otherwise(behaviour);
        let began = Instant::now();
        let answer = api.post("/analyse", &request(&report(), "summary", "json")).await;
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{name} took {:?}",
            began.elapsed()
        );
        let retry_after = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!((name, answer.status().as_u16()), (name, status));
        assert_eq!(retry_after.is_some(), status == 503, "{name}: {retry_after:?}");
        let text = answer.text().await.unwrap();
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], code, "{name}");
        for internal in [SECRET, "127.0.0.1", "genai", "test-key", "reqwest"] {
            assert!(!text.contains(internal), "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn a_document_too_long_for_the_model_is_told_its_limit() {
    let api = Api::with(|model, _| {
        model.context_tokens = Some(2048);
        model.context_hint = Some("Use a larger model.".to_owned());
    })
    .await;
    api.upstream.otherwise(Behaviour::context_length_exceeded());
    let answer = api.post("/analyse", &request(&report(), "summary", "json")).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "document_too_long");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("2048") && detail.ends_with("Use a larger model."),
        "{detail}"
    );
}

#[tokio::test]
async fn a_request_ends_at_its_deadline() {
    let api = Api::with(|_, service| service.timeout = Some(Duration::from_secs(4))).await;
    api.upstream.otherwise(Behaviour::Hang);
    let began = Instant::now();
    let answer = api.post("/analyse", &request(&report(), "summary", "json")).await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    // Three seconds are kept for the end.
    assert!(
        (1..4).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}
