//! Event patterns, as Lambda's `FilterCriteria` has them.
//!
//! An object in a pattern is an object in the record, and all of its members must match; an array holds what a value may be. Arrays in
//! a record are looked into: one matching element is enough. Supported is what Lambda documents, no more of EventBridge's.
//!
//! - <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
//! - <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html> promises filters on `dynamodb` only, while AWS's own
//!   examples filter on `eventName` too. Here the whole record can be filtered on.
//! - <https://github.com/aws/event-ruler>, AWS's implementation, for what the pages leave open.

mod rule;

use serde_json::{Map, Value};

use rule::Rule;

/// A pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// A pattern is no object, or an object in it is empty.
    #[error("{0} in an event pattern is not an object with members")]
    NotAnObject(String),
    /// A member is no object and no array, or an array is empty.
    #[error("{0} in an event pattern is neither an object nor an array with values")]
    NotARule(String),
    /// An operator that Lambda does not document, or more than one in an object.
    #[error("{path} in an event pattern has an operator that is not known: {operator}")]
    UnknownOperator {
        /// Where: `dynamodb.NewImage.status.S`.
        path: String,
        /// The operator.
        operator: String,
    },
    /// An operator's operand is of the wrong form.
    #[error("{path} in an event pattern: {expected}")]
    Operand {
        /// Where: `dynamodb.NewImage.status.S`.
        path: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// The patterns of a mapping.
pub(super) struct Filters(Vec<Pattern>);

impl Filters {
    /// Reads patterns.
    ///
    /// # Errors
    /// One of them is none.
    pub(super) fn new(patterns: &[Value]) -> Result<Self, PatternError> {
        let patterns = patterns.iter().map(|pattern| Pattern::new(pattern, ""));
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Whether any of the patterns matches the record. Without patterns every record matches.
    pub(super) fn matches(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(Some(record)))
    }
}

/// What a value must be.
enum Pattern {
    /// An object with these members.
    All(Vec<(String, Pattern)>),
    /// The same object, matching one of these: `$or`.
    Any(Vec<Pattern>),
    /// A value to which one of these applies.
    Value(Vec<Rule>),
}

impl Pattern {
    fn new(pattern: &Value, path: &str) -> Result<Self, PatternError> {
        let members = pattern.as_object().filter(|members| !members.is_empty());
        let members = members.ok_or_else(|| PatternError::NotAnObject(display(path)))?;
        let member = |(name, value): (&String, &Value)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            Ok((name.clone(), Self::member(name, value, &path)?))
        };
        members
            .iter()
            .map(member)
            .collect::<Result<_, _>>()
            .map(Self::All)
    }

    fn member(name: &str, value: &Value, path: &str) -> Result<Self, PatternError> {
        match value {
            Value::Object(_) => Self::new(value, path),
            // What AWS's implementation takes for an alternative too; anything else is a member of that name.
            Value::Array(objects) if name == "$or" && objects.len() > 1 => {
                let patterns = objects.iter().map(|object| Self::new(object, path));
                patterns.collect::<Result<_, _>>().map(Self::Any)
            }
            Value::Array(values) if !values.is_empty() => {
                let rules = values.iter().map(|value| Rule::new(value, path));
                rules.collect::<Result<_, _>>().map(Self::Value)
            }
            _ => Err(PatternError::NotARule(display(path))),
        }
    }

    /// Whether a value, or its absence, is as it must be.
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::All(_) | Self::Any(_), Some(Value::Array(elements))) => {
                elements.iter().any(|element| self.matches(Some(element)))
            }
            (Self::All(members), value) => {
                let object = value.and_then(Value::as_object);
                members
                    .iter()
                    .all(|(name, pattern)| pattern.matches(pattern.subject(name, value, object)))
            }
            (Self::Any(patterns), value) => patterns.iter().any(|pattern| pattern.matches(value)),
            (Self::Value(rules), value) => rules.iter().any(|rule| rule.applies(value)),
        }
    }

    /// What a member's pattern is held against: the member, or for `$or` the object itself.
    fn subject<'a>(
        &self,
        name: &str,
        value: Option<&'a Value>,
        object: Option<&'a Map<String, Value>>,
    ) -> Option<&'a Value> {
        match self {
            Self::Any(_) => value,
            _ => object?.get(name),
        }
    }
}

fn display(path: &str) -> String {
    if path.is_empty() {
        "what is outermost".to_owned()
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests;
