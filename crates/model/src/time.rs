//! Instants and ranges, in nanoseconds since the Unix epoch.

use std::fmt;
use std::ops::{Add, Sub};

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

/// Adds nanoseconds, saturating at the ends of time.
impl Add<i64> for Timestamp {
    type Output = Self;
    fn add(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// Subtracts nanoseconds, saturating at the ends of time.
impl Sub<i64> for Timestamp {
    type Output = Self;
    fn sub(self, nanos: i64) -> Self {
        Self(self.0.saturating_sub(nanos))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `start ≤ t < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl TimeRange {
    #[must_use]
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    #[must_use]
    pub const fn all() -> Self {
        Self { start: Timestamp::MIN, end: Timestamp::MAX }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    #[must_use]
    pub fn contains(&self, t: Timestamp) -> bool {
        self.start <= t && t < self.end
    }

    /// Whether the closed span `min..=max` touches this range.
    #[must_use]
    pub fn overlaps(&self, min: Timestamp, max: Timestamp) -> bool {
        min < self.end && max >= self.start && !self.is_empty()
    }

    /// Whether the closed span `min..=max` lies inside this range.
    #[must_use]
    pub fn covers(&self, min: Timestamp, max: Timestamp) -> bool {
        self.start <= min && max < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_half_open() {
        let range = TimeRange::new(Timestamp(10), Timestamp(20));
        assert!(range.contains(Timestamp(10)) && !range.contains(Timestamp(20)));
        assert!(range.overlaps(Timestamp(0), Timestamp(10)) && !range.overlaps(Timestamp(20), Timestamp(30)));
        assert!(range.covers(Timestamp(10), Timestamp(19)) && !range.covers(Timestamp(10), Timestamp(20)));
    }
}
