//! What is known of a payment, whatever order it became known in.
//!
//! Events come late, twice and in any order. So none of them changes a budget by what it says: each adds what it says to what is known of its payment,
//! and the budget is changed by the difference that this makes to what the payment is worth. What was paid counts once, a refund once for
//! each charge and at its highest, and a refund that comes before its payment counts when that comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an event says of a payment. Amounts are in the smallest unit of their currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It was paid.
    Paid(Paid),
    /// Some of it was given back.
    Refunded(Refunded),
    /// It paid an invoice, so that its refunds are that one's.
    Pays {
        /// The payment.
        payment: String,
        /// The invoice.
        invoice: String,
    },
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// Its id, or its invoice's.
    pub payment: String,
    /// The id of the key whose budget it tops up.
    pub caller: String,
    /// How much was paid.
    pub amount: u64,
    /// Of which currency, in lower case.
    pub currency: String,
    /// What one of these units is worth, in millionths of a dollar.
    pub rate: u64,
}

/// A charge of which some was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The payment that it is of.
    pub payment: String,
    /// The charge.
    pub charge: String,
    /// How much was given back of it so far, all refunds together.
    pub amount: u64,
    /// Of which currency, in lower case.
    pub currency: String,
}

/// What is known of a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Payment {
    pub(super) id: String,
    /// Counts changes, so that none is lost.
    pub(super) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u64>,
    /// By charge.
    refunds: BTreeMap<String, Refund>,
    /// The invoice that it pays, which stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invoice: Option<String>,
    /// What of it is in its caller's budget, in millionths of a dollar.
    credited: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Refund {
    amount: u64,
    currency: String,
}

impl Payment {
    /// Nothing is known of it yet.
    pub(super) fn unknown(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..Self::default()
        }
    }

    /// It was paid. `false` if that is known.
    pub(super) fn paid(&mut self, paid: &Paid) -> bool {
        if self.amount.is_some() {
            return false;
        }
        self.caller = Some(paid.caller.clone());
        self.amount = Some(paid.amount);
        self.currency = Some(paid.currency.clone());
        self.rate = Some(paid.rate);
        true
    }

    /// So much of it was given back. `false` if as much or more is known.
    pub(super) fn refunded(&mut self, refunded: &Refunded) -> bool {
        let refund = Refund {
            amount: refunded.amount,
            currency: refunded.currency.clone(),
        };
        self.refund(&refunded.charge, refund)
    }

    fn refund(&mut self, charge: &str, refund: Refund) -> bool {
        match self.refunds.get_mut(charge) {
            Some(known) if known.amount >= refund.amount => false,
            Some(known) => {
                *known = refund;
                true
            }
            None => {
                self.refunds.insert(charge.to_owned(), refund);
                true
            }
        }
    }

    /// It pays this invoice, which gets its refunds. `false` if that is known, or it stands for itself.
    pub(super) fn pays(&mut self, invoice: &mut Self) -> bool {
        if self.invoice.is_some() || self.amount.is_some() {
            return false;
        }
        self.invoice = Some(invoice.id.clone());
        for (charge, refund) in &self.refunds {
            invoice.refund(charge, refund.clone());
        }
        true
    }

    /// What its caller's budget has to be changed by, in millionths of a dollar; from then on it is as it should be.
    pub(super) fn settle(&mut self) -> i64 {
        let worth = i64::try_from(self.worth()).unwrap_or(i64::MAX);
        let change = worth - self.credited;
        self.credited = worth;
        change
    }

    /// What was paid and not given back.
    fn worth(&self) -> u64 {
        let (Some(amount), Some(rate)) = (self.amount, self.rate) else {
            return 0;
        };
        let of_its_currency = self
            .refunds
            .values()
            .filter(|refund| Some(&refund.currency) == self.currency.as_ref());
        let refunded = of_its_currency.fold(0_u64, |sum, refund| sum.saturating_add(refund.amount));
        amount.saturating_sub(refunded).saturating_mul(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(amount: u64) -> Paid {
        Paid {
            payment: "pi_1".to_owned(),
            caller: "alice".to_owned(),
            amount,
            currency: "usd".to_owned(),
            rate: 10_000,
        }
    }

    fn refunded(charge: &str, amount: u64) -> Refunded {
        Refunded {
            payment: "pi_1".to_owned(),
            charge: charge.to_owned(),
            amount,
            currency: "usd".to_owned(),
        }
    }

    #[test]
    fn what_was_paid_counts_once() {
        let mut payment = Payment::unknown("pi_1");
        assert!(payment.paid(&paid(1000)));
        assert_eq!(payment.settle(), 10_000_000);
        assert!(!payment.paid(&paid(1000)));
        assert_eq!(payment.settle(), 0);
    }

    #[test]
    fn of_a_second_refund_the_difference_counts_and_of_an_older_one_nothing() {
        let mut payment = Payment::unknown("pi_1");
        payment.paid(&paid(1000));
        payment.settle();
        assert!(payment.refunded(&refunded("ch_1", 300)));
        assert_eq!(payment.settle(), -3_000_000);
        assert!(payment.refunded(&refunded("ch_1", 500)));
        assert_eq!(payment.settle(), -2_000_000);
        assert!(!payment.refunded(&refunded("ch_1", 300)));
        assert_eq!(payment.settle(), 0);
        // More than was paid is not taken back.
        assert!(payment.refunded(&refunded("ch_2", 5000)));
        assert_eq!(payment.settle(), -5_000_000);
    }

    #[test]
    fn every_order_of_the_same_events_ends_the_same() {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let mut payment = Payment::unknown("pi_1");
            let mut budget = 0;
            for event in order {
                match event {
                    0 => payment.paid(&paid(1000)),
                    1 => payment.refunded(&refunded("ch_1", 200)),
                    _ => payment.refunded(&refunded("ch_1", 700)),
                };
                budget += payment.settle();
            }
            assert_eq!(budget, 3_000_000, "{order:?}");
        }
    }

    #[test]
    fn refunds_of_a_payment_are_its_invoices_whichever_is_known_first() {
        let (mut payment, mut invoice) = (Payment::unknown("pi_1"), Payment::unknown("in_1"));
        payment.refunded(&refunded("ch_1", 400));
        assert!(payment.pays(&mut invoice));
        assert!(!payment.pays(&mut invoice));
        invoice.paid(&paid(1000));
        assert_eq!((invoice.settle(), payment.settle()), (6_000_000, 0));
    }

    #[test]
    fn a_refund_in_another_currency_takes_nothing_back() {
        let mut payment = Payment::unknown("pi_1");
        payment.paid(&paid(1000));
        payment.refunded(&Refunded {
            currency: "eur".to_owned(),
            ..refunded("ch_1", 1000)
        });
        assert_eq!(payment.settle(), 10_000_000);
    }
}
