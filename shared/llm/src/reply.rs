//! The form an answer must have: sent to the model, and checked when the answer is here.

use jsonschema::{Draft, PatternOptions, Validator};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// More broken rules than these are not told to the model: it writes the answer anew anyway.
const MAX_VIOLATIONS: usize = 8;

/// A JSON Schema for answers, compiled once.
#[derive(Debug)]
pub struct ReplySchema {
    name: String,
    schema: Value,
    validator: Validator,
}

/// The schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The name is not one that providers accept.
    #[error("{name:?} is not a schema name: 1 to 64 letters, digits, `_` and `-`")]
    Name {
        /// The name given.
        name: String,
    },
    /// The schema does not compile.
    #[error("the reply schema does not compile")]
    Schema(#[source] Box<jsonschema::ValidationError<'static>>),
}

impl ReplySchema {
    /// Compiles this schema, read as draft 7: no keyword beside a `$ref` counts. The name goes to the provider: letters, digits, `_` and `-`, at most 64.
    ///
    /// # Errors
    /// The name or the schema is not valid, or the schema refers outside of itself.
    pub fn new(name: impl Into<String>, schema: Value) -> Result<Self, SchemaError> {
        let name = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(SchemaError::Name { name });
        }
        // As draft 7, whose meta-schema a cold function compiles in a third of the time of the current one's.
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| SchemaError::Schema(Box::new(error)))?;
        Ok(Self {
            name,
            schema,
            validator,
        })
    }

    /// The schema's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema itself.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The answer as `T`, if it is JSON (a code fence around it is taken off) and fits the schema.
    ///
    /// # Errors
    /// What is wrong with it, one line a rule: a JSON pointer and the rule, without values of the answer.
    pub fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, Vec<String>> {
        let value: Value = serde_json::from_str(strip_code_fence(text)).map_err(|error| {
            vec![format!(
                "not JSON at line {}, column {}",
                error.line(),
                error.column()
            )]
        })?;
        let violations: Vec<String> = self
            .validator
            .iter_errors(&value)
            .take(MAX_VIOLATIONS)
            .map(|error| match error.instance_path().as_str() {
                "" => format!("(whole value): {}", error.masked()),
                pointer => format!("{pointer}: {}", error.masked()),
            })
            .collect();
        if !violations.is_empty() {
            return Err(violations);
        }
        // Only if schema and type disagree; serde's own message could repeat the value.
        T::deserialize(value).map_err(|_| vec!["does not have the expected types".to_owned()])
    }
}

/// The text within a Markdown code fence, if there is one, else the text; in both cases trimmed.
///
/// Models put JSON into fences although told not to, sometimes with a sentence before it.
#[must_use]
pub fn strip_code_fence(text: &str) -> &str {
    let text = text.trim();
    // A JSON value that holds a fence in a string is not a fenced value.
    if text.starts_with(['{', '[', '"']) {
        return text;
    }
    let Some((_, fenced)) = text.split_once("```") else {
        return text;
    };
    let Some((_language, body)) = fenced.split_once('\n') else {
        return text;
    };
    body.rsplit_once("```").map_or(body, |(body, _)| body).trim()
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
