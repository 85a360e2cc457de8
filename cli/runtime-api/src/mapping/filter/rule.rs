//! What a value in a record may be: one element of an array in a pattern.

use serde_json::Value;

use super::PatternError;

/// What a value may be.
pub(super) enum Rule {
    /// This string, number, boolean or null. Numbers are compared as they are written: 300 is not 300.0.
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    /// There, but none of these.
    AnythingBut(Vec<Value>),
    /// A value is there, or none is. An object is no value.
    Exists(bool),
    /// A JSON number with which all of these hold. DynamoDB's numbers are strings, so this is for `SizeBytes` and the like.
    Numeric(Vec<(Comparison, f64)>),
}

const TEXT: &str = "prefix, suffix and equals-ignore-case are given a string";
const VALUES: &str = "anything-but is given strings only, or numbers only";
const BOOLEAN: &str = "exists is given true or false";
const COMPARISONS: &str = r#"numeric is given one or two comparisons: [">", 10, "<=", 20]"#;

#[derive(Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Rule {
    pub(super) fn new(rule: &Value, path: &str) -> Result<Self, PatternError> {
        let operators = match rule {
            Value::Object(operators) => operators,
            Value::Array(_) => return Err(PatternError::NotARule(path.to_owned())),
            value => return Ok(Self::Equals(value.clone())),
        };
        let mut members = operators.iter();
        match (members.next(), members.next()) {
            (Some((operator, operand)), None) => Self::of(operator, operand, path),
            _ => Err(PatternError::UnknownOperator {
                path: path.to_owned(),
                operator: rule.to_string(),
            }),
        }
    }

    fn of(operator: &str, operand: &Value, path: &str) -> Result<Self, PatternError> {
        let text = || operand.as_str().map(str::to_owned);
        let (rule, expected) = match operator {
            "prefix" => (text().map(Self::Prefix), TEXT),
            "suffix" => (text().map(Self::Suffix), TEXT),
            "equals-ignore-case" => (text().map(Self::EqualsIgnoreCase), TEXT),
            "anything-but" => (excluded(operand).map(Self::AnythingBut), VALUES),
            "exists" => (operand.as_bool().map(Self::Exists), BOOLEAN),
            "numeric" => (comparisons(operand).map(Self::Numeric), COMPARISONS),
            _ => {
                return Err(PatternError::UnknownOperator {
                    path: path.to_owned(),
                    operator: operator.to_owned(),
                });
            }
        };
        rule.ok_or_else(|| PatternError::Operand {
            path: path.to_owned(),
            expected,
        })
    }

    /// Whether a value, or its absence, is as it must be.
    pub(super) fn applies(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(expected), value) => *expected == value.is_some_and(has_leaf),
            (_, None | Some(Value::Object(_))) => false,
            (_, Some(Value::Array(elements))) => elements.iter().any(|element| self.applies(Some(element))),
            (Self::Equals(expected), Some(value)) => expected == value,
            (Self::AnythingBut(excluded), Some(value)) => !excluded.contains(value),
            (Self::EqualsIgnoreCase(expected), Some(Value::String(text))) => {
                text.to_lowercase() == expected.to_lowercase()
            }
            (Self::Prefix(prefix), Some(Value::String(text))) => text.starts_with(prefix),
            (Self::Suffix(suffix), Some(Value::String(text))) => text.ends_with(suffix),
            (Self::Numeric(comparisons), Some(Value::Number(number))) => {
                number.as_f64().is_some_and(|number| {
                    comparisons
                        .iter()
                        .all(|(comparison, other)| comparison.holds(number, *other))
                })
            }
            _ => false,
        }
    }
}

/// Whether there is a value that is not an object here, or in an array here.
fn has_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(elements) => elements.iter().any(has_leaf),
        _ => true,
    }
}

fn excluded(operand: &Value) -> Option<Vec<Value>> {
    let values = match operand {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    let is_uniform = values.iter().all(Value::is_string) || values.iter().all(Value::is_number);
    (is_uniform && !values.is_empty()).then_some(values)
}

fn comparisons(operand: &Value) -> Option<Vec<(Comparison, f64)>> {
    let terms = operand.as_array()?;
    let comparison =
        |term: &[Value]| Some((Comparison::new(term.first()?.as_str()?)?, term.get(1)?.as_f64()?));
    let comparisons: Vec<_> = terms.chunks(2).map(comparison).collect::<Option<_>>()?;
    // A range goes from below to above, and nothing else has two comparisons.
    match comparisons.as_slice() {
        [_]
        | [
            (Comparison::More | Comparison::AtLeast, _),
            (Comparison::Less | Comparison::AtMost, _),
        ] => Some(comparisons),
        _ => None,
    }
}

impl Comparison {
    fn new(operator: &str) -> Option<Self> {
        Some(match operator {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::More,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    #[expect(clippy::float_cmp, reason = "a pattern's number is meant exactly")]
    fn holds(self, number: f64, other: f64) -> bool {
        match self {
            Self::Equal => number == other,
            Self::Less => number < other,
            Self::AtMost => number <= other,
            Self::More => number > other,
            Self::AtLeast => number >= other,
        }
    }
}
