//! A caller's item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Month, OffsetDateTime};

/// A budget that never ends: no bill reaches a billion dollars.
pub(super) const UNLIMITED: u64 = 1_000_000_000_000_000;

/// What is known of a caller. A token's item begins without most of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CallerItem {
    pub(super) caller: String,
    /// What the key is for. Only keys have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The keyed hash of the key's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<String>,
    /// The one before a rotation, valid until `old_until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<u64>,
    pub(super) scopes: Vec<String>,
    pub(super) interval: u64,
    pub(super) offset: i64,
    pub(super) burst: u32,
    pub(super) tat: u64,
    pub(super) ready: i64,
    pub(super) budget: u64,
    pub(super) remaining: i64,
    /// What was paid in beforehand: at the month's beginning, and since. Only keys have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prepaid: Option<i64>,
    pub(super) period: String,
    pub(super) concurrency: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls: Option<BTreeMap<String, Call>>,
    /// The same for work: it is not counted among the requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) work: Option<BTreeMap<String, Call>>,
    pub(super) created_at: u64,
}

impl CallerItem {
    /// Whether this call is among those under way.
    pub(super) fn holds(&self, place: Place, call: &str) -> bool {
        self.held(place).is_some_and(|calls| calls.contains_key(call))
    }

    /// What is reserved at this place.
    pub(super) fn held(&self, place: Place) -> Option<&BTreeMap<String, Call>> {
        match place {
            Place::Calls => self.calls.as_ref(),
            Place::Work => self.work.as_ref(),
        }
    }
}

/// Which of an item's maps a reservation stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// The requests under way.
    Calls,
    /// The jobs being worked at.
    Work,
}

impl Place {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Calls, Self::Work];

    /// The map's attribute.
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Work => "work",
        }
    }
}

/// A request under way, and what is reserved for it. With short names: an item has many, and is paid for by its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    /// Millionths of a dollar.
    #[serde(rename = "a")]
    pub(super) amount: u64,
    /// When its function is surely gone, in ms since 1970.
    #[serde(rename = "u")]
    pub(super) until: u64,
    /// The month whose budget it was taken from.
    #[serde(rename = "p")]
    pub(super) period: String,
}

/// The month of a time, `2026-11`, and the milliseconds until the next one.
pub(super) fn period(now_ms: u64) -> (String, u64) {
    let now = i64::try_from(now_ms / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month) = (now.year(), now.month());
    let next_year = if month == Month::December { year + 1 } else { year };
    let next = time::Date::from_calendar_date(next_year, month.next(), 1)
        .map_or(now, |date| date.midnight().assume_utc());
    let left = (next - now).whole_milliseconds();
    (
        format!("{year:04}-{:02}", u8::from(month)),
        u64::try_from(left).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn of(now: OffsetDateTime) -> (String, u64) {
        period(u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap())
    }

    #[test]
    fn a_month_ends_where_the_next_begins_also_at_the_end_of_a_year() {
        assert_eq!(
            of(datetime!(2026-11-30 23:59:58 UTC)),
            ("2026-11".to_owned(), 2000)
        );
        assert_eq!(
            of(datetime!(2026-12-31 23:00 UTC)),
            ("2026-12".to_owned(), 3_600_000)
        );
    }
}
