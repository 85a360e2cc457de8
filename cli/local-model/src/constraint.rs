//! Answers that are valid against a JSON Schema, whatever the model would rather write.
//!
//! Before each token the grammar engine says which tokens may follow; the sampler chooses among those. That makes every
//! prefix right. To make the end right too, however few tokens are left, a way out is kept at hand
//! ([`closing::closing_path`]): a token is only taken if the document can still be finished after it.

pub(crate) mod bounds;
mod closing;
mod scan;
pub(crate) mod table;

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::Value;

use crate::model::gguf::LoadError;
use crate::model::vocabulary::Vocabulary;
use closing::closing_path;
use scan::Scan;
use table::TokenTable;

/// With this many tokens left the way out is watched. Ways out longer than this are not looked for.
const WATCH_TOKENS: usize = 512;
/// A state without a way out is asked again only every so many tokens.
const RETRY_TOKENS: usize = 16;
/// JSON numbers are ended at this length, in characters: small models recite digits without end.
const MAX_NUMBER: usize = 20;

/// The schema asks for something that cannot be enforced while writing.
#[derive(Debug, thiserror::Error)]
#[error("the schema cannot be enforced: {reason}")]
pub(crate) struct SchemaError {
    reason: String,
}

/// The grammar engine refused a token that it had allowed.
#[derive(Debug, thiserror::Error)]
#[error("the grammar engine failed")]
pub(crate) struct ConstraintError(#[from] Box<dyn std::error::Error + Send + Sync>);

/// Compiles schemas for one vocabulary.
pub(crate) struct Constraints {
    factory: ParserFactory,
    table: Arc<TokenTable>,
}

impl Constraints {
    pub(crate) fn new(vocabulary: Arc<Vocabulary>) -> Result<Self, LoadError> {
        let table = Arc::new(TokenTable::new(vocabulary));
        let env: toktrie::TokEnv = table.clone();
        let mut factory =
            ParserFactory::new_simple(&env).map_err(|error| LoadError::Vocabulary(error.into()))?;
        factory.quiet();
        Ok(Self { factory, table })
    }

    /// A constraint for one answer.
    pub(crate) fn compile(&self, schema: &Value) -> Result<Constraint, SchemaError> {
        let refused = |error: &dyn std::fmt::Display| SchemaError {
            reason: error.to_string(),
        };
        let grammar = TopLevelGrammar::from_json_schema(bounds::bounded(schema));
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error() {
            Some(error) => Err(refused(&error)),
            None => {
                let table = self.table.clone();
                Ok(Constraint {
                    matcher,
                    table,
                    scan: Scan::default(),
                    way_out: None,
                    look_at: WATCH_TOKENS,
                })
            }
        }
    }
}

/// What to write next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) tokens: Vec<u32>,
    /// The document is complete after these tokens.
    pub(crate) done: bool,
}

/// One answer being written under a schema.
pub(crate) struct Constraint {
    matcher: Matcher,
    table: Arc<TokenTable>,
    scan: Scan,
    /// Tokens that would finish the document from here, when known.
    way_out: Option<Vec<u32>>,
    /// While there is none: it is looked for again when so many tokens are left.
    look_at: usize,
}

impl Constraint {
    /// The next tokens, at least one unless the document is complete, at most `left`. `pick` chooses a token by
    /// `logits`, in which tokens that may not follow have been set to minus infinity.
    pub(crate) fn next(
        &mut self,
        logits: &mut [f32],
        left: usize,
        pick: impl FnOnce(&mut [f32]) -> u32,
    ) -> Result<Step, ConstraintError> {
        let watched = left <= WATCH_TOKENS;
        let runaway = self.scan.number() >= MAX_NUMBER;
        if self.way_out.is_none() && (runaway || left <= self.look_at) {
            self.way_out = closing_path(&self.matcher, &self.scan, &self.table, left.min(WATCH_TOKENS));
            self.look_at = left.saturating_sub(RETRY_TOKENS).min(WATCH_TOKENS);
        }
        if runaway && let Some(way_out) = self.way_out.take() {
            return self.take(way_out.into_iter().take(1).collect());
        }
        if let Some(forced) = self.forced(left) {
            return self.take(forced);
        }
        self.matcher
            .compute_mask_or_eos()
            .map_err(boxed)?
            .iter_unset_entries(|token| {
                if let Some(logit) = logits.get_mut(token) {
                    *logit = f32::NEG_INFINITY;
                }
            });
        let token = pick(logits);
        if !watched || self.way_out.is_none() {
            return self.take(vec![token]);
        }
        match self.way_out_after(token, left - 1) {
            Some(rest) => {
                let step = self.take(vec![token]);
                self.way_out = Some(rest);
                step
            }
            None => {
                let rest = self.way_out.take().unwrap_or_default();
                Ok(Step {
                    done: true,
                    ..self.take(rest)?
                })
            }
        }
    }

    /// Whether the text so far is a whole document.
    pub(crate) fn is_complete(&mut self) -> bool {
        self.matcher.is_accepting().unwrap_or(false)
    }

    /// Tokens that must follow, if any, and if the known way out goes through them.
    fn forced(&mut self, left: usize) -> Option<Vec<u32>> {
        let forced = self.matcher.compute_ff_tokens();
        let fits = !forced.is_empty() && forced.len() <= left;
        (fits
            && self
                .way_out
                .as_ref()
                .is_none_or(|way_out| way_out.starts_with(&forced)))
        .then_some(forced)
    }

    /// A way out of at most `budget` tokens that remains after `token`.
    fn way_out_after(&self, token: u32, budget: usize) -> Option<Vec<u32>> {
        let known = self.way_out.as_deref().unwrap_or_default();
        if self.table.is_end(token) {
            return Some(Vec::new());
        }
        if known.first() == Some(&token) {
            return Some(known[1..].to_vec());
        }
        let mut matcher = self.matcher.clone();
        matcher.consume_token(token).ok()?;
        if known.len() <= budget && leads_out(&matcher, known) {
            return Some(known.to_vec());
        }
        let mut scan = self.scan.clone();
        scan.push(self.table.bytes(token));
        closing_path(&matcher, &scan, &self.table, budget)
    }

    fn take(&mut self, tokens: Vec<u32>) -> Result<Step, ConstraintError> {
        self.matcher.consume_tokens(&tokens).map_err(boxed)?;
        for token in &tokens {
            self.scan.push(self.table.bytes(*token));
        }
        self.way_out = match self.way_out.take() {
            Some(way_out) if way_out.starts_with(&tokens) => Some(way_out[tokens.len()..].to_vec()),
            _ => None,
        };
        Ok(Step {
            done: tokens.is_empty() || self.matcher.is_stopped(),
            tokens,
        })
    }
}

/// Whether `path` finishes the document from the state of `matcher`.
fn leads_out(matcher: &Matcher, path: &[u32]) -> bool {
    let mut matcher = matcher.clone();
    let walked = matcher
        .try_consume_tokens(path)
        .is_ok_and(|taken| taken == path.len());
    walked && matcher.is_accepting().unwrap_or(false)
}

fn boxed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConstraintError {
    ConstraintError(error.into())
}
