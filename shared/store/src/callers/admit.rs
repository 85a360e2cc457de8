//! The decision over a request, and its settlement.

use std::fmt;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::{Deserialize, Serialize};

use super::item::{CallerItem, Place, UNLIMITED};
use super::judge::{Path, Refusal, Verdict, judge, limits};
use super::settle::call_path;
use super::{CallerId, Callers, Limits, TABLE, TOKEN_KEPT_DAYS};
use crate::StoreError;
use crate::expression::Expression;
use crate::item::{Item, from_item};
use crate::update::{Target, Updated};

const ADMIT: &str = "decide over a caller";
/// Each refused attempt means that another request of the same caller came between; these many in a row are not waited for.
const MAX_ATTEMPTS: usize = 10;
/// So many reservations of workers that died are released by the next one.
const MUCH_DEAD_WORK: usize = 10;
/// More callers than these are not remembered by a process.
const MAX_REMEMBERED: usize = 4096;

/// A request that asks to be admitted.
pub struct Ask<'a> {
    /// Who comes.
    pub credential: Credential<'a>,
    /// The scope that it needs; empty where it needs none.
    pub scope: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// The most that the request can cost in millionths of a dollar, given the most tokens that its caller may have written for it
    /// (`None`: as many as the API allows). `None` where it spends nothing.
    pub price: Option<&'a (dyn Fn(Option<u32>) -> u64 + Sync)>,
    /// When the function is surely gone, in milliseconds since 1970: then a reservation that is still there is void.
    pub until_ms: u64,
    /// A short id for the request that no other one of the caller's has, whatever its caller calls it.
    pub call: &'a str,
}

/// Who comes, as far as the credentials themselves say.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// With an API key.
    Key {
        /// The key's public part.
        id: &'a str,
        /// The keyed hash of its secret part, in hexadecimal.
        hash: &'a str,
    },
    /// With a token that has been verified. What it may is in the token, how much is in `limits`.
    Token {
        /// Its issuer and subject.
        id: &'a str,
        /// Its scopes.
        scopes: &'a [String],
        /// What every token's bearer may.
        limits: &'a Limits,
    },
    /// With what an API key opened before, a socket: its secret was shown then.
    Known {
        /// The key's public part.
        id: &'a str,
    },
    /// Nobody: a job that was accepted from this caller is being worked at. Rate, scope and the number of requests at once were
    /// its request's affair; that the caller is not revoked, and can pay, is this one's.
    Work {
        /// The caller's id.
        id: &'a str,
        /// For those who come with tokens, what they all may; a key's limits are in its item.
        limits: Option<&'a Limits>,
    },
}

impl Credential<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Key { id, .. } | Self::Token { id, .. } | Self::Known { id } | Self::Work { id, .. } => id,
        }
    }

    pub(super) fn is_work(&self) -> bool {
        matches!(self, Self::Work { .. })
    }

    /// Its limits, where they are not in the caller's item.
    pub(super) fn own_limits(&self) -> Option<&Limits> {
        match self {
            Self::Key { .. } | Self::Known { .. } => None,
            Self::Token { limits, .. } => Some(limits),
            Self::Work { limits, .. } => *limits,
        }
    }

    fn place(&self) -> Place {
        if self.is_work() { Place::Work } else { Place::Calls }
    }
}

/// A decision.
#[derive(Debug)]
pub enum Decision {
    /// The request may go on.
    Admitted(Box<Admission>),
    /// It may not.
    Refused(Refusal),
}

/// A request that may go on.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The caller.
    pub caller: CallerId,
    /// All that it may.
    pub scopes: Vec<String>,
    /// How much it may.
    pub limits: Limits,
    /// Requests that it may send at once after this one.
    pub requests_left: u32,
    /// Milliseconds after which that are as many as ever.
    pub full_after_ms: u64,
    /// What is reserved for it; to be settled.
    pub held: Option<Held>,
}

/// Money reserved for a request under way, and its place among the caller's requests at once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub(super) caller: CallerId,
    pub(super) place: Place,
    pub(super) call: String,
    pub(super) period: String,
    pub(super) amount: u64,
}

impl Held {
    /// Millionths of a dollar.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} of {}, call {})", self.amount, self.caller, self.call)
    }
}

impl Callers {
    /// Decides over a request: one write in the usual case, see the module.
    ///
    /// # Errors
    /// The database does not answer within about three seconds, or refuses. The request must then not go on.
    pub async fn admit(&self, ask: &Ask<'_>) -> Result<Decision, StoreError> {
        let id = ask.credential.id();
        let remembered = self.remembered().get(id).cloned();
        let mut path = Path::guess(remembered, ask.now_ms);
        for _ in 0..MAX_ATTEMPTS {
            let found = match self.attempt(ask, &path).await? {
                Attempt::Done(item) => {
                    self.forget_dead_work(&item, ask).await;
                    return Ok(self.admitted(&item, ask));
                }
                // An attempt before did it, and its answer was lost on the way.
                Attempt::Refused(Some(item)) if item.holds(ask.credential.place(), ask.call) => {
                    return Ok(self.admitted(&item, ask));
                }
                Attempt::Refused(item) => item,
            };
            match judge(found.as_ref(), ask) {
                Verdict::Refuse(refusal) => return Ok(Decision::Refused(refusal)),
                Verdict::Admit(next) => path = next,
                Verdict::CarryOver => {
                    if let Some(item) = &found {
                        self.carry_over(item, ask.now_ms).await?;
                    }
                }
                Verdict::Release { month, calls } => self.release(id, &month, &calls, ask.now_ms).await?,
            }
        }
        Err(StoreError::Contended { operation: ADMIT })
    }

    /// Releases what dead workers left, once there is much of it: a caller that is never short of money would keep it, and pay for it with
    /// each write of its item.
    async fn forget_dead_work(&self, item: &CallerItem, ask: &Ask<'_>) {
        if !ask.credential.is_work() {
            return;
        }
        let work = item.work.iter().flatten();
        let dead: Vec<_> = work
            .filter(|(_, call)| call.until <= ask.now_ms)
            .map(|(id, call)| (Place::Work, id.clone(), call.clone()))
            .collect();
        if dead.len() >= MUCH_DEAD_WORK {
            let released = self.release(ask.credential.id(), &item.period, &dead, ask.now_ms);
            if let Err(error) = released.await {
                // The next one will.
                tracing::warn!(%error, "could not release what dead workers held");
            }
        }
    }

    async fn attempt(&self, ask: &Ask<'_>, path: &Path) -> Result<Attempt, StoreError> {
        let updated = self
            .target(ask.credential.id())
            .update(admitting(ask, path), ReturnValue::AllNew, ADMIT)
            .await?;
        match updated {
            Updated::Done(item) => Ok(Attempt::Done(read(item)?.unwrap_or_default())),
            Updated::Refused(item) => Ok(Attempt::Refused(read(item)?)),
        }
    }

    /// Whether the condition held.
    pub(super) async fn conditionally(
        &self,
        id: &str,
        expression: Expression,
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let updated = self
            .target(id)
            .update(expression, ReturnValue::None, operation)
            .await?;
        Ok(matches!(updated, Updated::Done(_)))
    }

    fn target<'a>(&'a self, id: &'a str) -> Target<'a> {
        Target::new(&self.client, &self.table, &TABLE, id)
    }

    fn admitted(&self, item: &CallerItem, ask: &Ask<'_>) -> Decision {
        self.remember(ask.credential.id(), item, ask);
        Decision::Admitted(Box::new(admission(item, ask)))
    }

    fn remember(&self, id: &str, item: &CallerItem, ask: &Ask<'_>) {
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let path = Path {
            // The interval between its requests so far says what the next one finds.
            is_busy: item.tat > ask.now_ms + limits(item, ask).rate.interval_ms,
            is_this_month: true,
            month: item.period.clone(),
            has_calls: item.calls.is_some(),
            has_work: item.work.is_some(),
            max_output_tokens: limits(item, ask).max_output_tokens,
        };
        remembered.insert(id.to_owned(), path);
    }
}

enum Attempt {
    /// The caller's item as it is now.
    Done(CallerItem),
    /// The caller's item as it was, if there is one.
    Refused(Option<CallerItem>),
}

fn read(item: Option<Item>) -> Result<Option<CallerItem>, StoreError> {
    item.map(|item| from_item(item).map_err(|error| StoreError::item(ADMIT, error)))
        .transpose()
}

/// The update that admits a caller that is found this way, and the condition that it is and may.
fn admitting(ask: &Ask<'_>, path: &Path) -> Expression {
    let mut update = Expression::default();
    let revoked_at = update.name("revoked_at");
    update.require(format!("attribute_not_exists({revoked_at})"));
    match &ask.credential {
        Credential::Key { hash, .. } => require_key(&mut update, hash, ask),
        Credential::Token { .. } => {
            let expires_at = update.name("expires_at");
            let days = TOKEN_KEPT_DAYS * 24 * 60 * 60;
            let until = update.number("expires_at", ask.now_ms / 1000 + days);
            update.set(expires_at, until);
        }
        Credential::Known { .. } => {
            let known = update.name("hash");
            update.require(format!("attribute_exists({known})"));
            require_scope(&mut update, ask);
        }
        Credential::Work { limits: Some(_), .. } => {}
        Credential::Work { limits: None, .. } => {
            let known = update.name("hash");
            update.require(format!("attribute_exists({known})"));
        }
    }
    take_from_rate(&mut update, ask, path);
    if let Some(price) = ask.price {
        reserve(&mut update, ask, path, price(path.max_output_tokens));
    }
    update
}

fn require_key(update: &mut Expression, hash: &str, ask: &Ask<'_>) {
    let [known, old, old_until] = ["hash", "old_hash", "old_until"].map(|name| update.name(name));
    let hash = update.text("hash", hash);
    let now = update.number("now", ask.now_ms);
    update.require(format!(
        "({known} = {hash} OR ({old} = {hash} AND {old_until} > {now}))"
    ));
    require_scope(update, ask);
}

fn require_scope(update: &mut Expression, ask: &Ask<'_>) {
    if !ask.scope.is_empty() {
        let (scopes, scope) = (update.name("scopes"), update.text("scope", ask.scope));
        update.require(format!("contains({scopes}, {scope})"));
    }
}

/// GCRA, of which there are two forms: the caller is busy, and its times move on by an interval; or it was idle, and they begin now.
fn take_from_rate(update: &mut Expression, ask: &Ask<'_>, path: &Path) {
    if ask.credential.is_work() {
        return;
    }
    let (tat, ready) = (update.name("tat"), update.name("ready"));
    let now = update.number("now", ask.now_ms);
    let (interval, offset) = match ask.credential.own_limits() {
        None if path.is_busy => (update.name("interval"), None),
        None => (update.name("interval"), Some(update.name("offset"))),
        Some(limits) => {
            let interval = update.number("interval", limits.rate.interval_ms);
            let offset = (!path.is_busy).then(|| update.number("offset", limits.rate.offset_ms()));
            (interval, offset)
        }
    };
    match offset {
        None => {
            update.require(format!("{tat} > {now} AND {ready} <= {now}"));
            update.set(&tat, format!("{tat} + {interval}"));
            update.set(&ready, format!("{ready} + {interval}"));
        }
        Some(offset) => {
            update.require(format!("(attribute_not_exists({tat}) OR {tat} <= {now})"));
            update.set(&tat, format!("{interval} + {now}"));
            update.set(&ready, format!("{offset} + {now}"));
        }
    }
}

/// Takes the money from this month's budget, and a place among the requests at once.
fn reserve(update: &mut Expression, ask: &Ask<'_>, path: &Path, amount: u64) {
    let (period, remaining) = (update.name("period"), update.name("remaining"));
    let cost = update.number("cost", amount);
    let this_month = update.text("period", &path.month);
    let limits = ask.credential.own_limits();
    // A whole budget that is too small: the other form's condition does not hold either, and the item is judged.
    let is_too_dear = limits.is_some_and(|limits| limits.budget.unwrap_or(UNLIMITED) < amount);
    let budget = (!path.is_this_month && !is_too_dear).then(|| match limits {
        Some(limits) => update.number("budget", limits.budget.unwrap_or(UNLIMITED)),
        None => {
            let budget = update.name("budget");
            update.require(format!("{budget} >= {cost}"));
            budget
        }
    });
    match budget {
        None => {
            update.require(format!("{period} = {this_month} AND {remaining} >= {cost}"));
            update.set(&remaining, format!("{remaining} - {cost}"));
        }
        Some(budget) => {
            update.require(format!(
                "(attribute_not_exists({period}) OR {period} < {this_month})"
            ));
            // What is left of that has to be carried over first.
            let prepaid = update.name("prepaid");
            update.require(format!("attribute_not_exists({prepaid})"));
            update.set(&remaining, format!("{budget} - {cost}"));
            update.set(&period, &this_month);
        }
    }
    let call = AttributeValue::M(
        [
            ("a".to_owned(), AttributeValue::N(amount.to_string())),
            ("u".to_owned(), AttributeValue::N(ask.until_ms.to_string())),
            ("p".to_owned(), AttributeValue::S(path.month.clone())),
        ]
        .into(),
    );
    take_place(update, ask, path.has(ask.credential.place()), call);
}

/// Puts the reservation into its map, where a request needs one of its caller's places at once.
fn take_place(update: &mut Expression, ask: &Ask<'_>, has_map: bool, call: AttributeValue) {
    let place = ask.credential.place();
    let calls = update.name(place.attribute());
    if !has_map {
        update.require(format!("attribute_not_exists({calls})"));
        let first = AttributeValue::M([(ask.call.to_owned(), call)].into());
        let first = update.value("calls", first);
        return update.set(calls, first);
    }
    if place == Place::Calls {
        let concurrency = match ask.credential.own_limits() {
            Some(limits) => update.number("concurrency", limits.concurrency),
            None => update.name("concurrency"),
        };
        update.require(format!("size({calls}) < {concurrency}"));
    } else {
        update.require(format!("attribute_exists({calls})"));
    }
    let path = call_path(update, place, ask.call, "call");
    update.require(format!("attribute_not_exists({path})"));
    let call = update.value("call", call);
    update.set(path, call);
}

fn admission(item: &CallerItem, ask: &Ask<'_>) -> Admission {
    let limits = limits(item, ask);
    let scopes = match &ask.credential {
        Credential::Key { .. } | Credential::Known { .. } => item.scopes.clone(),
        Credential::Token { scopes, .. } => scopes.to_vec(),
        Credential::Work { .. } => Vec::new(),
    };
    let conforming_ms = i64::try_from(ask.now_ms).unwrap_or(i64::MAX) - item.ready;
    let left = match u64::try_from(conforming_ms) {
        Ok(since) => since / limits.rate.interval_ms.max(1) + 1,
        Err(_) => 0,
    };
    let caller = CallerId::admitted(ask.credential.id());
    let place = ask.credential.place();
    let call = item.held(place).and_then(|calls| calls.get(ask.call));
    let held = call.map(|call| Held {
        caller: caller.clone(),
        place,
        call: ask.call.to_owned(),
        period: call.period.clone(),
        amount: call.amount,
    });
    Admission {
        requests_left: u32::try_from(left).unwrap_or(u32::MAX).min(limits.rate.burst),
        full_after_ms: item.tat.saturating_sub(ask.now_ms),
        caller,
        scopes,
        limits,
        held,
    }
}
