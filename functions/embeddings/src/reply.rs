//! The form of the numbers in an answer.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use lambent_llm::relay::Fields;
use lambent_schema::{Problem, ProblemCode};
use lambent_service::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::Encoding;

/// Numbers as they are asked for.
pub(crate) fn number_list(numbers: &[f32], encoding: Encoding) -> Value {
    match encoding {
        Encoding::Float => json!(numbers),
        Encoding::Base64 => {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            Value::String(BASE64.encode(bytes))
        }
    }
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    object: Value,
    #[serde(default)]
    index: Value,
    embedding: Numbers,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    List(Vec<f32>),
    Base64(String),
}

/// The answer as it came; or, where base64 was asked for and its provider does not know that, with base64 in it.
pub(crate) fn encoded(answer: Bytes, asked: Encoding) -> Result<Bytes, Failure> {
    if asked == Encoding::Float {
        return Ok(answer);
    }
    let failed = || {
        Failure::new(Problem::new(
            ProblemCode::ModelFailed,
            "The model could not answer.",
        ))
    };
    let malformed = |_: serde_json::Error| failed();
    let mut fields = Fields::parse(&answer).map_err(|error| failed().because(error))?;
    let data = fields.get("data").unwrap_or_default();
    let items: Vec<Item> = serde_json::from_slice(data).map_err(malformed)?;
    if items
        .iter()
        .all(|item| matches!(item.embedding, Numbers::Base64(_)))
    {
        return Ok(answer);
    }
    let items: Vec<Value> = (items.into_iter())
        .map(|item| {
            let embedding = match item.embedding {
                Numbers::List(numbers) => number_list(&numbers, Encoding::Base64),
                Numbers::Base64(text) => Value::String(text),
            };
            json!({"object": item.object, "index": item.index, "embedding": embedding})
        })
        .collect();
    fields.set("data", json!(items).to_string());
    Ok(fields.to_json().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_is_asked_for_whatever_the_provider_knows() {
        let floats = Bytes::from_static(
            br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]}],"x":1}"#,
        );
        assert_eq!(encoded(floats.clone(), Encoding::Float).unwrap(), floats);
        let base64 = encoded(floats, Encoding::Base64).unwrap();
        let value: Value = serde_json::from_slice(&base64).unwrap();
        assert_eq!(value["data"][0]["embedding"], "AACAPwAAAL8=");
        assert_eq!(value["x"], 1);
        assert_eq!(encoded(base64.clone(), Encoding::Base64).unwrap(), base64);
    }
}
