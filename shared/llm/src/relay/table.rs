//! The names that callers may use, and the targets behind them.

use std::sync::Arc;

use lambent_schema::Usage;

use super::config::{Named, TableConfig, names};
use super::target::Relay;
use crate::client::http;
use crate::config::{ConfigError, ModelConfig};
use crate::embed::{Embedder, EmbeddingConfig};
use crate::models::Models;
use crate::prices::Price;
use crate::provider::getter;

/// What stands for the API's own model, whatever that is called.
pub const DEFAULT: &str = "default";

/// A name, and what it stands for.
#[derive(Debug)]
pub struct Entry<T> {
    name: String,
    takes_images: bool,
    targets: Vec<Target<T>>,
}

/// A model that can be asked.
#[derive(Debug)]
pub struct Target<T> {
    label: String,
    price: Price,
    max_output_tokens: u32,
    way: T,
}

/// How a chat model is asked.
#[derive(Debug)]
pub enum ChatTarget {
    /// In OpenAI's protocol, the request passed on.
    Relay(Box<Relay>),
    /// In its provider's own, with what of a request can be said in it.
    Own(Models),
}

/// How an embedding model is asked.
#[derive(Debug)]
pub enum EmbeddingTarget {
    /// In OpenAI's protocol, the request passed on.
    Relay(Box<Relay>),
    /// In its provider's own.
    Own(Embedder),
}

/// The chat models that callers may name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ChatModels(Arc<Table<ChatTarget>>);

/// The embedding models that callers may name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EmbeddingModels(Arc<Table<EmbeddingTarget>>);

/// The names of all of them, for whoever asks none.
#[derive(Debug, Clone)]
pub struct ModelNames(Arc<Vec<String>>);

impl<T> Entry<T> {
    /// What callers call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether messages may have images.
    #[must_use]
    pub fn takes_images(&self) -> bool {
        self.takes_images
    }

    /// What to ask, in this order; at least one.
    #[must_use]
    pub fn targets(&self) -> &[Target<T>] {
        &self.targets
    }

    /// The most that `answers` answers to a prompt of so many bytes can cost, in millionths of a dollar, if each target reads the prompt
    /// before it fails, and the dearest one answers. A token is at least a byte.
    #[must_use]
    pub fn at_most(&self, prompt_bytes: u64, answers: u32, output_tokens: Option<u32>) -> u64 {
        let read = |target: &Target<T>| {
            target.price.cost(Usage {
                input_tokens: prompt_bytes,
                output_tokens: 0,
            })
        };
        let written = |target: &Target<T>| {
            let most = target.bounded(output_tokens);
            let whole = target.price.cost(Usage {
                input_tokens: prompt_bytes,
                output_tokens: u64::from(most) * u64::from(answers),
            });
            whole - read(target)
        };
        let prompts: u64 = self.targets.iter().map(read).sum();
        prompts.saturating_add(self.targets.iter().map(written).max().unwrap_or_default())
    }
}

impl<T> Target<T> {
    /// Which model this is, as `provider::model`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How it is asked.
    #[must_use]
    pub fn way(&self) -> &T {
        &self.way
    }

    /// The most tokens of an answer: what is asked for, or less where that is more than is configured.
    #[must_use]
    pub fn bounded(&self, output_tokens: Option<u32>) -> u32 {
        output_tokens.map_or(self.max_output_tokens, |asked| asked.min(self.max_output_tokens))
    }
}

impl ChatModels {
    /// The API's own model under its own name, and those of the table, which count where a name is in both. No call is made.
    ///
    /// # Errors
    /// A target cannot be used, or the HTTP client cannot be built.
    pub fn new(own: &ModelConfig, table: &TableConfig) -> Result<Self, ConfigError> {
        let http = http(own.first_token_timeout)?;
        let target = |config: &ModelConfig| {
            let relay = Relay::chat(&http, config)?;
            Ok(Target {
                label: config.model.clone(),
                price: config.price(),
                max_output_tokens: config.max_output_tokens,
                way: match relay {
                    Some(relay) => ChatTarget::Relay(Box::new(relay)),
                    None => ChatTarget::Own(Models::new(config.clone())?),
                },
            })
        };
        let own = Named {
            name: own.place().name().to_owned(),
            takes_images: true,
            targets: vec![own.clone()],
        };
        Ok(Self(Arc::new(Table::new(own, &table.chat, target)?)))
    }

    /// What stands behind this name; the API's own model behind [`DEFAULT`].
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry<ChatTarget>> {
        self.0.find(name)
    }
}

impl EmbeddingModels {
    /// As [`ChatModels::new`].
    ///
    /// # Errors
    /// A target cannot be used, or the HTTP client cannot be built.
    pub fn new(own: &EmbeddingConfig, table: &TableConfig) -> Result<Self, ConfigError> {
        let http = http(own.timeout)?;
        let target = |config: &EmbeddingConfig| {
            let relay = Relay::embedding(&http, config)?;
            Ok(Target {
                label: config.model.clone(),
                price: config.price(),
                max_output_tokens: 0,
                way: match relay {
                    Some(relay) => EmbeddingTarget::Relay(Box::new(relay)),
                    None => EmbeddingTarget::Own(Embedder::new(config.clone())?),
                },
            })
        };
        let own = Named {
            name: own.place().name().to_owned(),
            takes_images: false,
            targets: vec![own.clone()],
        };
        Ok(Self(Arc::new(Table::new(own, &table.embeddings, target)?)))
    }

    /// What stands behind this name; the API's own model behind [`DEFAULT`].
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry<EmbeddingTarget>> {
        self.0.find(name)
    }
}

impl ModelNames {
    /// From the process environment: without keys and prices.
    ///
    /// # Errors
    /// The table is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        let get = getter(|name: &str| std::env::var(name).ok());
        let name = |model: String| match model.split_once("::") {
            Some((_, name)) => name.to_owned(),
            None => model,
        };
        let own = ["LAMBENT_MODEL", "LAMBENT_EMBEDDING_MODEL"].into_iter();
        let own = own.filter_map(|variable| get(variable).map(name));
        Ok(Self::unique(own.chain(names(&get)?)))
    }

    /// Those that can be asked.
    #[must_use]
    pub fn of(chat: &ChatModels, embeddings: &EmbeddingModels) -> Self {
        let chat = chat.0.entries.iter().map(|entry| entry.name.clone());
        Self::unique(chat.chain(embeddings.0.entries.iter().map(|entry| entry.name.clone())))
    }

    fn unique(names: impl Iterator<Item = String>) -> Self {
        let mut unique: Vec<String> = Vec::new();
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        Self(Arc::new(unique))
    }

    /// Whether a request may name it.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        name == DEFAULT || self.iter().any(|other| other == name)
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[derive(Debug)]
struct Table<T> {
    /// The name of the API's own model.
    own: String,
    entries: Vec<Entry<T>>,
}

impl<T> Table<T> {
    fn new<C>(
        own: Named<C>,
        table: &[Named<C>],
        target: impl Fn(&C) -> Result<Target<T>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let rows = [own];
        let [own] = &rows;
        let beside = rows
            .iter()
            .filter(|own| table.iter().all(|row| row.name != own.name));
        let entries = beside.chain(table).map(|row| {
            let targets = row.targets.iter().map(&target).collect::<Result<_, _>>();
            Ok(Entry {
                name: row.name.clone(),
                takes_images: row.takes_images,
                targets: targets?,
            })
        });
        Ok(Self {
            own: own.name.clone(),
            entries: entries.collect::<Result<_, ConfigError>>()?,
        })
    }

    fn find(&self, name: &str) -> Option<&Entry<T>> {
        let find = |name: &str| self.entries.iter().find(|entry| entry.name == name);
        find(name).or_else(|| find(&self.own).filter(|_| name == DEFAULT))
    }
}
