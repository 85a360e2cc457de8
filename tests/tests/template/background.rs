//! What starts the functions that no request calls is what the contract says.

use lambent_schema::{Background, Trigger, background, background::StreamTrigger, operations};
use serde_json::{Value, json};

use crate::translated::{Template, template};

#[test]
fn functions_that_no_request_calls_may_run_as_long_as_the_contract_says() {
    let Some(template) = template() else { return };
    for background in background() {
        assert!(
            operations().iter().all(|op| op.function != background.function),
            "{}",
            background.function
        );
        let (id, function) = template.function(background.function);
        assert_eq!(function["Timeout"], background.timeout_secs, "{id}");
    }
}

#[test]
fn streams_start_their_functions_as_the_contract_says() {
    let Some(template) = template() else { return };
    let mappings = template.of_type("AWS::Lambda::EventSourceMapping");
    let streams = streams();
    assert_eq!(mappings.len(), streams.len());
    for (background, stream) in streams {
        let (id, _) = template.function(background.function);
        let wanted: Value = serde_json::from_str(stream.filter).unwrap();
        let mut found = mappings
            .iter()
            .filter(|(_, mapping)| filters(mapping) == [wanted.clone()] && source(mapping) == table(stream));
        let (_, mapping) = found
            .next()
            .unwrap_or_else(|| panic!("none is for {}", stream.name));
        assert!(found.next().is_none(), "two are for {}", stream.name);
        assert_eq!(mapping["FunctionName"], json!({"Ref": id}));
        assert_eq!(
            mapping["EventSourceArn"],
            json!({"Fn::GetAtt": [table(stream), "StreamArn"]}),
            "{id}"
        );
        for (property, wanted) in [
            ("BatchSize", stream.batch_size),
            ("MaximumRetryAttempts", stream.maximum_retry_attempts),
            ("ParallelizationFactor", stream.parallelization_factor),
        ] {
            assert_eq!(mapping[property], wanted, "{property} of {id}");
        }
        // What was written before the mapping began to read is not left out, and one record that failed fails no other.
        assert_eq!(mapping["StartingPosition"], "TRIM_HORIZON", "{id}");
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{id}"
        );
        // These would give a record up, or hold it back, other than by the number of its retries.
        for property in [
            "MaximumRecordAgeInSeconds",
            "MaximumBatchingWindowInSeconds",
            "Enabled",
        ] {
            assert_eq!(mapping.get(property), None, "{property} of {id}");
        }
    }
}

#[test]
fn a_record_that_is_given_up_is_told_to_a_queue_that_keeps_it() {
    let Some(template) = template() else { return };
    for (id, mapping) in template.of_type("AWS::Lambda::EventSourceMapping") {
        let destination = &mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"];
        let table = mapping["EventSourceArn"]["Fn::GetAtt"][0].as_str().unwrap();
        // Chats have none of their own: whoever waits for an answer is told that it is lost.
        let queue = match table {
            "ConversationsTable" => "JobsFailedQueue".to_owned(),
            table => table.replace("Table", "FailedQueue"),
        };
        assert_eq!(destination, &json!([queue, "Arn"]), "{id}");
        let queue = template.properties(&queue);
        assert_eq!(queue["SqsManagedSseEnabled"], true);
        assert_eq!(queue["MessageRetentionPeriod"], 14 * 24 * 60 * 60);
    }
}

#[test]
fn the_clock_starts_its_functions_as_the_contract_says() {
    let Some(template) = template() else { return };
    let rules = template.of_type("AWS::Events::Rule");
    let scheduled: Vec<_> = background()
        .iter()
        .filter_map(|background| match background.trigger {
            Trigger::Schedule { every_minutes } => Some((background, every_minutes)),
            Trigger::Stream(_) | Trigger::Socket(_) => None,
        })
        .collect();
    assert_eq!(rules.len(), scheduled.len());
    for (background, every_minutes) in scheduled {
        let (id, _) = template.function(background.function);
        let arn = json!({"Fn::GetAtt": [id, "Arn"]});
        let (rule_id, rule) = rules
            .iter()
            .find(|(_, rule)| rule["Targets"][0]["Arn"] == arn)
            .unwrap();
        assert_eq!(rule["ScheduleExpression"], rate(every_minutes), "{id}");
        assert!(
            rule.get("State").is_none_or(|state| state == "ENABLED"),
            "{id} is not started"
        );
        let permission = permission_of(template, rule_id);
        assert_eq!(
            (&permission["FunctionName"], &permission["Principal"]),
            (&json!({"Ref": id}), &json!("events.amazonaws.com"))
        );
        assert!(
            background.timeout_secs < every_minutes * 60,
            "two runs of {id} would meet"
        );
        let configs = template.of_type("AWS::Lambda::EventInvokeConfig");
        let config = started_by(&configs, "FunctionName", &json!({"Ref": id}));
        assert_eq!(config["MaximumRetryAttempts"], 0, "{id}");
        assert_eq!(config["MaximumEventAgeInSeconds"], every_minutes * 60, "{id}");
    }
}

#[test]
fn sockets_start_their_function_on_the_routes_of_the_contract() {
    let Some(template) = template() else { return };
    let routes = template.of_type("AWS::ApiGatewayV2::Route");
    let mut found = 0;
    for background in background() {
        let Trigger::Socket(wanted) = background.trigger else {
            continue;
        };
        let (id, _) = template.function(background.function);
        for key in wanted {
            let route = started_by(&routes, "RouteKey", &json!(key));
            let integration = route["Target"]["Fn::Join"][1][1]["Ref"].as_str().unwrap();
            let integration = template.properties(integration);
            assert_eq!(
                integration["IntegrationUri"]["Fn::Sub"][1]["FunctionArn"],
                json!({"Fn::GetAtt": [id, "Arn"]}),
                "{key}"
            );
            assert_eq!(
                integration["TimeoutInMillis"],
                (background.timeout_secs + 1) * 1000
            );
            found += 1;
        }
    }
    assert_eq!(routes.len(), found, "left: template.yaml, right: the contract");
    let stage = template.properties("ChatApiStage");
    assert_eq!(
        stage["DefaultRouteSettings"],
        json!({
            "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
            "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
            "DataTraceEnabled": false,
        })
    );
}

/// The functions that a stream starts.
fn streams() -> Vec<(&'static Background, &'static StreamTrigger)> {
    let streams: Vec<_> = background()
        .iter()
        .flat_map(|background| match background.trigger {
            Trigger::Stream(streams) => streams.iter().map(|stream| (background, stream)).collect(),
            Trigger::Schedule { .. } | Trigger::Socket(_) => Vec::new(),
        })
        .collect();
    assert!(!streams.is_empty());
    streams
}

/// The one of some resources that has this value.
fn started_by<'a>(resources: &[(&str, &'a Value)], property: &str, value: &Value) -> &'a Value {
    let mut found = resources
        .iter()
        .filter(|(_, resource)| resource[property] == *value);
    let (_, resource) = found.next().unwrap_or_else(|| panic!("none is for {value}"));
    assert!(found.next().is_none(), "two are for {value}");
    resource
}

/// The template's name of a stream's table: `JobsTable` of `jobs`.
fn table(stream: &StreamTrigger) -> String {
    let (first, rest) = stream.table.split_at(1);
    format!("{}{rest}Table", first.to_uppercase())
}

/// The template's name of the table whose stream a mapping reads.
fn source(mapping: &Value) -> &str {
    mapping["EventSourceArn"]["Fn::GetAtt"][0].as_str().unwrap()
}

fn filters(mapping: &Value) -> Vec<Value> {
    let filters = mapping["FilterCriteria"]["Filters"].as_array().unwrap();
    let pattern = |filter: &Value| serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap();
    filters.iter().map(pattern).collect()
}

/// A rate as EventBridge writes it: of one minute in the singular.
fn rate(every_minutes: u32) -> String {
    match every_minutes {
        1 => "rate(1 minute)".to_owned(),
        more => format!("rate({more} minutes)"),
    }
}

/// Who a rule may call.
fn permission_of<'a>(template: &'a Template, rule: &str) -> &'a Value {
    let permissions = template.of_type("AWS::Lambda::Permission");
    started_by(&permissions, "SourceArn", &json!({"Fn::GetAtt": [rule, "Arn"]}))
}
