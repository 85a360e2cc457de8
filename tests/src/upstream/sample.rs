//! The smallest JSON value that fits a schema, as far as schemas of requests go.

use serde_json::{Map, Value, json};

/// A value that fits: required properties only, shortest arrays, first of every choice.
pub(super) fn fitting(schema: &Value) -> Value {
    of(schema, schema)
}

/// A value of another type than the schema asks for.
pub(super) fn unfitting(schema: &Value) -> Value {
    match fitting(schema) {
        Value::Array(_) => json!({"answer": "not what was asked for"}),
        _ => json!(["not what was asked for"]),
    }
}

fn of(schema: &Value, root: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        return of(target.expect("a local $ref that leads somewhere"), root);
    }
    if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return of(first, root);
        }
    }
    match type_of(schema) {
        "object" => object(schema, root),
        "array" => array(schema, root),
        "string" => string(schema),
        "integer" => json!(number(schema).ceil() as i64),
        "number" => json!(number(schema)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    }
}

fn object(schema: &Value, root: &Value) -> Value {
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let members = required.map(|name| (name.to_owned(), of(&schema["properties"][name], root)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn array(schema: &Value, root: &Value) -> Value {
    let length = schema["minItems"].as_u64().unwrap_or(0);
    Value::Array((0..length).map(|_| of(&schema["items"], root)).collect())
}

fn string(schema: &Value) -> Value {
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).expect("a length that fits");
    let most = schema["maxLength"].as_u64().map_or(usize::MAX, |most| {
        usize::try_from(most).expect("a length that fits")
    });
    let words = ["loopback", "model", "says", "something"].iter().cycle();
    let mut text = String::new();
    for word in words {
        if text.len() >= least && !text.is_empty() {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.truncate(most.max(least));
    Value::String(text)
}

fn number(schema: &Value) -> f64 {
    let above = |by: f64| move |limit: f64| limit + by;
    let least = schema["minimum"]
        .as_f64()
        .or_else(|| schema["exclusiveMinimum"].as_f64().map(above(1.0)));
    let most = schema["maximum"]
        .as_f64()
        .or_else(|| schema["exclusiveMaximum"].as_f64().map(above(-1.0)));
    match (least, most) {
        (Some(least), Some(most)) => least.midpoint(most).min(most),
        (Some(least), None) => least,
        (None, Some(most)) => most.min(1.0),
        (None, None) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fitting, unfitting};

    #[test]
    fn fits_what_request_schemas_use_and_unfits_it() {
        let schema = json!({
            "type": "object",
            "required": ["title", "kind", "score", "count", "tags", "nested", "maybe"],
            "properties": {
                "title": {"type": "string", "minLength": 30, "maxLength": 40},
                "kind": {"enum": ["first", "second"]},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "count": {"type": "integer", "exclusiveMinimum": 3},
                "tags": {"type": "array", "minItems": 2, "items": {"type": "string", "maxLength": 4}},
                "nested": {"$ref": "#/$defs/Nested"},
                "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "optional": {"type": "string"}
            },
            "additionalProperties": false,
            "$defs": {"Nested": {"type": "object", "required": ["on"], "properties": {"on": {"type": ["null", "boolean"]}}}}
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&fitting(&schema)), "{}", fitting(&schema));
        assert!(!validator.is_valid(&unfitting(&schema)));
        assert!(fitting(&schema).get("optional").is_none());
    }
}
