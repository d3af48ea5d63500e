//! The read path: plan, scan, prune, fetch, evaluate, merge.
//!
//! [`Reader`] is the whole of it to the outside: requests of [`request`] in, [`Answer`]s out.
//! Inside, a query is a `context` (deadline, budgets, counters), a `selection` of stream runs found in part footers, and an
//! executor of `exec` that fetches column ranges in waves and feeds `sigyn_logql` batch by batch on the CPU pool.
//!
//! Answers are exact or absent: a part that cannot be read fails the query, naming part and block.
//! Parsing queries, checking request parameters and rendering answers is left to `api`.

pub mod answer;
pub mod cluster;
pub mod config;
pub mod error;
pub mod explain;
pub mod reader;
pub mod request;
pub mod stats;

mod admission;
mod context;
mod source;

mod footers;
mod selection;
mod streams;

mod columns;
mod duplicates;
mod fetch;
mod overlap;
mod work;

mod detected;
mod exec;
mod patterns;
mod tail;
mod volume;

mod metrics;

pub use answer::{Answer, DetectedLabel, DroppedEntry, IndexStats, Pattern, TailEntry, TailFrame, VolumeSeries};
pub use cluster::{Cluster, Member};
pub use config::ReadConfig;
pub use error::{Error, Result};
pub use explain::{ExplainedRun, Explanation, PartCounts, SelectorPlan};
pub use reader::{Reader, TailStream};
pub use request::{
    Direction, ExplainRequest, FieldsRequest, LogRequest, MetricRequest, PatternsRequest, Steps, TailRequest, VolumeBy,
    VolumeRequest,
};
pub use stats::QueryStats;
