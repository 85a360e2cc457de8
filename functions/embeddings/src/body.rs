//! What is read of a request; all else of it is passed on as it is.

use bytes::Bytes;
use lambent_llm::relay::{Fields, Relay};
use lambent_schema::{Problem, ProblemCode, Violation};
use lambent_service::{Failure, FromBody};
use serde::Deserialize;

/// A request as it came, and what of it decides here.
#[derive(Debug)]
pub(crate) struct Body {
    fields: Fields,
    pub(crate) model: String,
    pub(crate) encoding: Encoding,
    pub(crate) dimensions: Option<u64>,
    pub(crate) bytes: u64,
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// As JSON numbers.
    #[default]
    Float,
    /// As the base64 of their bytes, 32 bits each, little-endian.
    Base64,
}

impl FromBody for Body {
    fn from_body(body: Bytes) -> Result<Self, Failure> {
        let fields = Fields::parse(&body).map_err(|error| {
            let detail = format!(
                "The body is not a JSON object: line {}, column {}.",
                error.line(),
                error.column()
            );
            Failure::new(Problem::new(ProblemCode::InvalidJson, detail))
        })?;
        let mut broken = Vec::new();
        for name in ["model", "input"] {
            if fields.get(name).is_none() {
                broken.push(rule(name, "Required, and missing", "missing"));
            }
        }
        let wrong_type = |name, detail| move |_| rule(name, detail, "wrong_type");
        let text = |name| fields.get(name).unwrap_or(b"null");
        let model: Option<String> = serde_json::from_slice(text("model"))
            .map_err(wrong_type("model", "Must be a string"))
            .unwrap_or_else(|rule| {
                broken.push(rule);
                None
            });
        let encoding: Option<Encoding> = serde_json::from_slice(text("encoding_format"))
            .map_err(|_| rule("encoding_format", "Must be one of: float, base64", "not_one_of"))
            .unwrap_or_else(|rule| {
                broken.push(rule);
                None
            });
        let dimensions: Option<u64> = serde_json::from_slice(text("dimensions"))
            .map_err(wrong_type("dimensions", "Must be a whole number above 0"))
            .unwrap_or_else(|rule| {
                broken.push(rule);
                None
            });
        let Some(model) = model.filter(|_| broken.is_empty()) else {
            return Err(Failure::new(Problem::invalid(broken)));
        };
        Ok(Self {
            model,
            encoding: encoding.unwrap_or_default(),
            dimensions,
            bytes: body.len() as u64,
            fields,
        })
    }
}

impl Body {
    /// The texts, as JSON.
    pub(crate) fn input(&self) -> &str {
        str::from_utf8(self.fields.get("input").unwrap_or_default()).unwrap_or_default()
    }

    /// The request as this target is to get it: with its own name for the model.
    pub(crate) fn for_target(&self, target: &Relay) -> Vec<u8> {
        let mut fields = self.fields.clone();
        fields.set("model", serde_json::to_vec(target.model()).unwrap_or_default());
        fields.to_json()
    }
}

pub(crate) fn rule(name: &str, detail: &str, code: &'static str) -> Violation {
    Violation {
        pointer: format!("/{name}"),
        detail: detail.to_owned(),
        code: code.into(),
    }
}
