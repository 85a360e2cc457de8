//! What a caller's item says of a request: how to admit it, or why not.

use subtle::ConstantTimeEq as _;

use super::admit::{Ask, Credential};
use super::item::{Call, CallerItem, Place, period};
use super::{Limits, Rate};

/// Why a caller's request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such key, or its secret is another one, or it is revoked. Whoever asks is not told which.
    Unknown,
    /// The caller lacks the scope.
    Scope,
    /// It asks too often.
    Rate {
        /// Milliseconds after which one request conforms.
        wait_ms: u64,
        /// Its rate.
        rate: Rate,
    },
    /// It has as many requests under way as it may.
    Concurrency {
        /// How many those are.
        limit: u32,
    },
    /// What is left of its budget does not cover the most that the request can cost.
    Budget {
        /// Milliseconds after which it may: soon if requests under way may give money back, else the next month.
        wait_ms: u64,
    },
}

impl Refusal {
    /// Whether it may be another answer soon: requests under way may give money back.
    #[must_use]
    pub fn is_for_now(&self) -> bool {
        matches!(self, Self::Budget { wait_ms } if *wait_ms <= SOON_MS)
    }
}

/// How a caller is found, which decides what the update and its condition say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// GCRA's `tat` is still to come.
    pub(super) is_busy: bool,
    /// `period` is `month` already.
    pub(super) is_this_month: bool,
    /// The month whose budget pays: this one, or the item's where another clock is ahead of ours.
    pub(super) month: String,
    /// There is a map of calls.
    pub(super) has_calls: bool,
    /// There is a map of work.
    pub(super) has_work: bool,
    /// Its own limit of tokens, as far as it is known.
    pub(super) max_output_tokens: Option<u32>,
}

impl Path {
    /// Whether there is this map.
    pub(super) fn has(&self, place: Place) -> bool {
        match place {
            Place::Calls => self.has_calls,
            Place::Work => self.has_work,
        }
    }

    /// How a caller is likely to be found: as it was left, or idle where this process has not seen it.
    pub(super) fn guess(remembered: Option<Self>, now_ms: u64) -> Self {
        let (month, _) = period(now_ms);
        match remembered {
            Some(path) if path.month >= month => path,
            Some(path) => Self {
                is_this_month: false,
                month,
                ..path
            },
            None => Self {
                is_busy: false,
                is_this_month: true,
                month,
                has_calls: true,
                has_work: true,
                max_output_tokens: None,
            },
        }
    }
}

/// What follows from an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Refuse.
    Refuse(Refusal),
    /// Admit, this way.
    Admit(Path),
    /// Begin the new month with what is left of prepaid money, and look again.
    CarryOver,
    /// Release these calls, whose functions died, and look again.
    Release {
        /// The item's own month.
        month: String,
        /// Where they stand, their ids and what is reserved for them.
        calls: Vec<(Place, String, Call)>,
    },
}

/// Milliseconds after which to ask again where money may come back from requests under way.
const SOON_MS: u64 = 1000;

/// Judges a request by the item of its caller; `None` where there is none.
pub(super) fn judge(item: Option<&CallerItem>, ask: &Ask<'_>) -> Verdict {
    let none = CallerItem::default();
    let known = item.unwrap_or(&none);
    if !is_valid(known, ask) {
        return Verdict::Refuse(Refusal::Unknown);
    }
    if !has_scope(known, ask) {
        return Verdict::Refuse(Refusal::Scope);
    }
    let limits = limits(known, ask);
    let is_busy = known.tat > ask.now_ms;
    let wait_ms = u64::try_from(known.ready).unwrap_or(0).saturating_sub(ask.now_ms);
    if is_busy && wait_ms > 0 && !ask.credential.is_work() {
        let rate = limits.rate;
        return Verdict::Refuse(Refusal::Rate { wait_ms, rate });
    }
    let (now_month, _) = period(ask.now_ms);
    let is_this_month = known.period >= now_month;
    let path = Path {
        is_busy,
        is_this_month,
        month: if is_this_month {
            known.period.clone()
        } else {
            now_month
        },
        has_calls: known.calls.is_some(),
        has_work: known.work.is_some(),
        max_output_tokens: limits.max_output_tokens,
    };
    match ask.price {
        None => Verdict::Admit(path),
        Some(price) => judge_spending(known, ask, &limits, path, price(limits.max_output_tokens)),
    }
}

/// Judges the money, and the requests at once.
fn judge_spending(item: &CallerItem, ask: &Ask<'_>, limits: &Limits, path: Path, cost: u64) -> Verdict {
    let held = Place::ALL.into_iter().flat_map(|place| {
        let calls = item.held(place).into_iter().flatten();
        calls.map(move |(id, call)| (place, id, call))
    });
    let (live, dead): (Vec<_>, Vec<_>) = held.partition(|(_, _, call)| call.until > ask.now_ms);
    let release = || Verdict::Release {
        month: item.period.clone(),
        calls: dead
            .iter()
            .map(|(place, id, call)| (*place, (*id).clone(), (*call).clone()))
            .collect(),
    };
    let limit = limits.concurrency as usize;
    let at_once = |held: &[(Place, _, _)]| held.iter().filter(|(place, ..)| *place == Place::Calls).count();
    if !ask.credential.is_work() {
        if at_once(&live) >= limit {
            return Verdict::Refuse(Refusal::Concurrency {
                limit: limits.concurrency,
            });
        }
        if at_once(&live) + at_once(&dead) >= limit {
            return release();
        }
    }
    if !path.is_this_month && item.prepaid.is_some() {
        return Verdict::CarryOver;
    }
    let left = if path.is_this_month {
        i128::from(item.remaining)
    } else {
        i128::from(limits.budget.unwrap_or(super::item::UNLIMITED))
    };
    if left >= i128::from(cost) {
        return Verdict::Admit(path);
    }
    let reserved = |calls: &[(Place, &String, &Call)]| -> i128 {
        let of_month = calls.iter().filter(|(_, _, call)| call.period == path.month);
        of_month.map(|(_, _, call)| i128::from(call.amount)).sum()
    };
    if path.is_this_month && reserved(&dead) > 0 {
        return release();
    }
    let wait_ms = if path.is_this_month && left + reserved(&live) >= i128::from(cost) {
        SOON_MS
    } else {
        period(ask.now_ms).1
    };
    Verdict::Refuse(Refusal::Budget { wait_ms })
}

/// Whether the credential is the caller's. Hashes are compared in constant time.
fn is_valid(item: &CallerItem, ask: &Ask<'_>) -> bool {
    let Credential::Key { hash, .. } = &ask.credential else {
        // A key that is deleted has no item; work on behalf of a token's bearer may find none yet.
        let is_there = ask.credential.own_limits().is_some() || item.hash.is_some();
        return item.revoked_at.is_none() && is_there;
    };
    let matches = |known: Option<&String>| {
        known.is_some_and(|known| bool::from(known.as_bytes().ct_eq(hash.as_bytes())))
    };
    let is_old = item.old_until.is_some_and(|until| until > ask.now_ms);
    item.revoked_at.is_none() && (matches(item.hash.as_ref()) || (is_old && matches(item.old_hash.as_ref())))
}

fn has_scope(item: &CallerItem, ask: &Ask<'_>) -> bool {
    let scopes = match &ask.credential {
        Credential::Key { .. } | Credential::Known { .. } => &item.scopes,
        Credential::Token { scopes, .. } => *scopes,
        Credential::Work { .. } => return true,
    };
    ask.scope.is_empty() || scopes.iter().any(|scope| scope == ask.scope)
}

/// The caller's limits: a key's are in its item, a token's are everybody's.
pub(super) fn limits(item: &CallerItem, ask: &Ask<'_>) -> Limits {
    let own = ask.credential.own_limits();
    own.map_or_else(|| item.limits(), Clone::clone)
}

impl CallerItem {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            rate: Rate {
                interval_ms: self.interval,
                burst: self.burst,
            },
            budget: (self.budget < super::item::UNLIMITED).then_some(self.budget),
            concurrency: self.concurrency,
            max_output_tokens: self.max_output_tokens,
        }
    }
}
