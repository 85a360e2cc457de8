//! What embeddings cost, told as it is spent.

use std::sync::{Arc, Mutex, PoisonError};

use lambent_schema::{Ledger, Spending, Usage};

use crate::prices::Price;

/// Everything that one request has embedded.
pub(crate) struct Bill {
    ledger: Arc<dyn Ledger>,
    price: Price,
    total: Mutex<Spending>,
}

impl Bill {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, price: Price) -> Self {
        Self {
            ledger,
            price,
            total: Mutex::default(),
        }
    }

    fn add(&self, usage: Usage, is_estimate: bool) {
        // A panic elsewhere while this was locked leaves at worst one call out.
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        total.usage += usage;
        total.micro_dollars = total.micro_dollars.saturating_add(self.price.cost(usage));
        total.is_estimate |= is_estimate;
        // Under the lock, so that of two calls at once the larger total is told last.
        self.ledger.spent(*total);
    }
}

/// One call. Dropped before its end is known, it leaves a provider that reads, and asks for that.
pub(crate) struct Call<'a> {
    bill: Option<&'a Bill>,
    estimate: Usage,
}

impl<'a> Call<'a> {
    /// A call with about so many tokens.
    pub(crate) fn new(bill: Option<&'a Bill>, tokens: u64) -> Self {
        let estimate = Usage {
            input_tokens: tokens,
            output_tokens: 0,
        };
        Self { bill, estimate }
    }

    /// The provider has read the texts, and said how many tokens they were, or not. Gives what is billed.
    pub(crate) fn read(mut self, counted: Option<u64>) -> Usage {
        let usage = counted.map_or(self.estimate, |input_tokens| Usage {
            input_tokens,
            output_tokens: 0,
        });
        if let Some(bill) = self.bill.take() {
            bill.add(usage, counted.is_none());
        }
        usage
    }

    /// The provider has not taken them: that costs nothing.
    pub(crate) fn refused(mut self) {
        self.bill = None;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(bill) = self.bill {
            bill.add(self.estimate, true);
        }
    }
}
