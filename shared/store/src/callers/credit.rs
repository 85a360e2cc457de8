//! Money that was paid in beforehand, and what of it is left when a month ends.
//!
//! It is in `remaining`, together with the month's own budget, which is spent first. `prepaid` says how much of it there was at the
//! month's beginning or has come since, so that what is left of it is the lesser of the two: that goes into the next month. It may be less than nothing, where
//! money was spent and then taken back; that is owed in the next month too. What is reserved when a month ends counts as spent.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::item::{CallerItem, period};
use super::{Callers, TABLE};
use crate::StoreError;
use crate::expression::Expression;
use crate::item::from_item;
use crate::transaction;

const CREDIT: &str = "change a budget";
const CARRY: &str = "carry prepaid money into a new month";
const PREPAID: &str = "prepaid";

impl CallerItem {
    /// What of the prepaid money goes into the next month.
    pub(super) fn carried(&self) -> i64 {
        self.prepaid.map_or(0, |prepaid| prepaid.min(self.remaining))
    }

    /// What a new month begins with.
    pub(super) fn next_month(&self) -> i64 {
        let budget = i64::try_from(self.budget).unwrap_or(i64::MAX);
        budget.saturating_add(self.carried())
    }
}

impl Callers {
    /// A part of a transaction that changes the budget of a key by so many millionths of a dollar, also to less than nothing; `None` if
    /// there is no such key.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub(crate) async fn crediting(
        &self,
        id: &str,
        micro_dollars: i64,
        now_ms: u64,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let key = (
            TABLE.key.partition.name.to_owned(),
            AttributeValue::S(id.to_owned()),
        );
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(&key.0, key.1.clone())
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::call(CREDIT, error))?;
        let Some(item) = read.item else { return Ok(None) };
        let item: CallerItem = from_item(item).map_err(|error| StoreError::item(CREDIT, error))?;
        // Those who come with tokens have no prepaid money: nothing that a payment could name.
        if item.hash.is_none() {
            return Ok(None);
        }
        let change = credit(&item, micro_dollars, now_ms);
        transaction::update(&self.table, [key].into(), change, CREDIT).map(Some)
    }

    /// Begins a new month for a caller that has prepaid money, unless somebody else does.
    pub(super) async fn carry_over(&self, item: &CallerItem, now_ms: u64) -> Result<(), StoreError> {
        self.conditionally(&item.caller, new_month(item, 0, now_ms), CARRY)
            .await?;
        Ok(())
    }
}

fn credit(item: &CallerItem, micro_dollars: i64, now_ms: u64) -> Expression {
    if item.period < period(now_ms).0 {
        return new_month(item, micro_dollars, now_ms);
    }
    // The caller may be spending meanwhile.
    let mut credit = Expression::default();
    let [remaining, prepaid, month] = ["remaining", PREPAID, "period"].map(|name| credit.name(name));
    let (change, zero) = (credit.number("change", micro_dollars), credit.number("zero", 0));
    credit.set(&remaining, format!("{remaining} + {change}"));
    credit.set(&prepaid, format!("if_not_exists({prepaid}, {zero}) + {change}"));
    let this_month = credit.text("period", &item.period);
    credit.require(format!("{month} = {this_month}"));
    credit
}

/// A new month's budget, with what is carried over and what is paid in now; if the item is as it was read.
fn new_month(item: &CallerItem, micro_dollars: i64, now_ms: u64) -> Expression {
    let mut begin = Expression::default();
    let [remaining, prepaid, month] = ["remaining", PREPAID, "period"].map(|name| begin.name(name));
    let (was_remaining, was_period) = (
        begin.number("was_remaining", item.remaining),
        begin.text("was_period", &item.period),
    );
    begin.require(format!(
        "{remaining} = {was_remaining} AND {month} = {was_period}"
    ));
    match item.prepaid {
        Some(was) => {
            let was = begin.number("was_prepaid", was);
            begin.require(format!("{prepaid} = {was}"));
        }
        None => begin.require(format!("attribute_not_exists({prepaid})")),
    }
    begin.set_number("remaining", item.next_month().saturating_add(micro_dollars));
    begin.set_number(PREPAID, item.carried().saturating_add(micro_dollars));
    begin.set_text("period", &period(now_ms).0);
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(budget: u64, remaining: i64, prepaid: Option<i64>) -> CallerItem {
        CallerItem {
            budget,
            remaining,
            prepaid,
            ..CallerItem::default()
        }
    }

    #[test]
    fn what_was_prepaid_and_not_spent_goes_into_the_next_month() {
        for (remaining, prepaid, next) in [
            // The month's own 5 are spent first.
            (15, Some(10), 15),
            (12, Some(10), 15),
            (4, Some(10), 9),
            // Spent, and then taken back: it is owed.
            (-7, Some(0), -2),
            // Without any, a month begins as ever.
            (3, None, 5),
            (-1, None, 5),
        ] {
            assert_eq!(item(5, remaining, prepaid).next_month(), next, "{remaining}");
        }
    }
}
