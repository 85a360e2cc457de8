//! The expressions of an `UpdateItem`, with the names and values that they use and no others, which DynamoDB would refuse.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An update and its condition, being written.
#[derive(Debug, Default)]
pub(crate) struct Expression {
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
}

impl Expression {
    /// An attribute as expressions write it. Always by a stand-in, since many words are DynamoDB's own.
    pub(crate) fn name(&mut self, attribute: &str) -> String {
        let stand_in = format!("#{}", attribute.replace(['-', '.'], "_"));
        self.names.insert(stand_in.clone(), attribute.to_owned());
        stand_in
    }

    /// A value as expressions write it.
    pub(crate) fn value(&mut self, name: &str, value: AttributeValue) -> String {
        let stand_in = format!(":{name}");
        self.values.insert(stand_in.clone(), value);
        stand_in
    }

    /// A number as expressions write it.
    pub(crate) fn number(&mut self, name: &str, number: impl ToString) -> String {
        self.value(name, AttributeValue::N(number.to_string()))
    }

    /// A text as expressions write it.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> String {
        self.value(name, AttributeValue::S(text.to_owned()))
    }

    pub(crate) fn set_text(&mut self, attribute: &str, text: &str) {
        let (name, value) = (self.name(attribute), self.text(attribute, text));
        self.set(name, value);
    }

    pub(crate) fn set_number(&mut self, attribute: &str, number: impl ToString) {
        let (name, value) = (self.name(attribute), self.number(attribute, number));
        self.set(name, value);
    }

    pub(crate) fn forget(&mut self, attributes: &[&str]) {
        for attribute in attributes {
            let name = self.name(attribute);
            self.remove(name);
        }
    }

    /// A comparison with one of an attribute's few values.
    pub(crate) fn is(&mut self, attribute: &str, value: &str) -> String {
        let (name, value) = (self.name(attribute), self.text(&format!("is_{value}"), value));
        format!("{name} = {value}")
    }

    pub(crate) fn set(&mut self, path: impl AsRef<str>, value: impl AsRef<str>) {
        self.set.push(format!("{} = {}", path.as_ref(), value.as_ref()));
    }

    pub(crate) fn remove(&mut self, path: impl Into<String>) {
        self.remove.push(path.into());
    }

    pub(crate) fn require(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    pub(crate) fn update(&self) -> String {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        clause("SET", &self.set) + &clause("REMOVE", &self.remove)
    }

    pub(crate) fn condition(&self) -> String {
        self.conditions.join(" AND ")
    }
}
