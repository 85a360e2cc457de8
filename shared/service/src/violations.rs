//! What a body got wrong, told by rule and place and never by value.

use std::borrow::Cow;

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use lambent_schema::Violation;
use serde_json::Value;

/// A violation may name a field that is not known; this many characters of it.
const LONGEST_NAME: usize = 64;

/// All violations behind one error of the validator. `schema` is the schema that was validated against.
///
/// A schema can give a rule words of its own, as ajv does: `"errorMessage": {"pattern": "…"}`.
pub(crate) fn of(error: &ValidationError<'_>, schema: &Value) -> Vec<Violation> {
    let place = error.instance_path().as_str();
    let at = |pointer: String, detail: Cow<'static, str>, code: &'static str| {
        let detail = own_words(error, schema).map_or(detail, |words| Cow::Owned(words.to_owned()));
        Violation {
            pointer,
            detail: detail.into_owned(),
            code: code.into(),
        }
    };
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![at(below(place, name), "Required, and missing".into(), "missing")]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| at(below(place, name), "Not a known field".into(), "unknown_field"))
            .collect(),
        kind => {
            let (detail, code) = rule(kind, error, schema);
            vec![at(place.to_owned(), detail, code)]
        }
    }
}

/// The rule that was broken, in words and as a code.
fn rule(kind: &Kind, error: &ValidationError<'_>, schema: &Value) -> (Cow<'static, str>, &'static str) {
    match kind {
        Kind::MinLength { limit } => (
            format!("Must have at least {limit} characters").into(),
            "too_short",
        ),
        Kind::MaxLength { limit } => (format!("Must have at most {limit} characters").into(), "too_long"),
        Kind::Minimum { limit } => (format!("Must be at least {limit}").into(), "too_small"),
        Kind::Maximum { limit } => (format!("Must be at most {limit}").into(), "too_large"),
        Kind::ExclusiveMinimum { limit } => (format!("Must be over {limit}").into(), "too_small"),
        Kind::ExclusiveMaximum { limit } => (format!("Must be under {limit}").into(), "too_large"),
        Kind::MinItems { limit } => (format!("Must have at least {limit} entries").into(), "too_few"),
        Kind::MaxItems { limit } => (format!("Must have at most {limit} entries").into(), "too_many"),
        Kind::Pattern { .. } => ("Must have another form".into(), "wrong_form"),
        Kind::Enum { options } => (one_of(options.as_array().into_iter().flatten()), "not_one_of"),
        Kind::Constant { expected_value } => (one_of(std::iter::once(expected_value.as_ref())), "not_one_of"),
        Kind::OneOfNotValid { .. } => match choices(error, schema) {
            Some(options) => (one_of(options.into_iter()), "not_one_of"),
            None => ("Must have one of the forms in the schema".into(), "wrong_form"),
        },
        Kind::Type { kind } => (format!("Must be {}", type_name(kind)).into(), "wrong_type"),
        // `masked` keeps the value out.
        _ => (error.masked_with("The value").to_string().into(), "invalid"),
    }
}

fn type_name(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => format!("of type {name}"),
        TypeKind::Multiple(names) => {
            format!(
                "of type {}",
                names
                    .iter()
                    .map(|name| name.to_string())
                    .collect::<Vec<_>>()
                    .join(" or ")
            )
        }
    }
}

fn one_of<'a>(options: impl Iterator<Item = &'a Value>) -> Cow<'static, str> {
    let names: Vec<String> = options
        .map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned))
        .collect();
    format!("Must be one of: {}", names.join(", ")).into()
}

/// The constants that a `oneOf` chooses from: how schemars writes an enum whose variants are documented.
fn choices<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<Vec<&'a Value>> {
    let options = schema.pointer(error.schema_path().as_str())?.as_array()?;
    options.iter().map(|option| option.get("const")).collect()
}

/// The words that the schema has for this rule.
fn own_words<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<&'a str> {
    let (parent, keyword) = error.schema_path().as_str().rsplit_once('/')?;
    schema
        .pointer(parent)?
        .get("errorMessage")?
        .get(keyword)?
        .as_str()
}

/// The pointer to a field of the object at `place`.
fn below(place: &str, name: &str) -> String {
    let short: String = name.chars().take(LONGEST_NAME).collect();
    format!("{place}/{}", short.replace('~', "~0").replace('/', "~1"))
}
