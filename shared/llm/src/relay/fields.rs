//! A JSON object whose values are not looked into, so that a few can be read and replaced, and all others stay what they are.

use std::fmt;

use bytes::Bytes;
use lambent_schema::{Problem, ProblemCode, Violation};
use serde::de::{DeserializeOwned, Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of a JSON object, in their order; each value is the bytes that were sent. Of a name that comes twice the last value
/// counts.
#[derive(Debug, Clone)]
pub struct Fields(Vec<(String, Bytes)>);

impl Fields {
    /// Reads an object in one pass.
    ///
    /// # Errors
    /// It is not JSON, or not an object.
    pub fn parse(body: &Bytes) -> Result<Self, NotAnObject> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let fields = reader.deserialize_map(Reading(body));
        let fields = fields.and_then(|fields| reader.end().map(|()| fields));
        // What serde says may quote the body.
        let fields = fields.map_err(|error| NotAnObject {
            line: error.line(),
            column: error.column(),
        });
        Ok(Self(fields?))
    }

    /// A field's value as a `T`; what is wrong with it goes to `broken`: it must be what `expected` says.
    pub fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        expected: &str,
        broken: &mut Vec<Violation>,
    ) -> Option<T> {
        let value = serde_json::from_slice(self.get(name)?);
        if value.is_err() {
            broken.push(Violation::of(name, format!("Must be {expected}"), "wrong_type"));
        }
        value.ok()
    }

    /// That a field is there; else this goes to `broken`.
    pub fn require(&self, name: &str, broken: &mut Vec<Violation>) {
        if self.get(name).is_none() {
            broken.push(Violation::of(name, "Required, and missing", "missing"));
        }
    }

    /// A field's value, as JSON. `null` counts as absent, as it does in OpenAI's protocol.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        (value.as_ref() != b"null").then_some(value)
    }

    /// Replaces a field's value, or adds one.
    pub fn set(&mut self, name: &str, value: impl Into<Bytes>) {
        put(&mut self.0, name, value.into());
    }

    /// Takes a field out, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(field, _)| field != name);
    }

    /// The object as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let length: usize = self
            .0
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        let mut json = Vec::with_capacity(length + 2);
        json.push(b'{');
        for (place, (name, value)) in self.0.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            // A string is JSON whatever it holds.
            let _ = serde_json::to_writer(&mut json, name);
            json.push(b':');
            json.extend_from_slice(value);
        }
        json.push(b'}');
        json
    }
}

/// A body is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object: line {line}, column {column}")]
pub struct NotAnObject {
    line: usize,
    column: usize,
}

impl From<&NotAnObject> for Problem {
    fn from(error: &NotAnObject) -> Self {
        Self::new(ProblemCode::InvalidJson, format!("The body is {error}."))
    }
}

fn put(fields: &mut Vec<(String, Bytes)>, name: &str, value: Bytes) {
    match fields.iter_mut().find(|(field, _)| field == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name.to_owned(), value)),
    }
}

struct Reading<'a>(&'a Bytes);

impl<'de> Visitor<'de> for Reading<'de> {
    type Value = Vec<(String, Bytes)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(12);
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            put(&mut fields, &name, self.0.slice_ref(value.get().as_bytes()));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &'static str) -> Fields {
        Fields::parse(&Bytes::from_static(json.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_not_replaced_stays_byte_for_byte() {
        let mut read = fields(r#" {"model": "a", "x\"y": [1.50, {"b":  2}], "n":null} "#);
        assert_eq!(read.get("n"), None);
        assert_eq!(read.get("model"), Some(&b"\"a\""[..]));
        read.set("model", "\"other\"");
        read.set("stream", "true");
        read.set("gone", "1");
        read.remove("gone");
        let json = String::from_utf8(read.to_json()).unwrap();
        assert_eq!(
            json,
            r#"{"model":"other","x\"y":[1.50, {"b":  2}],"n":null,"stream":true}"#
        );
    }

    #[test]
    fn of_a_name_that_comes_twice_only_the_last_is_passed_on() {
        let read = fields(r#"{"max_tokens": 5, "max_tokens": 500, "max\u005ftokens": 7}"#);
        assert_eq!(read.to_json(), br#"{"max_tokens":7}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in ["[]", "7", "{", "{\"a\": }", "{} x", ""] {
            assert!(
                Fields::parse(&Bytes::from_static(wrong.as_bytes())).is_err(),
                "{wrong}"
            );
        }
    }
}
