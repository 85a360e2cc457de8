//! Points in time as text whose alphabetical order is the order of time: RFC 3339, UTC, with milliseconds,
//! always 24 characters (`2026-11-21T09:30:00.250Z`). What is finer than a millisecond is cut off.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

const INSTANT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// An instant as it is written everywhere: RFC 3339 in UTC, with milliseconds. Empty for one outside of the calendar's years.
#[must_use]
pub fn instant_text(instant: OffsetDateTime) -> String {
    format_instant(instant).unwrap_or_default()
}

pub(crate) fn format_instant(instant: OffsetDateTime) -> Result<String, time::error::Format> {
    instant.to_offset(UtcOffset::UTC).format(INSTANT)
}

pub(crate) fn format_day(day: Date) -> Result<String, time::error::Format> {
    day.format(DAY)
}

/// The instant that is this many milliseconds after 1970 began; 1970 itself for a clock that is past the year 9999.
#[must_use]
pub fn instant_of(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// For `#[serde(with = "timestamp")]`.
pub(crate) fn serialize<S: Serializer>(instant: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    format_instant(*instant)
        .map_err(ser::Error::custom)?
        .serialize(serializer)
}

/// For `#[serde(with = "timestamp")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    PrimitiveDateTime::parse(&text, INSTANT)
        .map(PrimitiveDateTime::assume_utc)
        .map_err(de::Error::custom)
}

/// For `#[serde(with = "timestamp::option")]`, beside `default` and `skip_serializing_if`: what is not known has no attribute.
pub(crate) mod option {
    use serde::{Deserializer, Serializer};
    use time::OffsetDateTime;

    pub(crate) fn serialize<S: Serializer>(
        instant: &Option<OffsetDateTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match instant {
            Some(instant) => super::serialize(instant, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_instant_is_written_in_utc_with_three_digits_of_milliseconds() {
        let instant = datetime!(2026-01-02 01:02:03.0049 +01:00);
        assert_eq!(format_instant(instant).unwrap(), "2026-01-02T00:02:03.004Z");
    }
}
