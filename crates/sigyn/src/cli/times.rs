//! Times as people write them, and as they are printed.

use std::str::FromStr;

use anyhow::{Result, anyhow};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use sigyn_model::duration::Span;
use sigyn_storage::{Clock as _, SystemClock};

/// Nanoseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    SystemClock.now().0
}

/// A time zone by its name.
#[derive(Debug, Clone)]
pub(super) struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            _ if name.eq_ignore_ascii_case("local") => Ok(Self(TimeZone::system())),
            _ if name.eq_ignore_ascii_case("utc") => Ok(Self(TimeZone::UTC)),
            _ => TimeZone::get(name).map(Self).map_err(|_| {
                format!("'{name}' is not a known time zone; write Local, UTC or a name such as Europe/Oslo")
            }),
        }
    }
}

impl Zone {
    /// To the millisecond: `2026-11-23T10:00:00.123+01:00`, with `Z` for no offset, as Go writes it.
    pub(super) fn format(&self, nanos: i64) -> String {
        self.strftime(nanos, "%Y-%m-%dT%H:%M:%S%.3f%:z")
    }

    /// To the second, for the steps of metrics; more only when there is more.
    pub(super) fn format_step(&self, nanos: i64) -> String {
        if nanos % 1_000_000_000 == 0 { self.strftime(nanos, "%Y-%m-%dT%H:%M:%S%:z") } else { self.format(nanos) }
    }

    /// To the nanosecond, as programs want it.
    pub(super) fn format_exactly(&self, nanos: i64) -> String {
        self.strftime(nanos, "%Y-%m-%dT%H:%M:%S%.f%:z")
    }

    fn strftime(&self, nanos: i64, format: &str) -> String {
        let Ok(timestamp) = jiff::Timestamp::from_nanosecond(i128::from(nanos)) else { return nanos.to_string() };
        let text = timestamp.to_zoned(self.0.clone()).strftime(format).to_string();
        text.strip_suffix("+00:00").map_or_else(|| text.clone(), |head| format!("{head}Z"))
    }
}

/// Reads a time: RFC 3339, a date with or without a time of day in `zone`, Unix time in seconds, milliseconds,
/// microseconds or nanoseconds (told apart by their size), `now`, or a duration ago (`2h`, `-2h`, `now-2h`).
pub(super) fn parse(text: &str, now: i64, zone: &Zone) -> Result<i64> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Some(nanos) = unix(text) {
        return Ok(nanos);
    }
    let ago = text.strip_prefix("now-").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    if ago.starts_with(|c: char| c.is_ascii_digit())
        && let Ok(span) = ago.parse::<Span>()
    {
        return Ok(now.saturating_sub(span.nanos()));
    }
    moment(text, zone).ok_or_else(|| {
        anyhow!(
            "'{text}' is not a time; write 2026-11-23T10:00:00Z, '2026-11-23 10:00', 2026-11-23, \
             Unix time, or a duration ago such as 2h"
        )
    })
}

/// Unix time; the number of digits says its unit.
fn unix(text: &str) -> Option<i64> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.contains('.') {
        let seconds: f64 = text.parse().ok()?;
        return Some((seconds * 1e9) as i64);
    }
    let number: i64 = text.parse().ok()?;
    let scale = match text.len() {
        0..=10 => 1_000_000_000,
        11..=13 => 1_000_000,
        14..=16 => 1_000,
        _ => 1,
    };
    number.checked_mul(scale)
}

fn moment(text: &str, zone: &Zone) -> Option<i64> {
    let timestamp = match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(DateTime::from)).ok()?;
            civil.to_zoned(zone.0.clone()).ok()?.timestamp()
        }
    };
    i64::try_from(timestamp.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_428_000_000_000_000;

    fn zone(name: &str) -> Zone {
        name.parse().expect(name)
    }

    #[test]
    fn times_are_read() {
        let hour = 3_600_000_000_000;
        for (text, expected) in [
            ("now", NOW),
            ("2026-11-23T10:00:00Z", NOW),
            ("2026-11-23T11:00:00+01:00", NOW),
            ("2026-11-23T10:00:00.000000001Z", NOW + 1),
            ("2026-11-23 10:00", NOW),
            ("2026-11-23T10:00:00", NOW),
            ("2026-11-23", NOW - 10 * hour),
            ("1795428000", NOW),
            ("1795428000.5", NOW + 500_000_000),
            ("1795428000123", NOW + 123_000_000),
            ("1795428000123456", NOW + 123_456_000),
            ("1795428000123456789", NOW + 123_456_789),
            ("2h", NOW - 2 * hour),
            ("-2h", NOW - 2 * hour),
            ("now-90m", NOW - hour * 3 / 2),
        ] {
            assert_eq!(parse(text, NOW, &zone("UTC")).ok(), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "10:00", "now+1h", "now1h", "--1h", "99999999999999999999"] {
            assert!(parse(text, NOW, &zone("UTC")).is_err(), "{text}");
        }
    }

    #[test]
    fn zones() {
        let utc = zone("utc");
        assert_eq!(utc.format(NOW + 1_234_567), "2026-11-23T10:00:00.001Z");
        assert_eq!(utc.format_step(NOW), "2026-11-23T10:00:00Z");
        assert_eq!(utc.format_step(NOW + 500_000_000), "2026-11-23T10:00:00.500Z");
        assert_eq!(utc.format_exactly(NOW + 1), "2026-11-23T10:00:00.000000001Z");
        assert!("Middle/Earth".parse::<Zone>().is_err_and(|error| error.contains("'Middle/Earth'")));
        // Machines without a zone database know only UTC and Local.
        if let Ok(oslo) = "Europe/Oslo".parse::<Zone>() {
            assert_eq!(oslo.format_step(NOW), "2026-11-23T11:00:00+01:00");
            assert_eq!(parse("2026-11-23 11:00", NOW, &oslo).ok(), Some(NOW));
        }
    }
}
