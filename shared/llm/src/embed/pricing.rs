//! What embeddings can cost at most, for whoever reserves money for a model that somebody else calls.

use lambent_schema::Usage;

use super::config::EmbeddingConfig;
use crate::prices::Price;

/// The most that embeddings can cost. Knows no client and does no I/O.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingPricing {
    price: Price,
    max_retries: u32,
}

impl EmbeddingPricing {
    /// The pricing of a configured model.
    #[must_use]
    pub fn of(config: &EmbeddingConfig) -> Self {
        Self {
            price: config.price(),
            max_retries: config.max_retries,
        }
    }

    /// The most that texts of so many bytes together can cost, in millionths of a dollar, with calls that are made again, which a
    /// provider may have read before it failed. A token is at least a byte.
    #[must_use]
    pub fn at_most(&self, bytes: u64) -> u64 {
        self.price.cost(Usage {
            input_tokens: bytes.saturating_mul(u64::from(self.max_retries) + 1),
            output_tokens: 0,
        })
    }
}
