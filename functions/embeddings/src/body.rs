//! What is read of a request; all else of it is passed on as it is.

use bytes::Bytes;
use lambent_llm::relay::{Fields, Relay};
use lambent_schema::Problem;
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
        let fields = Fields::parse(&body)?;
        let mut broken = Vec::new();
        fields.require("model", &mut broken);
        fields.require("input", &mut broken);
        let model = fields.read("model", "a string", &mut broken);
        let encoding = fields.read("encoding_format", "float or base64", &mut broken);
        let dimensions = fields.read("dimensions", "a whole number above 0", &mut broken);
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
