//! What the reader answers with.

use sigyn_logql::collect::Entry;
use sigyn_model::{Labels, Timestamp};

use crate::QueryStats;

/// An answer, what it cost, and what the user should know about it.
#[derive(Debug, Clone, Default)]
pub struct Answer<T> {
    pub data: T,
    pub stats: QueryStats,
    pub warnings: Vec<String>,
}

/// What an index query would touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    pub streams: u64,
    /// Stored pieces of one stream: the runs of rows that blocks keep together, counted once per part.
    pub chunks: u64,
    /// Line bytes.
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
