//! Alarms say something, to whoever is to hear it, and the one on spending watches what functions log.

use lambent_schema::background::{JOB_TIMEOUT_SECS, JOBS_SWEEPER, JOBS_WORKER};
use serde_json::{Value, json};

use crate::translated::{Template, template};

#[test]
fn every_alarm_notifies_the_topic_and_is_silent_while_nobody_calls() {
    let Some(template) = template() else { return };
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (id, alarm) in alarms {
        assert_eq!(
            alarm["AlarmActions"]["Fn::If"][1],
            json!([{"Ref": "AlarmTopicArn"}]),
            "{id}"
        );
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
    }
}

#[test]
fn spending_is_read_from_the_line_that_a_request_leaves_in_the_log_of_functions() {
    let Some(template) = template() else { return };
    let filter = template.properties("SpendMetric");
    assert_eq!(filter["LogGroupName"], json!({"Ref": "FunctionLogs"}));
    // CloudWatch takes a value only from a field that the pattern names.
    assert_eq!(
        filter["FilterPattern"],
        r#"{ ($.message = "request") && ($.cost_micro_dollars = *) }"#
    );
    assert_eq!(made_by(filter)["MetricValue"], "$.cost_micro_dollars");
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let logging = &function["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{id}");
        assert_eq!(logging["LogGroup"], filter["LogGroupName"], "{id}");
    }
}

#[test]
fn the_alarm_on_spending_watches_that_metric_in_dollars() {
    let Some(template) = template() else { return };
    let alarm = template.properties("SpendAlarm");
    let made = made_by(template.properties("SpendMetric"));
    let spent = query(template, "spent");
    let watched = &spent["MetricStat"]["Metric"];
    assert_eq!(
        (&watched["Namespace"], &watched["MetricName"]),
        (&made["MetricNamespace"], &made["MetricName"])
    );
    assert_eq!(
        (&spent["MetricStat"]["Stat"], &spent["MetricStat"]["Period"]),
        (&json!("Sum"), &json!(3600))
    );
    assert_eq!(spent["ReturnData"], false);
    assert_eq!(query(template, "dollars")["Expression"], "spent / 1000000");
    assert_eq!(alarm["Threshold"], json!({"Ref": "SpendAlarmDollarsPerHour"}));
}

#[test]
fn the_alarms_on_jobs_watch_the_worker_what_it_could_not_take_and_the_sweeper() {
    let Some(template) = template() else { return };
    let (worker, _) = template.function(JOBS_WORKER.function);
    let (sweeper, _) = template.function(JOBS_SWEEPER.function);
    let of_function = |id| json!([{"Name": "FunctionName", "Value": {"Ref": id}}]);
    let queue = json!({"Fn::GetAtt": ["JobsFailedQueue", "QueueName"]});
    for (id, metric, statistic, dimensions) in [
        (
            "JobsLateAlarm",
            "AWS/Lambda IteratorAge",
            "Maximum",
            of_function(worker),
        ),
        (
            "JobsFailedAlarm",
            "AWS/SQS ApproximateNumberOfMessagesVisible",
            "Maximum",
            json!([{"Name": "QueueName", "Value": queue}]),
        ),
        (
            "JobsSweeperAlarm",
            "AWS/Lambda Errors",
            "Sum",
            of_function(sweeper),
        ),
    ] {
        let alarm = template.properties(id);
        let [namespace, name] = ["Namespace", "MetricName"].map(|name| alarm[name].as_str().unwrap());
        assert_eq!(format!("{namespace} {name}"), metric, "{id}");
        assert_eq!(alarm["Statistic"], statistic, "{id}");
        assert_eq!(alarm["Dimensions"], dimensions, "{id}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{id}");
    }
}

#[test]
fn the_alarm_on_events_of_others_watches_those_that_were_given_up() {
    let Some(template) = template() else { return };
    let alarm = template.properties("WebhooksFailedAlarm");
    assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
    let queue = json!({"Fn::GetAtt": ["WebhooksFailedQueue", "QueueName"]});
    assert_eq!(
        alarm["Dimensions"],
        json!([{"Name": "QueueName", "Value": queue}])
    );
    assert_eq!(
        (&alarm["Threshold"], &alarm["ComparisonOperator"]),
        (&json!(0), &json!("GreaterThanThreshold"))
    );
}

#[test]
fn jobs_are_late_after_twice_the_longest_job_and_seen_to_be_by_every_period() {
    let Some(template) = template() else { return };
    let alarm = template.properties("JobsLateAlarm");
    // The age is told when an invocation begins; while all of them work none may begin for as long as a job takes.
    assert_eq!(alarm["Period"], JOB_TIMEOUT_SECS);
    assert_eq!(alarm["EvaluationPeriods"], 1);
    assert_eq!(alarm["Threshold"], 2 * JOB_TIMEOUT_SECS * 1000);
}

/// The metric that a filter makes.
fn made_by(filter: &Value) -> &Value {
    &filter["MetricTransformations"][0]
}

/// One of the queries of the alarm on spending.
fn query<'a>(template: &'a Template, id: &str) -> &'a Value {
    let queries = template.properties("SpendAlarm")["Metrics"].as_array().unwrap();
    queries.iter().find(|query| query["Id"] == id).unwrap()
}
