//! What the reader answers with.

use sigyn_logql::Entry;
use sigyn_model::{Labels, Timestamp};

use crate::QueryStats;

/// An answer, what it cost, and what the user should know about it.
#[derive(Debug, Clone, Default)]
pub struct Answer<T> {
    pub data: T,
    pub stats: QueryStats,
    pub warnings: Vec<String>,
}

/// What an index query would touch. A push stored twice counts twice until compaction merges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    pub streams: u64,
    /// Pairs of a stream and a part that holds rows of it.
    pub chunks: u64,
    /// Lines and structured metadata; the latter is shared out evenly over the rows of its block.
    pub bytes: u64,
    pub entries: u64,
}

/// Bytes of one label combination over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSeries {
    /// Sorted by name. With [`VolumeBy::Labels`](crate::VolumeBy::Labels) one name with an empty value.
    pub metric: Vec<(String, String)>,
    /// `(instant, bytes)`, ascending, buckets without bytes left out.
    pub points: Vec<(Timestamp, u64)>,
}

/// A stream label and how many values it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedLabel {
    pub label: String,
    pub cardinality: u64,
}

/// Lines of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As the filter `|>` takes it: `<_>` where the lines differ.
    pub pattern: String,
    /// `detected_level` of the lines; empty without one.
    pub level: String,
    /// `(start of the bucket in nanoseconds, lines)`, ascending; counts are estimates when the data is large.
    pub samples: Vec<(i64, u64)>,
}

/// One message of a tail.
#[derive(Debug, Clone, Default)]
pub struct TailFrame {
    /// Ascending by time within the frame.
    pub entries: Vec<TailEntry>,
    /// Entries left out because the listener was too slow; remembered up to a bound.
    pub dropped: Vec<DroppedEntry>,
    /// Entries stored before the tail began.
    pub history: bool,
}

#[derive(Debug, Clone)]
pub struct TailEntry {
    /// Labels of the stream as the pipeline left them, without metadata and parsed labels.
    pub labels: Labels,
    pub entry: Entry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedEntry {
    pub timestamp: Timestamp,
    pub labels: Labels,
}
