//! The table of names that callers may use for models, besides the API's own: `LAMBENT_OPENAI_MODELS`.
//!
//! A JSON object. Each name has a list of targets, the first of which is asked, and the next one where it fails before its answer has
//! begun. A target is `provider::model`, or an object with `model` and, where they are needed, `url`, `key` (or `key_from`, the
//! name of a variable that holds it) and `price` (as `LAMBENT_MODEL_PRICE`). A name with settings is an object with `targets` and
//! `"embeddings": true` for a model that embeds, or `"images": false` for one that takes text alone.
//!
//! ```json
//! {
//!   "fast": ["openai::gpt-5-mini", "anthropic::claude-haiku-4-5"],
//!   "own": {"targets": [{"model": "openai::my-model", "url": "http://10.0.0.7:8000/v1", "price": "0/0"}], "images": false},
//!   "embed": {"targets": ["openai::text-embedding-3-small"], "embeddings": true}
//! }
//! ```

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::config::{ConfigError, ModelConfig};
use crate::embed::EmbeddingConfig;
use crate::provider::getter;

const TABLE: &str = "LAMBENT_OPENAI_MODELS";
const FORM: &str = "a JSON object of names, each with a list of targets: {\"fast\": [\"openai::gpt-5-mini\", \
    {\"model\": \"openai::my-model\", \"url\": \"http://10.0.0.7:8000/v1\", \"price\": \"0/0\"}]}";

/// The names that callers may use for models, besides the API's own. Empty by default.
#[derive(Debug, Clone, Default)]
pub struct TableConfig {
    pub(super) chat: Vec<Named<ModelConfig>>,
    pub(super) embeddings: Vec<Named<EmbeddingConfig>>,
    /// As it was read, to be handed on.
    text: Option<Hidden>,
}

/// It may hold keys.
#[derive(Clone)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// A name, and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Named<C> {
    pub(super) name: String,
    pub(super) takes_images: bool,
    pub(super) targets: Vec<C>,
}

impl TableConfig {
    /// From the process environment.
    ///
    /// # Errors
    /// The table is malformed, or one of its targets cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// From any lookup of variables by name.
    ///
    /// # Errors
    /// The table is malformed, or one of its targets cannot be used.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let Some(text) = getter(&lookup)(TABLE) else {
            return Ok(Self::default());
        };
        let mut table = Self {
            text: Some(Hidden(text.clone())),
            ..Self::default()
        };
        for (name, row) in read(&text)? {
            let row = row.settings();
            let refused = |source| ConfigError::Target {
                name: name.clone(),
                source: Box::new(source),
            };
            if row.targets.is_empty() || name.is_empty() {
                return Err(malformed());
            }
            let targets = row.targets.iter().map(TargetIn::whole);
            if row.embeddings {
                let targets = targets.map(|target| EmbeddingConfig::from_lookup(of_target(&target, &lookup)));
                table.embeddings.push(Named {
                    takes_images: false,
                    targets: targets.collect::<Result<_, _>>().map_err(refused)?,
                    name,
                });
            } else {
                let targets = targets.map(|target| ModelConfig::from_lookup(of_target(&target, &lookup)));
                table.chat.push(Named {
                    takes_images: row.images.unwrap_or(true),
                    targets: targets.collect::<Result<_, _>>().map_err(refused)?,
                    name,
                });
            }
        }
        Ok(table)
    }

    /// The variables that [`TableConfig::from_lookup`] reads this from. **They may hold keys.**
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let text = self.text.iter().map(|text| (TABLE, text.0.clone()));
        text.collect()
    }
}

/// The names in the table, for whoever asks no model.
pub(super) fn names(get: &impl Fn(&str) -> Option<String>) -> Result<Vec<String>, ConfigError> {
    let rows = get(TABLE).map_or(Ok(Vec::new()), |text| read(&text))?;
    Ok(rows.into_iter().map(|(name, _)| name).collect())
}

fn read(text: &str) -> Result<Vec<(String, Row)>, ConfigError> {
    let Rows(rows) = serde_json::from_str(text).map_err(|_| malformed())?;
    Ok(rows)
}

fn malformed() -> ConfigError {
    ConfigError::Invalid {
        name: TABLE,
        expected: FORM,
    }
}

/// The variables of a target: its own, and where it has none, the environment's, as far as they are not of the API's own model.
fn of_target<'a>(
    target: &'a TargetIn,
    lookup: &'a impl Fn(&str) -> Option<String>,
) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| match name {
        "LAMBENT_MODEL" | "LAMBENT_EMBEDDING_MODEL" => Some(target.model.clone()),
        "LAMBENT_MODEL_URL" | "LAMBENT_EMBEDDING_URL" => target.url.clone(),
        "LAMBENT_MODEL_KEY" | "LAMBENT_EMBEDDING_KEY" => {
            let named = || lookup(target.key_from.as_deref()?);
            target.key.clone().or_else(named)
        }
        "LAMBENT_MODEL_PRICE" | "LAMBENT_EMBEDDING_PRICE" => target.price.clone(),
        "LAMBENT_CONTEXT_TOKENS" | "LAMBENT_CONTEXT_HINT" => None,
        name => lookup(name),
    }
}

/// The rows in their order; a name that comes twice is malformed.
struct Rows(Vec<(String, Row)>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
                let mut rows: Vec<(String, Row)> = Vec::new();
                while let Some((name, row)) = map.next_entry()? {
                    if rows.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom("a name comes twice"));
                    }
                    rows.push((name, row));
                }
                Ok(Rows(rows))
            }
        }
        from.deserialize_map(Reading)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Targets(Vec<TargetRow>),
    Settings(SettingsRow),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsRow {
    targets: Vec<TargetRow>,
    #[serde(default)]
    embeddings: bool,
    #[serde(default)]
    images: Option<bool>,
}

impl Row {
    fn settings(self) -> SettingsRow {
        match self {
            Self::Settings(row) => row,
            Self::Targets(targets) => SettingsRow {
                targets,
                embeddings: false,
                images: None,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TargetRow {
    Name(String),
    Whole(TargetIn),
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetIn {
    model: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    key_from: Option<String>,
    #[serde(default)]
    price: Option<String>,
}

impl TargetIn {
    fn whole(row: &TargetRow) -> Self {
        match row {
            TargetRow::Whole(target) => target.clone(),
            TargetRow::Name(model) => Self {
                model: model.clone(),
                ..Self::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &str) -> Result<TableConfig, ConfigError> {
        TableConfig::from_lookup(|name| match name {
            TABLE => Some(table.to_owned()),
            "OPENAI_API_KEY" => Some("its-own".to_owned()),
            "MY_KEY" => Some("mine".to_owned()),
            // The API's own model's, which are nobody else's.
            "LAMBENT_MODEL_KEY" | "LAMBENT_MODEL_URL" => Some("http://own".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_name_has_targets_in_their_order_with_keys_of_their_own() {
        let table = r#"{
            "fast": ["openai::gpt-5-mini", {"model": "openai::x", "url": "http://127.0.0.1:1/v1", "key_from": "MY_KEY"}],
            "text": {"targets": ["openai::gpt-5-mini"], "images": false},
            "embed": {"targets": ["openai::text-embedding-3-small"], "embeddings": true}
        }"#;
        let read = read(table).unwrap();
        let [fast, text] = read.chat.as_slice() else {
            panic!("two")
        };
        let keys = fast
            .targets
            .iter()
            .map(|target| target.key.as_ref().unwrap().reveal());
        assert_eq!(keys.collect::<Vec<_>>(), ["its-own", "mine"]);
        assert_eq!(fast.targets[0].url, None);
        assert_eq!((fast.takes_images, text.takes_images), (true, false));
        assert_eq!(read.embeddings[0].name, "embed");
        assert!(!format!("{read:?}").contains("its-own"));
    }

    #[test]
    fn a_table_that_cannot_be_used_stops_the_start_and_names_the_row() {
        for wrong in [
            "[]",
            "{",
            r#"{"a": []}"#,
            r#"{"a": ["openai::x"], "a": ["openai::x"]}"#,
            r#"{"a": {"targets": ["x"], "y": 1}}"#,
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.starts_with("LAMBENT_OPENAI_MODELS"), "{wrong}: {error}");
        }
        let unpriced = read(r#"{"row": [{"model": "openai::unheard-of", "url": "https://example.com/v1"}]}"#);
        let error = unpriced.unwrap_err().to_string();
        assert!(error.contains("row") && error.contains("price"), "{error}");
        assert!(read("").unwrap().chat.is_empty());
    }
}
