use serde_json::json;

use super::*;

fn matches(pattern: Value, record: &Value) -> bool {
    Filters::new(&[pattern]).unwrap().matches(record)
}

/// The record of an item with these attributes.
fn record(image: Value) -> Value {
    json!({
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"pk": {"S": "a"}}, "NewImage": image, "SizeBytes": 42},
    })
}

/// A pattern for the attribute `status`, a string.
fn status(rules: Value) -> Value {
    json!({"dynamodb": {"NewImage": {"status": {"S": rules}}}})
}

#[test]
fn any_pattern_is_enough_and_none_matches_everything() {
    let filters = Filters::new(&[status(json!(["queued"])), json!({"eventName": ["REMOVE"]})]).unwrap();
    assert!(filters.matches(&record(json!({"status": {"S": "queued"}}))));
    assert!(filters.matches(&json!({"eventName": "REMOVE"})));
    assert!(!filters.matches(&record(json!({"status": {"S": "done"}}))));
    assert!(Filters::new(&[]).unwrap().matches(&json!({})));
}

#[test]
fn all_members_must_match() {
    let pattern = json!({
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"status": {"S": ["queued"]}, "kind": {"S": ["a", "b"]}}},
    });
    for (image, expected) in [
        (json!({"status": {"S": "queued"}, "kind": {"S": "b"}}), true),
        (json!({"status": {"S": "queued"}, "kind": {"S": "c"}}), false),
        (json!({"status": {"S": "queued"}}), false),
    ] {
        assert_eq!(
            matches(pattern.clone(), &record(image.clone())),
            expected,
            "{image}"
        );
    }
}

#[test]
fn values_are_equal_as_they_are_written() {
    for (rule, value, expected) in [
        (json!([""]), json!(""), true),
        (json!(["a"]), json!("A"), false),
        (json!([null]), json!(null), true),
        (json!([true]), json!(true), true),
        (json!([300]), json!(300), true),
        (json!([300]), json!(300.0), false),
        (json!([300]), json!("300"), false),
        (json!([false, "x"]), json!("x"), true),
    ] {
        assert_eq!(
            matches(json!({"v": rule}), &json!({"v": value})),
            expected,
            "{rule} {value}"
        );
        assert!(!matches(json!({"v": rule}), &json!({})), "{rule}");
    }
}

#[test]
fn strings_match_by_their_ends_and_without_case() {
    for (rule, expected) in [
        (json!({"prefix": "que"}), true),
        (json!({"prefix": "Que"}), false),
        (json!({"suffix": "ued"}), true),
        (json!({"suffix": "que"}), false),
        (json!({"equals-ignore-case": "QUEUED"}), true),
        (json!({"equals-ignore-case": "queue"}), false),
    ] {
        let queued = record(json!({"status": {"S": "queued"}}));
        assert_eq!(matches(status(json!([rule])), &queued), expected, "{rule}");
        assert!(!matches(status(json!([rule])), &record(json!({}))), "{rule}");
        assert!(!matches(json!({"v": [rule]}), &json!({"v": 1})), "{rule}");
    }
}

#[test]
fn anything_but_needs_a_value() {
    for (rule, expected) in [
        (json!({"anything-but": ["done", "failed"]}), true),
        (json!({"anything-but": "queued"}), false),
        (json!({"anything-but": [1, 2]}), true),
    ] {
        let queued = record(json!({"status": {"S": "queued"}}));
        assert_eq!(matches(status(json!([rule])), &queued), expected, "{rule}");
        assert!(!matches(status(json!([rule])), &record(json!({}))), "{rule}");
    }
}

#[test]
fn exists_is_for_leaves() {
    let queued = record(json!({"status": {"S": "queued"}}));
    assert!(matches(status(json!([{"exists": true}])), &queued));
    assert!(!matches(status(json!([{"exists": false}])), &queued));
    // Also where what is around it is not there.
    let removed = json!({"eventName": "REMOVE", "dynamodb": {}});
    assert!(matches(status(json!([{"exists": false}])), &removed));
    assert!(!matches(status(json!([{"exists": true}])), &removed));
    // An image is an object, not a leaf.
    let image = |exists: bool| json!({"dynamodb": {"NewImage": [{"exists": exists}]}});
    assert!(!matches(image(true), &queued));
    assert!(matches(image(false), &queued));
}

#[test]
fn numeric_is_for_json_numbers() {
    let size = |terms: Value| json!({"dynamodb": {"SizeBytes": [{"numeric": terms}]}});
    let record = record(json!({"count": {"N": "42"}}));
    for (terms, expected) in [
        (json!(["=", 42]), true),
        (json!(["=", 42.0]), true),
        (json!(["<", 42]), false),
        (json!(["<=", 42]), true),
        (json!([">", 41.5]), true),
        (json!([">=", 43]), false),
        (json!([">", 10, "<=", 42]), true),
        (json!([">=", 10, "<", 42]), false),
    ] {
        assert_eq!(matches(size(terms.clone()), &record), expected, "{terms}");
    }
    let count = json!({"dynamodb": {"NewImage": {"count": {"N": [{"numeric": ["=", 42]}]}}}});
    assert!(!matches(count, &record));
}

#[test]
fn arrays_are_looked_into() {
    let labels = record(json!({"labels": {"L": [{"S": "red"}, {"N": "7"}]}, "set": {"SS": ["a", "b"]}}));
    let list = |rules: Value| json!({"dynamodb": {"NewImage": {"labels": {"L": {"S": rules}}}}});
    assert!(matches(list(json!(["red"])), &labels));
    assert!(matches(list(json!([{"exists": true}])), &labels));
    assert!(!matches(list(json!(["blue"])), &labels));
    assert!(matches(
        json!({"dynamodb": {"NewImage": {"set": {"SS": ["b"]}}}}),
        &labels
    ));
}

#[test]
fn alternatives_are_of_the_same_object() {
    let pattern = json!({"dynamodb": {
        "Keys": {"pk": {"S": ["a"]}},
        "NewImage": {"$or": [{"status": {"S": ["queued"]}}, {"kind": {"S": ["a"]}}]},
    }});
    assert!(matches(
        pattern.clone(),
        &record(json!({"status": {"S": "queued"}}))
    ));
    assert!(matches(pattern.clone(), &record(json!({"kind": {"S": "a"}}))));
    assert!(!matches(pattern, &record(json!({"kind": {"S": "b"}}))));
}

#[test]
fn what_is_no_pattern_is_an_error_that_says_where() {
    for (pattern, message) in [
        (
            json!("text"),
            "what is outermost in an event pattern is not an object with members",
        ),
        (
            json!({}),
            "what is outermost in an event pattern is not an object with members",
        ),
        (
            json!({"a": {}}),
            "a in an event pattern is not an object with members",
        ),
        (
            json!({"a": {"b": "x"}}),
            "a.b in an event pattern is neither an object nor an array with values",
        ),
        (
            json!({"a": []}),
            "a in an event pattern is neither an object nor an array with values",
        ),
        (
            json!({"a": [["x"]]}),
            "a in an event pattern is neither an object nor an array with values",
        ),
        (
            json!({"a": [{"wildcard": "*"}]}),
            "a in an event pattern has an operator that is not known: wildcard",
        ),
        (
            json!({"a": [{"prefix": 1}]}),
            "a in an event pattern: prefix, suffix and equals-ignore-case are given a string",
        ),
        (
            json!({"a": [{"exists": "yes"}]}),
            "a in an event pattern: exists is given true or false",
        ),
    ] {
        let error = Filters::new(std::slice::from_ref(&pattern))
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(message), "{pattern}");
    }
    for pattern in [
        json!({"a": [{}]}),
        json!({"a": [{"prefix": "x", "suffix": "y"}]}),
        json!({"a": [{"anything-but": []}]}),
        json!({"a": [{"anything-but": ["x", 1]}]}),
        json!({"a": [{"anything-but": {"prefix": "x"}}]}),
        json!({"a": [{"numeric": [">"]}]}),
        json!({"a": [{"numeric": ["!", 1]}]}),
        json!({"a": [{"numeric": ["<", 1, ">", 0]}]}),
        json!({"a": [{"numeric": []}]}),
        json!({"$or": [{"a": ["x"]}]}),
    ] {
        assert!(Filters::new(std::slice::from_ref(&pattern)).is_err(), "{pattern}");
    }
}
