//! What the catalog records about a piece of a segment.

use std::fmt;

use crate::{TenantId, Timestamp};

const HOUR_NANOS: i64 = 3_600_000_000_000;

/// The UTC hour an entry belongs to: whole hours since the Unix epoch, negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window(pub i64);

impl Window {
    #[must_use]
    pub fn of(t: Timestamp) -> Self {
        Self(t.0.div_euclid(HOUR_NANOS))
    }

    /// First instant of the hour, saturating at the ends of time.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(HOUR_NANOS))
    }

    /// First instant after the hour, saturating at the ends of time.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1).saturating_mul(HOUR_NANOS))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far compaction has taken a part: 0 as flushed, 1 merged within an hour, 2 final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(pub u8);

impl Level {
    pub const L0: Self = Self(0);
    pub const L1: Self = Self(1);
    pub const L2: Self = Self(2);
}

/// A part's name: its object and its place in it. Never reused.
///
/// Object keys end in a ULID, so ids of one process order by creation; readers order equal timestamps by [`PartMeta::sequence`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId {
    /// Object key relative to the bucket prefix, `data/{ulid}.seg`.
    pub object: String,
    /// Position among the parts of the object.
    pub index: u32,
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.object, self.index)
    }
}

/// One catalog row: a part of one tenant and one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMeta {
    pub id: PartId,
    pub tenant: TenantId,
    pub window: Window,
    pub level: Level,
    /// Byte range of the part inside its object.
    pub offset: u64,
    pub length: u64,
    /// Bytes at the end of the part that hold its footer and trailer, so that one ranged read brings them.
    pub footer_length: u32,
    /// Smallest and largest entry timestamp, both inclusive.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    pub rows: u64,
    pub streams: u32,
    /// Sum of line lengths plus structured metadata names and values.
    pub raw_bytes: u64,
    /// Arrival order: ties between equal timestamps of one stream read in ascending `sequence`.
    /// An L0 part takes the milliseconds of its flush times 2^16 plus a counter; a compacted part takes its newest input's.
    pub sequence: u64,
    /// Bloom filter over `name=value` of the part's streams; empty means "may hold anything". See `label_filter`.
    pub label_filter: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_utc_hours() {
        assert_eq!(Window::of(Timestamp(0)), Window(0));
        assert_eq!(Window::of(Timestamp(-1)), Window(-1));
        let window = Window::of(Timestamp::from_seconds(1_795_305_600));
        assert_eq!(window.start(), Timestamp::from_seconds(1_795_305_600));
        assert_eq!(window.end(), Timestamp::from_seconds(1_795_309_200));
        assert!(
            Window::of(Timestamp::MAX).end() == Timestamp::MAX && Window::of(Timestamp::MIN).start() == Timestamp::MIN
        );
    }
}
