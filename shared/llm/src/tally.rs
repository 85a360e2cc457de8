//! Several models for one request, and one ledger: it hears of the sum.

use std::sync::{Arc, Mutex, PoisonError};

use lambent_schema::{Ledger, Spending};

/// Adds up what several models use for one request. A [`Ledger`] is told totals, each of which replaces the one before; so that
/// one model's do not replace another's, each is metered with a [`Share`] of this.
#[derive(Clone)]
pub struct Tally(Arc<Inner>);

struct Inner {
    ledger: Box<dyn Ledger>,
    shares: Mutex<Vec<Spending>>,
}

impl Tally {
    /// The sum goes to this ledger.
    #[must_use]
    pub fn new(ledger: impl Ledger + 'static) -> Self {
        Self(Arc::new(Inner {
            ledger: Box::new(ledger),
            shares: Mutex::default(),
        }))
    }

    /// A ledger for one model.
    #[must_use]
    pub fn share(&self) -> Share {
        let mut shares = self.0.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.push(Spending::default());
        Share {
            tally: self.clone(),
            place: shares.len() - 1,
        }
    }
}

/// One model's part of a [`Tally`].
pub struct Share {
    tally: Tally,
    place: usize,
}

impl Ledger for Share {
    fn spent(&self, spending: Spending) {
        let inner = &self.tally.0;
        let mut shares = inner.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get_mut(self.place) {
            *share = spending;
        }
        let mut sum = Spending::default();
        for share in shares.iter() {
            sum.usage += share.usage;
            sum.micro_dollars = sum.micro_dollars.saturating_add(share.micro_dollars);
            sum.is_estimate |= share.is_estimate;
        }
        // Under the lock, so that of two shares at once the later sum is told last.
        inner.ledger.spent(sum);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lambent_schema::Usage;

    use super::*;

    /// What it was last told.
    #[derive(Clone, Default)]
    pub(crate) struct Last(Arc<Mutex<Spending>>);

    impl Last {
        pub(crate) fn spending(&self) -> Spending {
            *self.0.lock().unwrap()
        }
    }

    impl Ledger for Last {
        fn spent(&self, spending: Spending) {
            *self.0.lock().unwrap() = spending;
        }
    }

    fn spending(input_tokens: u64, micro_dollars: u64, is_estimate: bool) -> Spending {
        let usage = Usage {
            input_tokens,
            output_tokens: 1,
        };
        Spending {
            usage,
            micro_dollars,
            is_estimate,
        }
    }

    #[test]
    fn one_share_does_not_replace_another() {
        let last = Last::default();
        let tally = Tally::new(last.clone());
        let (one, other) = (tally.share(), tally.share());
        one.spent(spending(10, 5, true));
        other.spent(spending(100, 50, false));
        one.spent(spending(12, 6, false));
        let sum = last.spending();
        assert_eq!((sum.usage.input_tokens, sum.usage.output_tokens), (112, 2));
        assert_eq!((sum.micro_dollars, sum.is_estimate), (56, false));
    }
}
