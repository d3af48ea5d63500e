//! LogQL: text to tree, tree to plan, plan and batches to answers. No I/O, no clock.
//!
//! - [`ast`], [`lexer`], [`parser`]: query text to syntax tree, with Loki's error texts; its `Display` and [`format`] print it.
//! - [`matcher`], [`re2`]: compiled stream selectors and regular expressions.
//! - [`batch`], [`pipeline`], [`stages`]: columnar evaluation of a pipeline over the rows of one stream run.
//! - [`aggregate`], [`plan`], [`eval`]: range aggregations, the plan `read` executes, and operators over series.
//!
//! `read` feeds batches in; this crate never fetches anything.

pub mod ast;
mod display;
pub mod error;
mod extract;
pub mod format;
pub mod humanize;
pub mod lexer;
pub mod matcher;
mod names;
pub mod parser;
mod quote;
pub mod re2;
pub mod template;
pub mod token;
pub mod variants;

pub use error::{Error, ParseError, Result};
pub use parser::{EmptyCompatible, parse, parse_selector};

pub mod aggregate;
pub mod batch;
pub mod collector;
pub mod detect;
pub mod eval;
pub mod explain;
mod fields;
mod partial;
pub mod pipeline;
pub mod plan;
mod selection;
pub mod series;
mod stages;
#[doc(hidden)]
pub mod testing;

pub use aggregate::{RangeAccumulator, RunSummary};
pub use batch::{Batch, ColumnNeeds, MetadataNeeds, RowSet, RunOrder};
pub use collector::{Direction, Entry, LogCollector, LogOptions, StreamEntries, merge_categories};
pub use eval::evaluate;
pub use plan::{LogPlan, MetricPlan, RangePlan, plan_log, plan_metric};
pub use series::{MatrixSeries, MetricResult, Sample, Series, SeriesLimit, SeriesSet, Steps, VectorSample};
