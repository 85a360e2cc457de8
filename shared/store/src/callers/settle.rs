//! What becomes of a reservation: settled by its own function, or released by somebody else when that one is gone.

use super::item::{Call, Place, period};
use super::{Callers, Held};
use crate::StoreError;
use crate::expression::Expression;

const SETTLE: &str = "settle what a request cost";
const RELEASE: &str = "release what a dead function held";
/// More at once would make an expression longer than DynamoDB takes (4 KB).
const MAX_RELEASED: usize = 25;

impl Callers {
    /// Gives back what was reserved for a request and not spent, and its place. A second settlement changes nothing.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The reservation is then released when it is void.
    pub async fn settle(&self, held: &Held, spent: u64) -> Result<(), StoreError> {
        let mut settling = Expression::default();
        let call = call_path(&mut settling, held.place, &held.call, "call");
        let (period, remaining) = (settling.name("period"), settling.name("remaining"));
        let (month, back) = (
            settling.text("period", &held.period),
            settling.number("back", i128::from(held.amount) - i128::from(spent)),
        );
        settling.set(&remaining, format!("{remaining} + {back}"));
        settling.remove(&call);
        settling.require(format!("attribute_exists({call})"));
        settling.require(format!("{period} = {month}"));
        if self.conditionally(held.caller.as_str(), settling, SETTLE).await? {
            return Ok(());
        }
        // Its month is over, and with it the budget that it was taken from; or it is settled already.
        let mut removing = Expression::default();
        let call = call_path(&mut removing, held.place, &held.call, "call");
        removing.remove(&call);
        removing.require(format!("attribute_exists({call})"));
        self.conditionally(held.caller.as_str(), removing, SETTLE).await?;
        Ok(())
    }

    /// Releases calls whose functions died, the first [`MAX_RELEASED`] of them: their places, and what was taken from the budget of
    /// `item_month`, the item's own. If another process does so at the same time, one of them does it.
    pub(super) async fn release(
        &self,
        id: &str,
        item_month: &str,
        calls: &[(Place, String, Call)],
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (now_month, _) = period(now_ms);
        let calls = &calls[..calls.len().min(MAX_RELEASED)];
        let mut releasing = Expression::default();
        let mut back: u64 = 0;
        for (index, (place, call_id, call)) in calls.iter().enumerate() {
            let path = call_path(&mut releasing, *place, call_id, &format!("call{index}"));
            releasing.require(format!("attribute_exists({path})"));
            releasing.remove(path);
            back += if call.period == item_month { call.amount } else { 0 };
        }
        // An earlier month's budget is of no use to anybody; then only the places count.
        if item_month >= now_month.as_str() {
            let (period, remaining) = (releasing.name("period"), releasing.name("remaining"));
            let month = releasing.text("period", item_month);
            releasing.require(format!("{period} = {month}"));
            let back = releasing.number("back", back);
            releasing.set(&remaining, format!("{remaining} + {back}"));
        }
        if self.conditionally(id, releasing, RELEASE).await? {
            // What those functions spent before they died nobody knows, so that nobody pays for it.
            tracing::warn!(
                caller = id,
                calls = calls.len(),
                micro_dollars = back,
                "released what dead functions held"
            );
        }
        Ok(())
    }
}

/// The path of a call in its map.
pub(super) fn call_path(expression: &mut Expression, place: Place, call: &str, stand_in: &str) -> String {
    let calls = expression.name(place.attribute());
    let stand_in = format!("#{stand_in}");
    expression.names.insert(stand_in.clone(), call.to_owned());
    format!("{calls}.{stand_in}")
}
