//! What callers ask of the reader: one struct per kind of query, already parsed and checked against request limits.

use std::time::Duration;

use sigyn_logql::ast::{LogExpr, MetricExpr, Selector};
use sigyn_model::{TimeRange, Timestamp};

pub use sigyn_logql::{Direction, Steps};

/// `{…} | …` over `start ≤ t < end`.
#[derive(Debug, Clone)]
pub struct LogRequest {
    pub expr: LogExpr,
    pub range: TimeRange,
    /// Most entries to return, over all streams.
    pub limit: usize,
    pub direction: Direction,
    /// Thinning: least distance between returned entries, in nanoseconds; 0 is off.
    pub interval_ns: i64,
}

/// A metric query at every step; an instant query has `start == end`.
#[derive(Debug, Clone)]
pub struct MetricRequest {
    pub expr: MetricExpr,
    pub steps: Steps,
}

/// A query to be explained.
#[derive(Debug, Clone)]
pub enum ExplainRequest {
    Log(LogRequest),
    Metric(MetricRequest),
}

/// How volumes are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VolumeBy {
    /// One series per combination of the target labels' values.
    #[default]
    Series,
    /// One series per label name.
    Labels,
}

/// `index/volume` (no step) and `index/volume_range`.
#[derive(Debug, Clone)]
pub struct VolumeRequest {
    /// May be `{}`, which selects everything.
    pub selector: Selector,
    pub range: TimeRange,
    /// Largest series to keep.
    pub limit: usize,
    /// Bucket width in nanoseconds; `None` is one bucket for the whole range.
    pub step: Option<i64>,
    pub by: VolumeBy,
    /// Labels to sum by; empty means the names used in the matchers, or all labels for `{}`.
    pub target_labels: Vec<String>,
}

/// Fields of the newest `line_limit` entries that a log query lets through.
#[derive(Debug, Clone)]
pub struct FieldsRequest {
    pub expr: LogExpr,
    pub range: TimeRange,
    /// Entries to look at.
    pub line_limit: usize,
    /// Most fields, or values, to return.
    pub limit: usize,
}

/// Patterns of a selector's lines.
#[derive(Debug, Clone)]
pub struct PatternsRequest {
    /// May be `{}`, which selects everything.
    pub selector: Selector,
    pub range: TimeRange,
    /// Width of the buckets that lines are counted by, in nanoseconds, counted from the epoch.
    pub step: i64,
}

/// A live query: the newest `limit` entries since `start`, then whatever arrives.
#[derive(Debug, Clone)]
pub struct TailRequest {
    pub expr: LogExpr,
    /// Entries of history.
    pub limit: usize,
    pub start: Timestamp,
    /// How long to hold live entries back so that late ones come in order.
    pub delay: Duration,
}
