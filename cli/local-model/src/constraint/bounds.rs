//! Narrows a JSON Schema so that a small model can satisfy it in a few hundred tokens.
//!
//! A weak model rarely ends a string or a list by itself, so every string, list, map and number gets a limit, free
//! values get a small shape, and objects keep to the properties they name. Whatever is valid against the narrowed
//! schema is valid against the given one. Keywords that assert nothing (`format: "int32"`, `x-...`) are dropped;
//! assertions that the grammar engine cannot enforce are left in, for it to refuse.

use serde_json::{Map, Value, json};

/// Characters in a string that has no limit of its own, and the most that is allowed to any.
const STRING_DEFAULT: u64 = 400;
const STRING_MOST: u64 = 4_000;
/// Items in a list, and properties in a map.
const ITEMS_DEFAULT: u64 = 8;
const ITEMS_MOST: u64 = 50;
/// Numbers between these are written without an exponent, and are exact as JSON.
const NUMBER_MOST: i64 = 1_000_000_000_000_000;
/// Levels of nesting in a value whose shape is free.
const FREE_DEPTH: u32 = 2;

/// Keywords whose value is a schema, a list of schemas, or schemas by name.
const NESTED: [&str; 3] = ["items", "additionalProperties", "additionalItems"];
const NESTED_LISTS: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
const NESTED_MAPS: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];

/// Keywords that restrict a value, with those that give schemas their names. Everything else is annotation.
const KEPT: [&str; 37] = [
    "$ref",
    "$dynamicRef",
    "const",
    "enum",
    "type",
    "minItems",
    "maxItems",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "not",
    "if",
    "then",
    "else",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$schema",
    "$id",
    "id",
    "$anchor",
];
/// Formats that the grammar engine knows.
const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "uri",
];

/// The narrowed schema, with the grammar engine's options in it.
pub(crate) fn bounded(schema: &Value) -> Value {
    // Closing an object that is one part of an intersection would forbid what the other part requires.
    let close = !mentions(schema, "allOf");
    let mut schema = narrow(schema, close);
    if let Value::Object(root) = &mut schema {
        // No `\u`: the escape would let a small model wander through control characters.
        let options = json!({ "whitespace_flexible": false, "json_allowed_escapes": "nrbtf\\\"" });
        root.insert("x-guidance".to_owned(), options);
    }
    schema
}

/// Any JSON object, for callers that only ask for JSON.
pub(crate) fn any_object() -> Value {
    json!({ "type": "object" })
}

fn narrow(schema: &Value, close: bool) -> Value {
    match schema {
        Value::Bool(true) => free_value(FREE_DEPTH),
        Value::Object(given) => narrow_object(given, close),
        other => other.clone(),
    }
}

fn narrow_object(given: &Map<String, Value>, close: bool) -> Value {
    let mut schema = Map::new();
    for (key, value) in given {
        if let Some(value) = narrow_keyword(key, value, close) {
            schema.insert(key.clone(), value);
        }
    }
    if !schema.keys().any(|key| shapes(key)) {
        let mut free = free_value(FREE_DEPTH);
        if let Value::Object(free) = &mut free {
            // A schema of annotations and definitions only: keep the definitions.
            free.extend(schema);
        }
        return free;
    }
    if !["type", "$ref", "enum", "const", "anyOf", "oneOf", "allOf"]
        .iter()
        .any(|key| schema.contains_key(*key))
        && let Some(implied) = implied_type(&schema)
    {
        schema.insert("type".to_owned(), json!(implied));
    }
    if !schema.contains_key("enum") && !schema.contains_key("const") {
        limit_string(&mut schema);
        limit_number(&mut schema);
        limit_array(&mut schema);
        limit_object(&mut schema, close);
    }
    Value::Object(schema)
}

/// A keyword's narrowed value, or `None` if it restricts nothing.
fn narrow_keyword(key: &str, value: &Value, close: bool) -> Option<Value> {
    match value {
        Value::Array(parts) if NESTED_LISTS.contains(&key) || key == "items" => {
            Some(parts.iter().map(|part| narrow(part, close)).collect())
        }
        Value::Object(parts) if NESTED_MAPS.contains(&key) => Some(Value::Object(
            parts
                .iter()
                .map(|(name, part)| (name.clone(), narrow(part, close)))
                .collect(),
        )),
        _ if NESTED.contains(&key) => Some(narrow(value, close)),
        Value::String(format) if key == "format" && !FORMATS.contains(&format.as_str()) => None,
        Value::Bool(false) if key == "uniqueItems" => None,
        _ if KEPT.contains(&key) || NESTED_LISTS.contains(&key) || NESTED_MAPS.contains(&key) => {
            Some(value.clone())
        }
        _ => None,
    }
}

/// Whether a keyword says anything about the value itself.
fn shapes(key: &str) -> bool {
    let annotations = ["$schema", "$id", "id", "$anchor", "$defs", "definitions"];
    !annotations.contains(&key)
}

fn implied_type(schema: &Map<String, Value>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().any(|key| schema.contains_key(*key));
    if has(&[
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "minProperties",
        "maxProperties",
    ]) {
        Some("object")
    } else if has(&["items", "prefixItems", "minItems", "maxItems"]) {
        Some("array")
    } else if has(&["minLength", "maxLength", "pattern", "format"]) {
        Some("string")
    } else if has(&[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ]) {
        Some("number")
    } else {
        None
    }
}

fn is(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// Sets an upper limit: the given one if it is not above `most`, `default` if there is none, and never below the lower.
fn limit(schema: &mut Map<String, Value>, (lower, upper): (&str, &str), default: u64, most: u64) {
    let least = schema.get(lower).and_then(Value::as_u64).unwrap_or(0);
    let limit = schema
        .get(upper)
        .and_then(Value::as_u64)
        .map_or(default, |given| given.min(most));
    // A contradiction in the given schema stays one.
    let contradicts = schema
        .get(upper)
        .and_then(Value::as_u64)
        .is_some_and(|given| given < least);
    if !contradicts {
        schema.insert(upper.to_owned(), json!(limit.max(least)));
    }
}

fn limit_string(schema: &mut Map<String, Value>) {
    // A pattern or a format has its own ends; intersecting it with a length is costly.
    if is(schema, "string") && !schema.contains_key("pattern") && !schema.contains_key("format") {
        limit(schema, ("minLength", "maxLength"), STRING_DEFAULT, STRING_MOST);
    }
}

fn limit_number(schema: &mut Map<String, Value>) {
    if !is(schema, "number") && !is(schema, "integer") {
        return;
    }
    let given = |keys: [&str; 2]| keys.iter().filter_map(|key| schema.get(*key)?.as_f64()).next();
    let lower = given(["minimum", "exclusiveMinimum"]);
    let upper = given(["maximum", "exclusiveMaximum"]);
    let most = NUMBER_MOST as f64;
    if lower.is_none() && upper.is_none_or(|upper| upper > -most) {
        schema.insert("minimum".to_owned(), json!(-NUMBER_MOST));
    }
    if upper.is_none() && lower.is_none_or(|lower| lower < most) {
        schema.insert("maximum".to_owned(), json!(NUMBER_MOST));
    }
}

fn limit_array(schema: &mut Map<String, Value>) {
    if !is(schema, "array") {
        return;
    }
    let fixed = schema
        .get("prefixItems")
        .and_then(Value::as_array)
        .map_or(0, Vec::len) as u64;
    limit(
        schema,
        ("minItems", "maxItems"),
        ITEMS_DEFAULT.max(fixed),
        ITEMS_MOST,
    );
    if !schema.contains_key("items") {
        schema.insert("items".to_owned(), free_value(FREE_DEPTH - 1));
    }
}

fn limit_object(schema: &mut Map<String, Value>, close: bool) {
    if !is(schema, "object") {
        return;
    }
    let named = ["properties", "patternProperties"].iter().any(|key| {
        schema
            .get(*key)
            .and_then(Value::as_object)
            .is_some_and(|names| !names.is_empty())
    });
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let properties = schema.get("properties").and_then(Value::as_object);
    let all_named = schema
        .get("required")
        .and_then(Value::as_array)
        .is_none_or(|names| {
            names
                .iter()
                .filter_map(Value::as_str)
                .all(|name| properties.is_some_and(|p| p.contains_key(name)))
        });
    if !schema.contains_key("additionalProperties") {
        let rest = if named && close && all_named {
            json!(false)
        } else {
            free_value(FREE_DEPTH - 1)
        };
        schema.insert("additionalProperties".to_owned(), rest);
    }
    if schema.get("additionalProperties") != Some(&json!(false)) {
        let count = properties_count(schema).max(required as u64);
        limit(
            schema,
            ("minProperties", "maxProperties"),
            ITEMS_DEFAULT.max(count),
            ITEMS_MOST.max(count),
        );
    }
}

fn properties_count(schema: &Map<String, Value>) -> u64 {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .map_or(0, Map::len) as u64
}

/// A value of any type, of limited size and depth.
fn free_value(depth: u32) -> Value {
    let mut types = vec![
        json!({ "type": "string", "maxLength": STRING_DEFAULT }),
        json!({ "type": "number", "minimum": -NUMBER_MOST, "maximum": NUMBER_MOST }),
        json!({ "type": "boolean" }),
        json!({ "type": "null" }),
    ];
    if depth > 0 {
        let inner = free_value(depth - 1);
        types.push(json!({ "type": "array", "items": inner, "maxItems": ITEMS_DEFAULT }));
        types
            .push(json!({ "type": "object", "additionalProperties": inner, "maxProperties": ITEMS_DEFAULT }));
    }
    json!({ "anyOf": types })
}

fn mentions(schema: &Value, keyword: &str) -> bool {
    match schema {
        Value::Object(map) => map.contains_key(keyword) || map.values().any(|value| mentions(value, keyword)),
        Value::Array(list) => list.iter().any(|value| mentions(value, keyword)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(schema: &Value) -> Value {
        let mut schema = bounded(schema);
        schema.as_object_mut().unwrap().remove("x-guidance");
        schema
    }

    #[test]
    fn what_has_no_limit_gets_one() {
        assert_eq!(
            narrowed(&json!({ "type": "string" })),
            json!({ "type": "string", "maxLength": 400 })
        );
        let list = narrowed(&json!({ "type": ["array", "null"], "items": { "type": "boolean" } }));
        assert_eq!(list["maxItems"], 8);
        let number = narrowed(&json!({ "type": "number", "minimum": 0 }));
        assert_eq!(
            (&number["minimum"], &number["maximum"]),
            (&json!(0), &json!(NUMBER_MOST))
        );
    }

    #[test]
    fn given_limits_stay_unless_they_are_out_of_reach() {
        assert_eq!(
            narrowed(&json!({ "type": "string", "maxLength": 600 }))["maxLength"],
            600
        );
        assert_eq!(
            narrowed(&json!({ "type": "string", "maxLength": 50_000 }))["maxLength"],
            4000
        );
        assert_eq!(
            narrowed(&json!({ "type": "string", "minLength": 900 }))["maxLength"],
            900
        );
        assert_eq!(
            narrowed(&json!({ "type": "array", "minItems": 60 }))["maxItems"],
            60
        );
        let contradiction = json!({ "type": "string", "minLength": 5, "maxLength": 1 });
        assert_eq!(narrowed(&contradiction), contradiction);
    }

    #[test]
    fn nested_schemas_and_definitions_are_narrowed_too() {
        let schema = json!({
            "type": "object", "properties": { "a": { "$ref": "#/$defs/A" }, "b": { "anyOf": [{ "type": "string" }, { "type": "null" }] } },
            "$defs": { "A": { "type": "string" } },
        });
        let narrowed = narrowed(&schema);
        assert_eq!(narrowed["$defs"]["A"]["maxLength"], 400);
        assert_eq!(narrowed["properties"]["b"]["anyOf"][0]["maxLength"], 400);
        assert_eq!(narrowed["properties"]["a"], json!({ "$ref": "#/$defs/A" }));
        assert_eq!(narrowed["additionalProperties"], false);
    }

    #[test]
    fn a_part_of_an_intersection_is_not_closed() {
        let part = |name: &str| json!({ "type": "object", "properties": { name: { "type": "null" } } });
        let narrowed = narrowed(&json!({ "allOf": [part("a"), part("b")] }));
        assert_ne!(narrowed["allOf"][0]["additionalProperties"], false);
    }

    #[test]
    fn annotations_go_and_assertions_stay() {
        let schema = json!({ "type": "integer", "format": "uint32", "x-note": 1, "default": 3, "description": "d", "minimum": 0,
            "maximum": 9, "not": { "const": 4 } });
        let expected = json!({ "type": "integer", "minimum": 0, "maximum": 9, "not": { "const": 4 } });
        assert_eq!(narrowed(&schema), expected);
        let date = json!({ "type": "string", "format": "date" });
        assert_eq!(narrowed(&date), date);
    }

    #[test]
    fn a_property_may_be_called_like_a_keyword() {
        let schema = json!({ "type": "object", "properties": { "format": { "type": "string" }, "default": { "type": "null" } } });
        let narrowed = narrowed(&schema);
        assert_eq!(narrowed["properties"]["format"]["maxLength"], 400);
        assert_eq!(narrowed["properties"]["default"], json!({ "type": "null" }));
    }

    #[test]
    fn a_free_value_gets_a_shape() {
        assert!(narrowed(&json!({}))["anyOf"].is_array());
        let object = narrowed(&any_object());
        assert_eq!(object["maxProperties"], 8);
        assert!(object["additionalProperties"]["anyOf"].is_array());
    }
}
