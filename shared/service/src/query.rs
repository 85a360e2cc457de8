//! `ValidQuery<T>`: a query that satisfies its type's schema, or an answer that says all that is wrong with it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambent_schema::{Problem, Query};
use serde_json::{Map, Value};

use crate::{Failure, valid::fitting};

/// The parameters of a query, parsed and validated.
///
/// # Errors
/// 422 with every violation at once, if they break rules of `T`'s schema. Of a parameter that comes twice, the last counts.
#[derive(Debug, Clone, Copy)]
pub struct ValidQuery<T>(pub T);

impl<T: Query, S: Sync> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let parameters = parameters(parts.uri.query().unwrap_or_default());
        fitting(parameters)
            .map(Self)
            .map_err(|violations| Failure::new(Problem::invalid_query(violations)))
    }
}

/// A query has no types: what reads as a whole number is one.
fn parameters(query: &str) -> Value {
    let value = |text: &str| match text.parse::<i64>() {
        Ok(number) => Value::from(number),
        Err(_) => Value::from(text),
    };
    let pairs = form_urlencoded::parse(query.as_bytes());
    let fields: Map<String, Value> = pairs
        .map(|(name, text)| (name.into_owned(), value(&text)))
        .collect();
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use lambent_schema::endpoints::jobs::{PageQuery, WaitQuery};

    use super::*;

    fn read<T: Query>(query: &str) -> Result<T, Vec<(String, String)>> {
        fitting(parameters(query)).map_err(|violations| {
            let pairs = violations.into_iter().map(|v| (v.pointer, v.code.into_owned()));
            pairs.collect()
        })
    }

    #[test]
    fn parameters_are_read_by_their_types_and_have_defaults() {
        assert_eq!(read::<WaitQuery>("").unwrap(), WaitQuery { wait: 0 });
        assert_eq!(read::<WaitQuery>("wait=20").unwrap(), WaitQuery { wait: 20 });
        let id = "0199a1de-7c55-7d0c-9b63-52b1a1a4f0aa";
        let expected = PageQuery {
            limit: 5,
            cursor: Some(id.to_owned()),
        };
        assert_eq!(
            read::<PageQuery>(&format!("cursor={id}&limit=5")).unwrap(),
            expected
        );
    }

    #[test]
    fn what_is_wrong_with_a_query_is_told_at_once_by_parameter() {
        let wrong = read::<PageQuery>("limit=0&cursor=x&page=2").unwrap_err();
        let expected = [
            ("/cursor", "wrong_form"),
            ("/limit", "too_small"),
            ("/page", "unknown_field"),
        ];
        let expected = expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
        assert_eq!(wrong, expected);
        for wrong in ["wait=21", "wait=soon", "wait=", "wait=-1"] {
            assert!(read::<WaitQuery>(wrong).is_err(), "{wrong}");
        }
    }
}
