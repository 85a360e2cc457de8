use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Finding {
    title: String,
}

fn schema() -> ReplySchema {
    let schema = json!({
        "type": "object",
        "required": ["title"],
        "properties": {"title": {"type": "string", "maxLength": 5}, "size": {"type": "integer"}},
        "additionalProperties": false
    });
    ReplySchema::new("finding", schema).unwrap()
}

#[test]
fn an_answer_that_fits_is_read_with_or_without_a_fence() {
    let finding = Finding {
        title: "a".to_owned(),
    };
    for text in [
        r#"{"title":"a"}"#,
        "  {\"title\": \"a\"}\n",
        "```json\n{\"title\":\"a\"}\n```",
        "```\n{\"title\":\"a\"}```",
        "Here it is:\n```json\n{\"title\":\"a\"}\n```\nAnything else?",
    ] {
        assert_eq!(schema().parse::<Finding>(text).as_ref(), Ok(&finding), "{text}");
    }
}

#[test]
fn a_fence_within_a_value_is_left_alone() {
    let value: serde_json::Value = schema_of_anything()
        .parse("{\"code\": \"```rust\\nfn\\n```\"}")
        .unwrap();
    assert_eq!(value["code"], "```rust\nfn\n```");
}

fn schema_of_anything() -> ReplySchema {
    ReplySchema::new("anything", json!({})).unwrap()
}

#[test]
fn every_broken_rule_is_named_by_its_place_and_no_value_is() {
    let violations = schema()
        .parse::<Finding>(r#"{"title":"secret-value","size":"secret-value"}"#)
        .unwrap_err();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(
        violations.iter().any(|v| v.starts_with("/title: ")),
        "{violations:?}"
    );
    assert!(
        violations.iter().any(|v| v.starts_with("/size: ")),
        "{violations:?}"
    );
    assert!(!violations.concat().contains("secret-value"), "{violations:?}");
}

#[test]
fn what_is_not_json_is_told_by_its_place() {
    assert_eq!(
        schema().parse::<Finding>("secret-value").unwrap_err(),
        ["not JSON at line 1, column 1"]
    );
}

#[test]
fn a_type_that_disagrees_with_its_schema_is_an_error_without_values() {
    let violations = schema_of_anything()
        .parse::<Finding>(r#"{"title": {"secret-value": 1}}"#)
        .unwrap_err();
    assert_eq!(violations, ["does not have the expected types"]);
}

#[test]
fn schemas_are_refused_for_bad_names_bad_rules_and_far_references() {
    assert!(matches!(
        ReplySchema::new("two words", json!({})),
        Err(SchemaError::Name { .. })
    ));
    assert!(matches!(
        ReplySchema::new("a".repeat(65), json!({})),
        Err(SchemaError::Name { .. })
    ));
    for bad in [
        json!({"type": "nothing"}),
        json!({"$ref": "https://example.com/schema.json"}),
    ] {
        assert!(matches!(ReplySchema::new("s", bad), Err(SchemaError::Schema(_))));
    }
}
