//! What a request can cost at most, for whoever reserves money for a model that somebody else calls.

use lambent_schema::Usage;

use crate::{ConfigError, ModelConfig, Price};

/// More than a complaint has, with which an answer is sent back: at most eight broken rules, a line each, and some words around
/// them.
const COMPLAINT_BYTES: u64 = 4096;

/// The most that a model's answers can cost. Knows no client and does no I/O.
#[derive(Debug, Clone, Copy)]
pub struct Pricing {
    price: Price,
    max_output_tokens: u32,
    max_repairs: u32,
    max_retries: u32,
}

impl Pricing {
    /// The pricing of a configured model.
    #[must_use]
    pub fn of(config: &ModelConfig) -> Self {
        Self {
            price: config.price(),
            max_output_tokens: config.max_output_tokens,
            max_repairs: config.max_repairs,
            max_retries: config.max_retries,
        }
    }

    /// That of the model that the process environment names, for whoever does not call it: without its key.
    ///
    /// # Errors
    /// As [`ModelConfig::from_env`], but for the key.
    pub fn from_env() -> Result<Self, ConfigError> {
        let config = ModelConfig::from_lookup(|name| match name {
            "LAMBENT_MODEL_KEY" => Some("of no use here".to_owned()),
            name => std::env::var(name).ok(),
        })?;
        Ok(Self::of(&config))
    }

    /// The most that `answers` answers to one prompt can cost, in millionths of a dollar: the first, and repairs of it, each of which
    /// reads the prompt, the answer before and what is wrong with it; and calls that are made again, which a provider may have read
    /// before it failed. A token is at least a byte. `max_output_tokens` counts where it is less than what is configured.
    #[must_use]
    pub fn at_most(&self, prompt_bytes: u64, answers: u32, max_output_tokens: Option<u32>) -> u64 {
        let output =
            max_output_tokens.map_or(self.max_output_tokens, |most| most.min(self.max_output_tokens));
        let (answers, output) = (u64::from(answers), u64::from(output));
        let repairs = answers.saturating_sub(1);
        let prompts = answers + u64::from(self.max_retries);
        self.price.cost(Usage {
            input_tokens: prompts * prompt_bytes + repairs * (output + COMPLAINT_BYTES),
            output_tokens: answers * output,
        })
    }

    /// How often at most a model is asked by [`Models::structured`](crate::Models::structured).
    #[must_use]
    pub fn max_answers(&self) -> u32 {
        self.max_repairs.saturating_add(1)
    }
}
