//! What an event says of a payment, and what follows from it for a caller's budget: one transaction with the event's end.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use super::event::ending;
use super::payment::{Fact, Payment};
use super::{EventStatus, TABLE, Webhooks};
use crate::expression::Expression;
use crate::item::{from_item, to_item};
use crate::pause::pause;
use crate::transaction::{Ended, built, transact, update};
use crate::{Callers, StoreError};

const POST: &str = "post a payment";
/// While others write the same payment or caller; each takes some 20 ms.
const MAX_ATTEMPTS: u32 = 10;

/// Payments and the budgets that they top up.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The events, and what is known of payments.
    pub webhooks: Webhooks,
    /// Whose budgets they change.
    pub callers: Callers,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It is handled.
    Done {
        /// What a budget was changed by, in millionths of a dollar.
        micro_dollars: i64,
    },
    /// It is ignored, for this reason.
    Ignored(&'static str),
    /// It had ended before.
    Ended,
}

const KNOWN: &str = "it says nothing that is not known";
const NO_KEY: &str = "there is no such key";

impl Ledger {
    /// Adds what an event says to what is known of its payment, changes the budget by what follows, and ends the event: all of it, once.
    ///
    /// # Errors
    /// The database does not answer, or refuses. The event is then as it was.
    pub async fn post(&self, event_id: &str, fact: &Fact, now_ms: u64) -> Result<Posted, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(event_id, attempt)).await;
            }
            let Some(mut changed) = self.apply(fact).await? else {
                return self.ignore(event_id, KNOWN, now_ms).await;
            };
            let micro_dollars = changed.last_mut().map_or(0, Payment::settle);
            let mut writes = vec![self.end(event_id, now_ms)?];
            if micro_dollars != 0 {
                let caller = changed.last().and_then(|payment| payment.caller.clone());
                let caller = caller.unwrap_or_default();
                let Some(credit) = self.callers.crediting(&caller, micro_dollars, now_ms).await? else {
                    return self.ignore(event_id, NO_KEY, now_ms).await;
                };
                writes.push(credit);
            }
            for payment in &changed {
                writes.push(self.put(payment)?);
            }
            match transact(&self.webhooks.client, writes, POST).await? {
                Ended::Written => return Ok(Posted::Done { micro_dollars }),
                Ended::FirstRefused => return Ok(Posted::Ended),
                Ended::Meanwhile => {}
            }
        }
        Err(StoreError::Contended { operation: POST })
    }

    /// The payments that a fact changes, the one that counts last; `None` if it changes none.
    async fn apply(&self, fact: &Fact) -> Result<Option<Vec<Payment>>, StoreError> {
        let (is_news, changed) = match fact {
            Fact::Paid(paid) => {
                let mut payment = self.payment(&paid.payment).await?;
                (payment.paid(paid), vec![payment])
            }
            Fact::Refunded(refunded) => {
                let mut payment = self.payment(&refunded.payment).await?;
                // Once it pays an invoice it does so for ever.
                if let Some(invoice) = payment.invoice {
                    payment = self.read(&invoice).await?;
                }
                (payment.refunded(refunded), vec![payment])
            }
            Fact::Pays { payment, invoice } => {
                let mut payment = self.payment(payment).await?;
                let mut invoice = self.payment(invoice).await?;
                (payment.pays(&mut invoice), vec![payment, invoice])
            }
        };
        Ok(is_news.then_some(changed))
    }

    async fn payment(&self, id: &str) -> Result<Payment, StoreError> {
        self.read(&format!("payment#{id}")).await
    }

    async fn read(&self, key: &str) -> Result<Payment, StoreError> {
        match self.webhooks.read(key, POST).await? {
            Some(item) => from_item(item).map_err(|error| StoreError::item(POST, error)),
            None => Ok(Payment::unknown(key)),
        }
    }

    async fn ignore(&self, event_id: &str, reason: &'static str, now_ms: u64) -> Result<Posted, StoreError> {
        let status = EventStatus::Ignored;
        self.webhooks.end(event_id, status, Some(reason), now_ms).await?;
        Ok(Posted::Ignored(reason))
    }

    fn end(&self, event_id: &str, now_ms: u64) -> Result<TransactWriteItem, StoreError> {
        let key = (
            TABLE.key.partition.name.to_owned(),
            AttributeValue::S(event_id.to_owned()),
        );
        let ending = ending(EventStatus::Handled, None, now_ms);
        update(&self.webhooks.table, [key].into(), ending, POST)
    }

    /// Writes a payment, if it is still as it was read.
    fn put(&self, payment: &Payment) -> Result<TransactWriteItem, StoreError> {
        let mut next = payment.clone();
        next.version += 1;
        let mut condition = Expression::default();
        let version = condition.name("version");
        let unchanged = if payment.version == 0 {
            format!("attribute_not_exists({version})")
        } else {
            format!("{version} = {}", condition.number("version", payment.version))
        };
        let values = (!condition.values.is_empty()).then_some(condition.values);
        let put = Put::builder()
            .table_name(&self.webhooks.table)
            .set_item(Some(
                to_item(&next).map_err(|error| StoreError::item(POST, error))?,
            ))
            .condition_expression(unchanged)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(values)
            .build()
            .map_err(|source| built(POST, source))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
