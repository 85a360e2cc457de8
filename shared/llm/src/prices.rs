//! What models cost: a dated table, for budgets and records. Not an invoice: discounts, caching and tiers are not in it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use lambent_schema::Usage;
use serde::Deserialize;

/// Micro-dollars per million tokens, by model.
static PRICES: LazyLock<Option<Table>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../prices.json")).ok());

#[derive(Debug, Deserialize)]
struct Table {
    models: BTreeMap<String, Price>,
    /// What reading costs; embedding models write nothing.
    embeddings: BTreeMap<String, u64>,
}

/// What a model's tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Price {
    /// Micro-dollars per million tokens read.
    input: u64,
    /// Micro-dollars per million tokens written.
    output: u64,
    /// Some models cost more, input and output, when the prompt is long.
    long_prompt: Option<LongPrompt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct LongPrompt {
    over: u64,
    input: u64,
    output: u64,
}

impl Price {
    /// Nothing: a model of one's own.
    pub const FREE: Self = Self {
        input: 0,
        output: 0,
        long_prompt: None,
    };

    /// The price of this model; `None` if it is not in the table.
    ///
    /// Takes names with or without a provider (`anthropic::claude-haiku-4-5`), with a date or version at the end
    /// (`claude-haiku-4-5-20251001`), and Bedrock's forms (`eu.anthropic.claude-haiku-4-5-20251001-v1:0`).
    #[must_use]
    pub fn of(model: &str) -> Option<Self> {
        find(&PRICES.as_ref()?.models, model)
    }

    /// The price of this embedding model; `None` if it is not in the table.
    ///
    /// Takes names with or without a provider, as their provider writes them: a version is another model
    /// (`amazon.titan-embed-text-v2:0`).
    #[must_use]
    pub fn of_embedding(model: &str) -> Option<Self> {
        let name = without_provider(model);
        PRICES
            .as_ref()?
            .embeddings
            .get(name)
            .copied()
            .map(Self::of_reading)
    }

    fn of_reading(input: u64) -> Self {
        Self { input, ..Self::FREE }
    }

    /// What this usage costs, in millionths of a dollar, rounded up. It is priced as one prompt, which can be a long one.
    #[must_use]
    pub fn cost(self, usage: Usage) -> u64 {
        let (input, output) = match self.long_prompt {
            Some(long) if usage.input_tokens > long.over => (long.input, long.output),
            _ => (self.input, self.output),
        };
        let millionths = u128::from(usage.input_tokens) * u128::from(input)
            + u128::from(usage.output_tokens) * u128::from(output);
        u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// A price is not written as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {PRICE_FORM}")]
pub struct PriceError;

pub(crate) const PRICE_FORM: &str =
    "dollars per million tokens read and written, such as 1.00/5.00, or 0/0 for a model that costs nothing";

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let (input, output) = text.split_once('/').ok_or(PriceError)?;
        Ok(Self {
            input: micro_dollars(input)?,
            output: micro_dollars(output)?,
            long_prompt: None,
        })
    }
}

fn micro_dollars(dollars: &str) -> Result<u64, PriceError> {
    let dollars: f64 = dollars.trim().parse().map_err(|_| PriceError)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within bounds that are checked before"
    )]
    let whole = || (dollars * 1e6).round() as u64;
    (0.0..=1e6).contains(&dollars).then(whole).ok_or(PriceError)
}

/// The price of a model that only reads, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadingPrice(pub(crate) Price);

pub(crate) const READING_PRICE_FORM: &str =
    "dollars per million tokens read, such as 0.02, or 0 for a model that costs nothing";

impl FromStr for ReadingPrice {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        Ok(Self(Price::of_reading(micro_dollars(text)?)))
    }
}

impl fmt::Display for ReadingPrice {
    /// As it is parsed.
    #[expect(clippy::cast_precision_loss, reason = "prices are far from where it begins")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.input as f64 / 1e6)
    }
}

impl fmt::Display for Price {
    /// As it is parsed, without what long prompts cost.
    #[expect(clippy::cast_precision_loss, reason = "prices are far from where it begins")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.input as f64 / 1e6, self.output as f64 / 1e6)
    }
}

fn find(models: &BTreeMap<String, Price>, model: &str) -> Option<Price> {
    let name = without_provider(model);
    // Bedrock puts a group of regions in front. They cost the same, except `global.`, which has entries of its own.
    let name = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov."]
        .iter()
        .find_map(|group| name.strip_prefix(group))
        .unwrap_or(name);
    models.get(without_version(name)).copied()
}

fn without_provider(model: &str) -> &str {
    model.split_once("::").map_or(model, |(_, name)| name)
}

/// Without what only dates a model: `-20251001`, `-2025-08-07`, `-v1:0`, `-latest`.
fn without_version(name: &str) -> &str {
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let name = match name.rsplit_once("-v") {
        Some((stem, version)) if version.chars().all(|c| c.is_ascii_digit() || c == ':') => stem,
        _ => name,
    };
    let dated = |stem_len: usize| {
        let (stem, date) = name.split_at_checked(stem_len)?;
        let digits = date.chars().filter(char::is_ascii_digit).count();
        let form = date.starts_with('-') && date.chars().all(|c| c.is_ascii_digit() || c == '-');
        (form && digits == 8).then_some(stem)
    };
    let by_length = |length: usize| name.len().checked_sub(length).and_then(dated);
    by_length("-2025-08-07".len())
        .or_else(|| by_length("-20251001".len()))
        .unwrap_or(name)
}

#[cfg(test)]
#[path = "prices_tests.rs"]
mod tests;
