//! The table of names that callers may use for models, besides the API's own: `LAMBENT_OPENAI_MODELS`.
//!
//! A JSON object. Each name has a list of targets, the first of which is asked, and the next one where it fails before its answer has
//! begun. A target is `provider::model`, or an object with `model` and, where they are needed, `url`, `key` (or `key_from`, the
//! name of a variable that holds it), `price` (as `LAMBENT_MODEL_PRICE`) and `limit`, the parameter that bounds the tokens of an
//! answer there: `max_tokens`, or `max_completion_tokens`. A name with settings is an object with `targets` and
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

use super::target::LimitName;
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
                let mut targets: Vec<_> = targets.collect::<Result<_, _>>().map_err(refused)?;
                all_but_the_last(&mut targets, |target| target.max_retries = 0);
                table.embeddings.push(Named {
                    takes_images: false,
                    targets,
                    name,
                });
            } else {
                let targets = targets.map(|target| {
                    let config = ModelConfig::from_lookup(of_target(&target, &lookup))?;
                    Ok(ModelConfig {
                        limit_name: target.limit,
                        ..config
                    })
                });
                let mut targets: Vec<_> = targets.collect::<Result<_, _>>().map_err(refused)?;
                all_but_the_last(&mut targets, |target| target.max_retries = 0);
                table.chat.push(Named {
                    takes_images: row.images.unwrap_or(true),
                    targets,
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

/// Those that another one follows: asking that one is better than waiting until this one can be asked again.
fn all_but_the_last<C>(targets: &mut [C], change: impl FnMut(&mut C)) {
    if let Some((_, others)) = targets.split_last_mut() {
        others.iter_mut().for_each(change);
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
    #[serde(default)]
    limit: Option<LimitName>,
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
#[path = "config_tests.rs"]
mod tests;
