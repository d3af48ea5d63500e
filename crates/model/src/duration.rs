//! Durations as Prometheus and Go write them, in nanoseconds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub const MILLISECOND: i64 = 1_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Prometheus units, largest first; each at most once and in this order.
const PROMETHEUS_UNITS: [(&str, i64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)];

/// Reads `1h30m`, `7d`, `250ms` (Prometheus syntax: whole numbers, units in descending order) as nanoseconds.
/// `0` alone is accepted. Errors use Prometheus's words, which clients of Loki see.
pub fn parse_prometheus(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    if text == "0" {
        return Ok(0);
    }
    let invalid = || format!("not a valid duration string: {text:?}");
    let (mut rest, mut total, mut next_unit) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 || digits == rest.len() {
            return Err(invalid());
        }
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit = &rest[digits..unit_end];
        let Some(at) = PROMETHEUS_UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit {unit:?} in duration {text:?}"));
        };
        if at < next_unit {
            return Err(invalid());
        }
        next_unit = at + 1;
        let count: i64 = rest[..digits].parse().map_err(|_| "duration out of range".to_owned())?;
        total = count
            .checked_mul(PROMETHEUS_UNITS[at].1)
            .and_then(|nanos| total.checked_add(nanos))
            .ok_or_else(|| "duration out of range".to_owned())?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// Writes nanoseconds as Prometheus does: `1m30s`, `2h`, `1d`, `250ms`, `0s`. Weeks and years only when exact.
#[must_use]
pub fn format_prometheus(nanos: i64) -> String {
    let mut millis = nanos / MILLISECOND;
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if millis < 0 {
        out.push('-');
        millis = -millis;
    }
    for (unit, nanos, only_exact) in [
        ("y", 365 * DAY, true),
        ("w", 7 * DAY, true),
        ("d", DAY, false),
        ("h", HOUR, false),
        ("m", MINUTE, false),
        ("s", SECOND, false),
        ("ms", MILLISECOND, false),
    ] {
        let size = nanos / MILLISECOND;
        if only_exact && millis % size != 0 {
            continue;
        }
        if millis >= size {
            out.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    out
}

const GO_UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads Go's `time.ParseDuration` syntax (`1.5h`, `-2m3.5s`, `300ms`) as nanoseconds, with Go's error texts.
pub fn parse_go(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", crate::labels::GoQuoted(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..number_end];
        if number.is_empty() || number == "." || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        rest = &rest[number_end..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..unit_end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", crate::labels::GoQuoted(text)));
        }
        let Some((_, scale)) = GO_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!(
                "time: unknown unit {} in duration {}",
                crate::labels::GoQuoted(unit),
                crate::labels::GoQuoted(text)
            ));
        };
        let nanos = scaled(number, *scale).ok_or_else(invalid)?;
        total = total.checked_add(nanos).filter(|nanos| *nanos <= i128::from(i64::MAX)).ok_or_else(invalid)?;
        rest = &rest[unit_end..];
    }
    let nanos = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -nanos } else { nanos })
}

/// `number · scale` in whole nanoseconds; digits past the eighteenth decimal do not count.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let unit = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(digits * scale / unit)
}

/// Writes nanoseconds as Go's `Duration.String`: `1h30m0s`, `1.5s`, `250ms`, `0s`.
#[must_use]
pub fn format_go(nanos: i64) -> String {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    if magnitude < SECOND as u64 {
        let (value, unit) = match magnitude {
            0 => return "0s".to_owned(),
            1..1_000 => (magnitude as f64, "ns"),
            1_000..1_000_000 => (magnitude as f64 / 1e3, "µs"),
            _ => (magnitude as f64 / 1e6, "ms"),
        };
        return format!("{sign}{value}{unit}");
    }
    let (whole_seconds, fraction) = (magnitude / SECOND as u64, magnitude % SECOND as u64);
    let (hours, minutes, seconds) = (whole_seconds / 3600, whole_seconds / 60 % 60, whole_seconds % 60);
    let fraction =
        if fraction == 0 { String::new() } else { format!(".{fraction:09}").trim_end_matches('0').to_owned() };
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}{fraction}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}{fraction}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

/// A duration in a settings file: Prometheus or Go syntax, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span(pub i64);

impl Span {
    #[must_use]
    pub const fn seconds(n: i64) -> Self {
        Self(n * SECOND)
    }

    #[must_use]
    pub const fn millis(n: i64) -> Self {
        Self(n * MILLISECOND)
    }

    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// As a standard duration; negative spans become zero.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl std::str::FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_prometheus(text)
            .or_else(|_| parse_go(text))
            .map(Self)
            .map_err(|_| format!("'{text}' is not a duration; write for example 250ms, 30s, 1h30m or 7d"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % MILLISECOND == 0 {
            f.write_str(&format_prometheus(self.0))
        } else {
            f.write_str(&format_go(self.0))
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s or 1h30m")
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                seconds.checked_mul(SECOND).map(Span).ok_or_else(|| E::custom("duration out of range"))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                i64::try_from(seconds).map_err(E::custom).and_then(|s| self.visit_i64(s))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_syntax() {
        for (text, nanos, printed) in [
            ("1h30m", 90 * MINUTE, "1h30m"),
            ("90s", 90 * SECOND, "1m30s"),
            ("7d", 7 * DAY, "1w"),
            ("8d", 8 * DAY, "8d"),
            ("250ms", 250 * MILLISECOND, "250ms"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(parse_prometheus(text), Ok(nanos), "{text}");
            assert_eq!(format_prometheus(nanos), printed);
        }
        for (text, message) in [
            ("", "empty duration string"),
            ("5", "not a valid duration string: \"5\""),
            ("5x", "unknown unit \"x\" in duration \"5x\""),
            ("1.5m", "unknown unit \".\" in duration \"1.5m\""),
            ("5m:1m", "unknown unit \"m:\" in duration \"5m:1m\""),
            ("1m1h", "not a valid duration string: \"1m1h\""),
            ("99999999999999y", "duration out of range"),
        ] {
            assert_eq!(parse_prometheus(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn go_syntax() {
        for (text, nanos, printed) in [
            ("1.5h", 90 * MINUTE, "1h30m0s"),
            ("-2m3.5s", -(123 * SECOND + SECOND / 2), "-2m3.5s"),
            ("10us", 10_000, "10µs"),
            ("1.5ms", 1_500_000, "1.5ms"),
            ("5ns", 5, "5ns"),
            ("24h", 24 * HOUR, "24h0m0s"),
            ("18.263566969s", 18_263_566_969, "18.263566969s"),
            ("0.57s", 570 * MILLISECOND, "570ms"),
        ] {
            assert_eq!(parse_go(text), Ok(nanos), "{text}");
            assert_eq!(format_go(nanos), printed);
        }
        assert_eq!(parse_go("abc"), Err("time: invalid duration \"abc\"".to_owned()));
        assert_eq!(parse_go("5"), Err("time: missing unit in duration \"5\"".to_owned()));
        assert_eq!(parse_go("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".to_owned()));
    }
}
