//! Checks of a single entry, and timestamps that must differ.

use sigyn_model::{Labels, Limits, Timestamp};

use super::{refuse, shown};
use crate::failures::{Failure, Reason};

/// How much structured metadata an entry brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetadataSizes {
    pub(super) pairs: usize,
    pub(super) bytes: u64,
}

/// What an entry of this push may be; zero sizes are unlimited.
#[derive(Debug)]
pub(super) struct Bounds {
    oldest: i64,
    newest: i64,
    line_bytes: usize,
    metadata_allowed: bool,
    metadata_bytes: u64,
    metadata_pairs: usize,
}

impl Bounds {
    pub(super) fn new(limits: &Limits, now: Timestamp) -> Self {
        let oldest =
            if limits.reject_old_samples { now - limits.reject_old_samples_max_age.nanos() } else { Timestamp::MIN };
        let newest = match limits.creation_grace_period.nanos() {
            0 => Timestamp::MAX,
            grace => now + grace,
        };
        Self {
            oldest: oldest.nanos(),
            newest: newest.nanos(),
            line_bytes: usize::try_from(limits.max_line_size.bytes()).unwrap_or(usize::MAX),
            metadata_allowed: limits.allow_structured_metadata,
            metadata_bytes: limits.max_structured_metadata_size.bytes(),
            metadata_pairs: limits.max_structured_metadata_entries_count,
        }
    }

    /// The checks in Loki's order.
    pub(super) fn check(
        &self,
        labels: &Labels,
        ts: i64,
        line_bytes: usize,
        metadata: MetadataSizes,
    ) -> Result<(), Failure> {
        let fine = ts >= self.oldest
            && ts <= self.newest
            && (line_bytes <= self.line_bytes || self.line_bytes == 0)
            && (metadata.pairs == 0 || self.metadata_fits(metadata));
        if fine { Ok(()) } else { self.explain(labels, ts, line_bytes, metadata) }
    }

    fn metadata_fits(&self, metadata: MetadataSizes) -> bool {
        self.metadata_allowed
            && (metadata.bytes <= self.metadata_bytes || self.metadata_bytes == 0)
            && (metadata.pairs <= self.metadata_pairs || self.metadata_pairs == 0)
    }

    #[cold]
    fn explain(&self, labels: &Labels, ts: i64, line_bytes: usize, metadata: MetadataSizes) -> Result<(), Failure> {
        let stream = shown(labels);
        if ts < self.oldest {
            let (ts, oldest) = (rfc3339(ts), rfc3339(self.oldest));
            let message = format!(
                "entry for stream '{stream}' has timestamp too old: {ts}, oldest acceptable timestamp is: {oldest}"
            );
            return refuse(Reason::GreaterThanMaxSampleAge, message);
        }
        if ts > self.newest {
            let message = format!("entry for stream '{stream}' has timestamp too new: {}", rfc3339(ts));
            return refuse(Reason::TooFarInFuture, message);
        }
        if self.line_bytes != 0 && line_bytes > self.line_bytes {
            let message = format!(
                "max entry size '{}' bytes exceeded for stream '{stream}' while adding an entry with length '{line_bytes}' bytes",
                self.line_bytes
            );
            return refuse(Reason::LineTooLong, message);
        }
        if !self.metadata_allowed {
            let message = format!(
                "stream '{stream}' includes structured metadata, but this feature is disallowed. Set limits.allow_structured_metadata to accept it"
            );
            return refuse(Reason::DisallowedStructuredMetadata, message);
        }
        if self.metadata_bytes != 0 && metadata.bytes > self.metadata_bytes {
            let message = format!(
                "stream '{stream}' has structured metadata too large: '{}' bytes, limit: '{}' bytes. Send less of it or raise limits.max_structured_metadata_size",
                metadata.bytes, self.metadata_bytes
            );
            return refuse(Reason::StructuredMetadataTooLarge, message);
        }
        let message = format!(
            "stream '{stream}' has too many structured metadata labels: '{}', limit: '{}'. Send fewer or raise limits.max_structured_metadata_entries_count",
            metadata.pairs, self.metadata_pairs
        );
        refuse(Reason::StructuredMetadataTooMany, message)
    }
}

/// Whole seconds, UTC, as clients of Loki read times.
fn rfc3339(ts: i64) -> String {
    jiff::Timestamp::from_second(ts.div_euclid(1_000_000_000)).map_or_else(|_| ts.to_string(), |time| time.to_string())
}

/// Moves an entry by 1 ns when a different line of the stream was sent with the same timestamp just before it.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The timestamp that a row of equal ones was sent with, and the one given out last.
    last: Option<(i64, i64)>,
}

impl Stamps {
    pub(super) fn next(&mut self, sent: i64, same_line: bool) -> i64 {
        let Some((row, given)) = self.last else {
            self.last = Some((sent, sent));
            return sent;
        };
        if !same_line && (sent == row || sent == given) {
            let moved = given.saturating_add(1);
            self.last = Some((row, moved));
            moved
        } else {
            self.last = Some((sent, sent));
            sent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_utc_seconds() {
        for (ts, text) in [
            (1_795_305_600_999_999_999, "2026-11-22T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (i64::MIN, "1677-09-21T00:12:43Z"),
            (i64::MAX, "2262-04-11T23:47:16Z"),
        ] {
            assert_eq!(rfc3339(ts), text);
        }
    }

    #[test]
    fn equal_timestamps_of_different_lines_are_spread() {
        let mut stamps = Stamps::default();
        let given: Vec<i64> = [(5, false), (5, false), (5, false), (6, false), (9, false), (9, true)]
            .map(|(ts, same)| stamps.next(ts, same))
            .into();
        assert_eq!(given, [5, 6, 7, 6, 9, 9]);
        let mut end = Stamps::default();
        assert_eq!([end.next(i64::MAX, false), end.next(i64::MAX, false)], [i64::MAX; 2]);
    }
}
