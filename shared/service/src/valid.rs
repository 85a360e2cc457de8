//! `Valid<T>`: a JSON body that satisfies its type's schema, or an answer that says all that is wrong with it.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use jsonschema::{Draft, PatternOptions, Validator};
use lambent_schema::{MAX_BODY_BYTES, Problem, ProblemCode, RequestBody, Violation};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Failure, numbers, violations};

/// A body that has been read, parsed and validated. A handler that takes one never sees a bad body.
///
/// # Errors
/// 415 if the body is not declared as JSON, 413 if it is over [`MAX_BODY_BYTES`], 400 if it is not JSON, 422 with every
/// violation at once if it breaks rules of `T`'s schema or of [`RequestBody::check`].
#[derive(Debug, Clone, Copy)]
pub struct Valid<T>(pub T);

impl<T: RequestBody, S: Sync> FromRequest<S> for Valid<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let body = read_json(request).await?;
        parse(&body).map(Self)
    }
}

/// The bytes of a body that is declared as JSON.
pub(crate) async fn read_json(request: Request<Body>) -> Result<Bytes, Failure> {
    if !declares_json(request.headers()) {
        let detail = "The body must be JSON, declared as `content-type: application/json`.";
        return Err(refuse(ProblemCode::UnsupportedMediaType, detail));
    }
    read(request, MAX_BODY_BYTES).await
}

/// Whether the body is declared as JSON: `application/json` or any `application/…+json`.
fn declares_json(headers: &HeaderMap) -> bool {
    let declared = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = declared
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// Reads a body whole, if it is not longer than this.
pub(crate) async fn read(request: Request<Body>, max_bytes: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        refuse(
            ProblemCode::PayloadTooLarge,
            format!("The body may have at most {max_bytes} bytes."),
        )
    };
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > max_bytes) {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(refuse(ProblemCode::InvalidJson, "The body broke off.")),
    }
}

fn refuse(code: ProblemCode, detail: impl Into<String>) -> Failure {
    Failure::new(Problem::new(code, detail))
}

/// The body as a `T`, or the problem with it.
///
/// # Errors
/// 400 if it is not JSON, 422 with every violation at once if it breaks rules.
pub fn parse<T: RequestBody>(body: &[u8]) -> Result<T, Failure> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| match numbers::violation(body, &error) {
            Some(violation) => Failure::new(Problem::invalid(vec![violation])),
            None => refuse(
                ProblemCode::InvalidJson,
                format!("The body is not JSON: {error}."),
            ),
        })?;
    let body: T = fitting(value).map_err(|violations| Failure::new(Problem::invalid(violations)))?;
    match body.check() {
        broken if broken.is_empty() => Ok(body),
        broken => Err(Failure::new(Problem::invalid(broken))),
    }
}

/// The value as a `T`, or every rule of its schema that it breaks.
pub(crate) fn fitting<T: DeserializeOwned + JsonSchema + 'static>(value: Value) -> Result<T, Vec<Violation>> {
    let schema = CompiledSchema::of::<T>();
    let mut violations: Vec<Violation> = schema
        .validator
        .iter_errors(&value)
        .flat_map(|error| violations::of(&error, &schema.schema))
        .collect();
    if !violations.is_empty() {
        violations.sort();
        violations.dedup();
        return Err(violations);
    }
    serde_json::from_value(with_integers(value)).map_err(|_| {
        // The schema and the type disagree. What serde says may quote the value, so it is not passed on.
        let detail = "Does not fit, though no single rule says so".to_owned();
        vec![Violation {
            pointer: String::new(),
            detail,
            code: "invalid".into(),
        }]
    })
}

/// The value with `5.0` as `5`: an integer to JSON Schema, not to serde.
fn with_integers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "only whole numbers within i64's exact range"
            )]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(entries) => entries.into_iter().map(with_integers).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, with_integers(value)))
            .collect(),
        other => other,
    }
}

/// A type's schema, and the validator compiled from it.
struct CompiledSchema {
    schema: Value,
    validator: Validator,
}

impl CompiledSchema {
    /// The one of `T`: compiled at its first use, kept as long as the process lives.
    fn of<T: JsonSchema + 'static>() -> &'static Self {
        static COMPILED: Mutex<Option<HashMap<TypeId, &'static CompiledSchema>>> = Mutex::new(None);
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        compiled
            .get_or_insert_default()
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::leak(Box::new(Self::compile::<T>())))
    }

    fn compile<T: JsonSchema>() -> Self {
        // As draft 7, whose meta-schema is one document: 2020-12's, eight that refer to each other, take a cold function 3 ms more.
        let settings = SchemaSettings::draft07();
        let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        // `regex` matches in linear time, whatever the caller sends.
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema);
        #[expect(
            clippy::expect_used,
            reason = "schemars writes valid schemas, and the contract's tests compile each one"
        )]
        Self {
            validator: validator.expect("the schema of a request body compiles"),
            schema,
        }
    }
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::analysis::AnalysisRequest;
    use serde_json::json;

    use super::*;

    fn problem(body: &[u8]) -> Problem {
        parse::<AnalysisRequest>(body).unwrap_err().problem().clone()
    }

    /// The violations of a body as `(pointer, code)`.
    fn violations(body: &Value) -> Vec<(String, String)> {
        let problem = problem(body.to_string().as_bytes());
        assert_eq!(problem.status, 422);
        problem
            .errors
            .into_iter()
            .map(|v| (v.pointer, v.code.into_owned()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
            .collect()
    }

    #[test]
    fn every_violation_is_told_at_once_with_its_pointer() {
        let body = json!({"text": "short", "analysis_type": "x", "max_findings": 0, "a/b": 1});
        let expected = [
            ("/analysis_type", "not_one_of"),
            ("/a~1b", "unknown_field"),
            ("/max_findings", "too_small"),
            ("/text", "too_short"),
            ("/text", "wrong_form"),
        ];
        assert_eq!(violations(&body), pairs(&expected));
    }

    #[test]
    fn a_missing_field_is_told_beside_the_others() {
        let found = violations(&json!({"text": 7, "max_findings": 51}));
        assert_eq!(
            found,
            pairs(&[
                ("/analysis_type", "missing"),
                ("/max_findings", "too_large"),
                ("/text", "wrong_type")
            ])
        );
    }

    #[test]
    fn what_is_allowed_is_said_and_what_was_sent_is_not() {
        let body =
            json!({"text": "hunter2 is the password", "analysis_type": "hunter2", "max_findings": "hunter2"});
        let problem = problem(body.to_string().as_bytes());
        let text = serde_json::to_string(&problem).unwrap();
        assert!(
            text.contains("Must be one of: summary, detailed, entities"),
            "{text}"
        );
        assert!(text.contains("Must be of type integer"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn ten_characters_that_are_mostly_space_are_not_meaningful() {
        let body = json!({"text": "          nine char          ", "analysis_type": "summary"});
        let problem = problem(body.to_string().as_bytes());
        assert_eq!(problem.errors.len(), 1);
        assert_eq!(problem.errors[0].detail, "Text must contain meaningful content");
        assert_eq!(problem.errors[0].pointer, "/text");
    }

    #[test]
    fn a_length_is_counted_in_characters_not_bytes() {
        let text = |n: usize| json!({"text": "é".repeat(n), "analysis_type": "summary"}).to_string();
        assert!(parse::<AnalysisRequest>(text(50_000).as_bytes()).is_ok());
        assert_eq!(problem(text(50_001).as_bytes()).errors[0].code, "too_long");
        assert!(parse::<AnalysisRequest>(text(10).as_bytes()).is_ok());
    }

    #[test]
    fn a_whole_float_is_an_integer() {
        let body = br#"{"text": "eleven chars", "analysis_type": "summary", "max_findings": 5.0}"#;
        assert_eq!(parse::<AnalysisRequest>(body).unwrap().max_findings, 5);
    }

    #[test]
    fn what_is_not_json_is_a_400_that_says_where() {
        for body in [&b"{"[..], b"", b"{\"text\": }", b"\xff", &b"[".repeat(200_000)] {
            let problem = problem(body);
            assert_eq!((problem.status, problem.code.as_ref()), (400, "invalid_json"));
            assert!(problem.detail.contains("line 1"), "{}", problem.detail);
        }
    }

    #[test]
    fn only_json_media_types_are_json() {
        let declared = |value: &str| {
            declares_json(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                value.parse().unwrap(),
            )]))
        };
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
        ] {
            assert!(declared(json), "{json}");
        }
        for other in [
            "text/plain",
            "text/json",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert!(!declared(other), "{other}");
        }
        assert!(!declares_json(&HeaderMap::new()));
    }
}
