//! Choosing a token from the model's logits.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::model::vocabulary::Vocabulary;

/// Words that were used lately are made this much less likely: small models repeat themselves.
const REPETITION_PENALTY: f32 = 1.1;
/// And this much less again for each further use, else a small model can get caught in one word,
const PENALTY_AGAIN: f32 = 1.04;
/// up to so many.
const MOST_PENALTIES: i32 = 8;
/// Bytes that any text needs again and again, and JSON more than others.
const SPARED: &[u8] = b" \n\t\"{}[],:.-'()";
/// How many tokens back "lately" reaches.
const PENALTY_TOKENS: usize = 256;

/// How the caller wants tokens chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SamplingOptions {
    /// 0 takes the most likely token always.
    pub(crate) temperature: f64,
    /// Only the likeliest tokens that make up this share are considered.
    pub(crate) top_p: Option<f64>,
    /// The same seed gives the same choices.
    pub(crate) seed: u64,
}

/// Chooses tokens for one answer.
pub(crate) struct Sampler {
    options: SamplingOptions,
    random: StdRng,
    recent: Vec<u32>,
}

impl Sampler {
    pub(crate) fn new(options: SamplingOptions) -> Self {
        Self {
            options,
            random: StdRng::seed_from_u64(options.seed),
            recent: Vec::new(),
        }
    }

    /// Makes words that were used lately less likely, the more so the more often.
    pub(crate) fn penalise(&self, logits: &mut [f32], vocabulary: &Vocabulary) {
        let mut recent = self.recent[self.recent.len().saturating_sub(PENALTY_TOKENS)..].to_vec();
        recent.sort_unstable();
        for uses in recent.chunk_by(|a, b| a == b) {
            let Some(&token) = uses.first() else { continue };
            let is_said = vocabulary.bytes(token).iter().any(|byte| !SPARED.contains(byte));
            if is_said && let Some(logit) = logits.get_mut(token as usize) {
                let again =
                    i32::try_from(uses.len() - 1).map_or(MOST_PENALTIES, |again| again.min(MOST_PENALTIES));
                let penalty = REPETITION_PENALTY * PENALTY_AGAIN.powi(again);
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    /// Chooses a token. Tokens at minus infinity are never chosen.
    pub(crate) fn pick(&mut self, logits: &[f32]) -> u32 {
        let best = most_likely(logits);
        if self.options.temperature <= 0.0 {
            return best;
        }
        let weights = self.weights(logits, best);
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut point = self.random.random::<f64>() * total;
        let chosen = weights.iter().find(|(_, weight)| {
            point -= weight;
            point < 0.0
        });
        // Rounding may leave a little beyond the last weight.
        chosen.map_or(best, |(token, _)| *token)
    }

    /// The tokens to choose among, likeliest first, with their unnormalised probabilities.
    fn weights(&self, logits: &[f32], best: u32) -> Vec<(u32, f64)> {
        let top = logits.get(best as usize).copied().unwrap_or_default();
        let weight = |logit: f32| (f64::from(logit - top) / self.options.temperature).exp();
        let mut weights: Vec<(u32, f64)> = (0u32..)
            .zip(logits)
            .map(|(token, logit)| (token, weight(*logit)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut share =
            self.options.top_p.unwrap_or(1.0) * weights.iter().map(|(_, weight)| weight).sum::<f64>();
        let within = weights.iter().take_while(|(_, weight)| {
            let before = share;
            share -= weight;
            before > 0.0
        });
        let kept = within.count().max(1);
        weights.truncate(kept);
        weights
    }

    /// Remembers what was written.
    pub(crate) fn wrote(&mut self, tokens: &[u32]) {
        self.recent.extend_from_slice(tokens);
    }
}

fn most_likely(logits: &[f32]) -> u32 {
    let best = (0u32..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_temperature_the_most_likely_token_is_taken() {
        let mut sampler = Sampler::new(SamplingOptions::default());
        assert_eq!(sampler.pick(&[0.1, 3.0, 2.9]), 1);
    }

    #[test]
    fn a_forbidden_token_is_never_sampled() {
        let options = SamplingOptions {
            temperature: 2.0,
            top_p: None,
            seed: 7,
        };
        let mut sampler = Sampler::new(options);
        let logits = [f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY, 0.1];
        assert!(
            (0..200)
                .map(|_| sampler.pick(&logits))
                .all(|token| token == 1 || token == 3)
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let logits: Vec<f32> = (0..50u8).map(|i| f32::from(i % 7)).collect();
        let options = SamplingOptions {
            temperature: 1.0,
            top_p: Some(0.9),
            seed: 42,
        };
        let run = |options| {
            let mut sampler = Sampler::new(options);
            (0..20).map(|_| sampler.pick(&logits)).collect::<Vec<_>>()
        };
        assert_eq!(run(options), run(options));
        assert_ne!(run(options), run(SamplingOptions { seed: 43, ..options }));
    }
}
