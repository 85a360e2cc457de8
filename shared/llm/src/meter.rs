//! What an answer costs, told while it is written: so that one that breaks off is paid for too.

use std::sync::Arc;

use lambent_schema::{Ledger, Spending, Usage};

use crate::prices::Price;
use crate::prompt::estimated_tokens;

/// Counts one answer. Providers say how many tokens they were at the end only; until then they are counted here.
pub(crate) struct Meter {
    ledger: Option<Arc<dyn Ledger>>,
    price: Price,
    /// The answers before this one, to the same request.
    before: Spending,
    /// What the model was sent, about.
    prompt_tokens: u64,
    pieces: u64,
    bytes: u64,
    tokens: u64,
    now: Spending,
}

/// Pieces that are longer than this hold several tokens: the provider collects them.
const LONGEST_TOKEN: u64 = 12;

impl Meter {
    pub(crate) fn new(
        ledger: Option<Arc<dyn Ledger>>,
        price: Price,
        before: Spending,
        prompt_tokens: u64,
    ) -> Self {
        Self {
            ledger,
            price,
            before,
            prompt_tokens,
            pieces: 0,
            bytes: 0,
            tokens: 0,
            now: before,
        }
    }

    /// The provider has taken the request, and read it.
    pub(crate) fn opened(&mut self) {
        self.report(self.estimate(), true);
    }

    /// The next piece that the model wrote, of its answer or of its thoughts.
    pub(crate) fn piece(&mut self, text: &str) {
        self.pieces += 1;
        self.bytes += text.len() as u64;
        self.tokens += estimated_tokens(text);
        self.report(self.estimate(), true);
    }

    /// The provider's own count. What it leaves out stays as it is estimated.
    pub(crate) fn counted(&mut self, usage: Usage) {
        if usage == Usage::default() {
            return;
        }
        let estimate = self.estimate();
        let or = |counted, estimated| if counted == 0 { estimated } else { counted };
        let merged = Usage {
            input_tokens: or(usage.input_tokens, estimate.input_tokens),
            output_tokens: or(usage.output_tokens, estimate.output_tokens),
        };
        self.report(merged, merged != usage);
    }

    /// All answers so far.
    pub(crate) fn spending(&self) -> Spending {
        self.now
    }

    /// A token a piece, as most providers send them; or by their length, where they come collected.
    fn estimate(&self) -> Usage {
        let is_collected = self.bytes > self.pieces * LONGEST_TOKEN;
        Usage {
            input_tokens: self.prompt_tokens,
            output_tokens: if is_collected { self.tokens } else { self.pieces },
        }
    }

    /// Each answer has its own price: a long prompt is one, not the sum of several.
    fn report(&mut self, usage: Usage, is_estimate: bool) {
        let mut total = self.before.usage;
        total += usage;
        self.now = Spending {
            usage: total,
            micro_dollars: self.before.micro_dollars.saturating_add(self.price.cost(usage)),
            is_estimate: self.before.is_estimate || is_estimate,
        };
        if let Some(ledger) = &self.ledger {
            ledger.spent(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Last(Mutex<Option<Spending>>);

    impl Ledger for Last {
        fn spent(&self, spending: Spending) {
            *self.0.lock().unwrap() = Some(spending);
        }
    }

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens,
        }
    }

    #[test]
    fn pieces_count_as_tokens_until_the_provider_counts_them() {
        let last = Arc::new(Last::default());
        let ledger: Arc<dyn Ledger> = last.clone();
        let price: Price = "1.00/10.00".parse().unwrap();
        let before = Spending {
            usage: usage(100, 10),
            micro_dollars: 1000,
            is_estimate: false,
        };
        let mut meter = Meter::new(Some(ledger), price, before, 10);
        let spent = || last.0.lock().unwrap().unwrap();
        meter.opened();
        assert_eq!((spent().usage, spent().micro_dollars), (usage(110, 10), 1010));
        for piece in ["The", " report"] {
            meter.piece(piece);
        }
        assert_eq!(spent().usage, usage(110, 12));
        assert_eq!(
            (spent().micro_dollars, spent().is_estimate),
            (1000 + 10 + 20, true)
        );

        meter.piece(&"collected ".repeat(10));
        assert_eq!(spent().usage, usage(110, 10 + 1 + 2 + 25));

        meter.counted(Usage::default());
        assert!(spent().is_estimate, "nothing was said");
        meter.counted(usage(9, 0));
        assert_eq!((spent().usage, spent().is_estimate), (usage(109, 38), true));
        meter.counted(usage(9, 30));
        assert_eq!((spent().usage, spent().is_estimate), (usage(109, 40), false));
        assert_eq!(meter.spending(), spent());
    }

    #[test]
    fn what_is_not_latin_has_more_tokens_than_a_fourth_of_its_bytes() {
        assert_eq!(estimated_tokens("four"), 1);
        assert_eq!(estimated_tokens("日本語"), 3);
    }
}
