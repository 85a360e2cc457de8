//! What models cost: a dated table, for budgets and records. Not an invoice: discounts, caching and tiers are not in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lambent_schema::Usage;
use serde::Deserialize;

/// Micro-dollars per million tokens, by model.
static PRICES: LazyLock<Option<Table>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../prices.json")).ok());

#[derive(Debug, Deserialize)]
struct Table {
    models: BTreeMap<String, Price>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Price {
    input: u64,
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

/// What this usage of this model costs, in millionths of a dollar, rounded up; `None` if the model is not in the table.
///
/// Takes names with or without a provider (`anthropic::claude-haiku-4-5`), with a date or version at the end
/// (`claude-haiku-4-5-20251001`), and Bedrock's forms (`eu.anthropic.claude-haiku-4-5-20251001-v1:0`). Usage is priced as one
/// prompt: repairs of a long one can reach the price of a longer one.
#[must_use]
pub fn cost_micro_dollars(model: &str, usage: Usage) -> Option<u64> {
    let price = find(&PRICES.as_ref()?.models, model)?;
    let (input, output) = match price.long_prompt {
        Some(long) if usage.input_tokens > long.over => (long.input, long.output),
        _ => (price.input, price.output),
    };
    let millionths = u128::from(usage.input_tokens) * u128::from(input)
        + u128::from(usage.output_tokens) * u128::from(output);
    u64::try_from(millionths.div_ceil(1_000_000)).ok()
}

fn find(models: &BTreeMap<String, Price>, model: &str) -> Option<Price> {
    let name = model.split_once("::").map_or(model, |(_, name)| name);
    // Bedrock puts a group of regions in front. They cost the same, except `global.`, which has entries of its own.
    let name = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov."]
        .iter()
        .find_map(|group| name.strip_prefix(group))
        .unwrap_or(name);
    models.get(without_version(name)).copied()
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
