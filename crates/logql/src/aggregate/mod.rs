//! Range aggregations over batches.
//!
//! Counts and line lengths are kept as differences between steps ([`counts`]); unwrapped values as one state a series
//! and stretch between window borders, which the windows then slide over ([`buckets`], [`slide`]).

mod buckets;
mod convert;
mod counter;
pub(crate) mod counting;
mod counts;
mod deltas;
pub(crate) mod key;
mod partial;
mod quantile;
pub(crate) mod reduce;
mod slide;
mod states;
pub(crate) mod unwrap;
mod windows;

use std::ops::Range;
use std::sync::Arc;

use sigyn_model::{Labels, TimeRange};

use crate::batch::{Batch, RowSet, RunOrder};
use crate::error::{Error, Result};
use crate::pipeline::Workspace;
use crate::plan::RangePlan;
use crate::selection::gallop;
use crate::series::{Points, Series, SeriesLimit, SeriesSet, Steps};
use crate::stages::{label_filter::ERROR, missing};

use counting::Counting;
use counts::{Counts, Weigher};
use deltas::{Deltas, Shape};
use key::{Assigned, SeriesTable};
use reduce::{Reduced, Reduction};
use states::Sample;
use unwrap::Values;
use windows::Windows;

/// What a range aggregation does with the rows of a window.
#[derive(Debug)]
pub(crate) enum Aggregation {
    Count(Counting),
    Reduce(Reduction),
}

/// Errors of parsers, which a query may group by. Those of later stages fail it all the same.
const PARSER_ERRORS: [&str; 2] = ["JSONParserErr", "LogfmtParserErr"];

/// What the footer knows of a run, enough to answer some aggregations without reading a column.
#[derive(Debug, Clone, Copy)]
pub struct RunSummary<'a> {
    pub labels: &'a Labels,
    /// As [`Batch::stream_id`].
    pub stream_id: u32,
    pub rows: u64,
    /// Sum of line lengths.
    pub line_bytes: u64,
    /// Nanoseconds, inclusive.
    pub min_time: i64,
    pub max_time: i64,
    /// Whether the block has a metadata column that `ColumnNeeds::wants_metadata` of the plan for these labels.
    pub has_wanted_metadata: bool,
}

/// Gathers one range aggregation over batches in any order; one per thread, merged at the end.
#[derive(Debug)]
pub struct RangeAccumulator {
    plan: Arc<RangePlan>,
    windows: Windows,
    shape: Shape,
    limit: SeriesLimit,
    table: SeriesTable,
    kept: Kept,
    passed_rows: u64,
    workspace: Workspace,
    numbers: Vec<u32>,
    values: Values,
}

/// What is kept of the rows, by series number.
#[derive(Debug)]
enum Kept {
    Counts(Counts),
    Values(Reduced),
}

impl RangeAccumulator {
    #[must_use]
    pub fn new(plan: Arc<RangePlan>, steps: Steps, limit: SeriesLimit) -> Self {
        let windows = Windows::new(&steps, plan.range_ns, plan.offset_ns);
        let weighted = matches!(&plan.aggregation, Aggregation::Count(counting) if counting.is_weighted());
        let shape = Shape { steps: windows.count(), weighted };
        Self {
            windows,
            shape,
            limit,
            table: SeriesTable::new(plan.key.clone()),
            kept: match plan.aggregation {
                Aggregation::Count(_) => Kept::Counts(Counts::new(shape)),
                Aggregation::Reduce(reduction) => Kept::Values(Reduced::new(reduction)),
            },
            passed_rows: 0,
            workspace: Workspace::default(),
            numbers: Vec::new(),
            values: Values::default(),
            plan,
        }
    }

    /// Entries outside this range cannot contribute: `(start − range − offset, end − offset]` as a half-open range.
    #[must_use]
    pub fn time_range(plan: &RangePlan, steps: &Steps) -> TimeRange {
        Windows::new(steps, plan.range_ns, plan.offset_ns).time_range()
    }

    /// Answers a run from its summary alone. False: nothing was added, the run must be read and given to `add`.
    /// Never for a run with rows to skip. Errors: `Limit` past the series or memory bound.
    pub fn add_run_summary(&mut self, run: &RunSummary<'_>) -> Result<bool> {
        let range = self.windows.time_range();
        if run.rows == 0 || !range.overlaps(sigyn_model::Timestamp(run.min_time), sigyn_model::Timestamp(run.max_time))
        {
            return Ok(true);
        }
        let (enter, leave) = (self.windows.enter(run.min_time), self.windows.leave(run.min_time));
        let in_one_place = enter == self.windows.enter(run.max_time) && leave == self.windows.leave(run.max_time);
        if !in_one_place || run.has_wanted_metadata || self.plan.unwrap.is_some() || !self.plan.pipeline.is_trivial() {
            return Ok(false);
        }
        let Kept::Counts(counts) = &mut self.kept else {
            return Ok(false);
        };
        if enter < leave {
            let number = self.table.stream_number(run.labels, run.stream_id);
            let rows = i64::try_from(run.rows).unwrap_or(i64::MAX);
            let bytes = i64::try_from(run.line_bytes).unwrap_or(i64::MAX);
            self.passed_rows += run.rows;
            counts.add(number, (enter, leave), rows, bytes);
        }
        self.check_limits()?;
        Ok(true)
    }

    /// Adds the rows of a batch except `skip`. `order` places the batch's first row among samples of one time.
    ///
    /// Errors: `Limit` past the series or memory bound; `Pipeline` when a stage failed on a row.
    pub fn add(&mut self, batch: &Batch<'_>, skip: Option<&RowSet>, order: RunOrder) -> Result<()> {
        if batch.timestamps.len() < batch.rows.end as usize {
            return Err(missing("timestamps"));
        }
        let rows = self.rows_in_range(batch);
        if rows.is_empty() {
            return Ok(());
        }
        let plan = Arc::clone(&self.plan);
        let mut workspace = std::mem::take(&mut self.workspace);
        let added = plan.pipeline.run(batch, rows, skip, &mut workspace).and_then(|()| {
            if self.windows.has_gaps() {
                let windows = self.windows;
                workspace.selection.retain(|row| {
                    let timestamp = batch.timestamps[row as usize];
                    windows.enter(timestamp) < windows.leave(timestamp)
                });
            }
            if let Some(unwrap) = &plan.unwrap {
                unwrap.run(batch, &mut workspace, &mut self.values);
            }
            self.gather(batch, &workspace, order)
        });
        self.workspace = workspace;
        added.and_then(|()| self.check_limits())
    }

    /// The batch's rows that some window may hold.
    fn rows_in_range(&self, batch: &Batch<'_>) -> Range<u32> {
        let range = self.windows.time_range();
        if range.is_empty() {
            return 0..0;
        }
        let at = |row: usize| batch.timestamps[row];
        let (from, to) = (batch.rows.start as usize, batch.rows.end as usize);
        let first = gallop(from, to, |row| at(row) < range.start.nanos());
        let last = gallop(first, to, |row| at(row) < range.end.nanos());
        let row = |at: usize| u32::try_from(at).expect("a row inside a range of u32");
        row(first)..row(last)
    }

    fn gather(&mut self, batch: &Batch<'_>, workspace: &Workspace, order: RunOrder) -> Result<()> {
        let selection = &workspace.selection;
        if selection.is_empty() {
            return Ok(());
        }
        self.refuse_errors(batch, workspace)?;
        self.passed_rows += selection.len() as u64;
        let mut numbers = std::mem::take(&mut self.numbers);
        let stream_id = workspace.overlay.is_empty().then_some(batch.stream_id);
        let assigned = self.table.assign(workspace.labels(batch), stream_id, selection, &mut numbers);
        let windows = self.windows;
        let gathered = match (&mut self.kept, assigned) {
            (Kept::Counts(counts), assigned) => {
                Weigher::new(self.shape.weighted, batch, workspace).map(|weigher| match assigned {
                    Assigned::One(number) => counts.add_series(number, windows, batch, workspace, &weigher),
                    Assigned::PerRow => counts.add_rows(&numbers, windows, batch, workspace, &weigher),
                })
            }
            (Kept::Values(reduced), assigned) => {
                let mut samples = Samples { windows, batch, values: &self.values, order, stretch: None };
                match assigned {
                    Assigned::One(number) => {
                        reduced.add_all(selection.iter().map(|row| samples.of_row(number, row)));
                    }
                    Assigned::PerRow => {
                        let rows = selection.iter().zip(&numbers);
                        reduced.add_all(rows.map(|(row, &number)| samples.of_row(number, row)));
                    }
                }
                Ok(())
            }
        };
        self.numbers = numbers;
        gathered
    }

    /// An entry on which a stage failed fails the query, unless its series are told apart by the error.
    fn refuse_errors(&self, batch: &Batch<'_>, workspace: &Workspace) -> Result<()> {
        let view = workspace.labels(batch);
        let field = view.field(ERROR);
        if field.constant() == Some(None) {
            return Ok(());
        }
        let is_fatal = |error: &str| !(self.plan.keeps_errors && PARSER_ERRORS.contains(&error));
        let failed = workspace
            .selection
            .iter()
            .find_map(|row| field.get(row).filter(|error| is_fatal(error)).map(|error| (row, error)));
        let Some((row, error)) = failed else {
            return Ok(());
        };
        let labels = view.labels(&view.names(), row);
        let message = format!(
            "pipeline error: '{error}' for series: '{labels}'.\n\
             Use a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\n\
             To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n\
             The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
        );
        Err(Error::Pipeline { message })
    }

    fn check_limits(&self) -> Result<()> {
        if self.plan.limited && self.table.len() > self.limit.series {
            return Err(self.limit.series_error());
        }
        self.limit.check_memory(self.memory(), self.table.len())
    }

    /// Adds what another accumulator of the same plan and steps has gathered. Errors: as [`Self::add`].
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.passed_rows += other.passed_rows;
        let table = &mut self.table;
        let numbers: Vec<u32> = other.table.into_labels().into_iter().map(|labels| table.number(labels)).collect();
        match (&mut self.kept, other.kept) {
            (Kept::Counts(mine), Kept::Counts(other)) => mine.merge(other, &numbers),
            (Kept::Values(mine), Kept::Values(other)) => mine.merge(other, &numbers),
            _ => debug_assert!(false, "accumulators of one plan keep the same"),
        }
        self.check_limits()
    }

    /// Bytes held, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        let kept = match &self.kept {
            Kept::Counts(counts) => counts.memory(),
            Kept::Values(reduced) => reduced.memory(),
        };
        self.table.memory() + kept + self.values.memory()
    }

    /// Rows that passed the pipeline.
    #[must_use]
    pub fn passed_rows(&self) -> u64 {
        self.passed_rows
    }

    /// The series that have a point, sorted by labels. Errors: `Limit` when their points need too much memory.
    pub fn finish(self) -> Result<SeriesSet> {
        let (shape, range_ns) = (self.shape, self.plan.range_ns);
        let points_bytes = self.table.len().saturating_mul(shape.steps).saturating_mul(std::mem::size_of::<f64>());
        let values_bytes = match &self.kept {
            Kept::Counts(_) => 0,
            Kept::Values(reduced) => reduced.memory(),
        };
        self.limit.check_memory(points_bytes.saturating_add(values_bytes), self.table.len())?;
        let points: Vec<Points> = match (&self.plan.aggregation, self.kept) {
            (Aggregation::Count(counting @ Counting::Absent(labels)), Kept::Counts(counts)) => {
                let deltas = counts.into_series().into_iter().next().unwrap_or_else(|| Deltas::new(shape));
                let points = counting.points(deltas, shape, range_ns);
                let series = Series { labels: labels.clone(), points };
                return Ok(Some(series).filter(|series| !series.points.is_empty()).into_iter().collect());
            }
            (Aggregation::Count(counting), Kept::Counts(counts)) => {
                counts.into_series().into_iter().map(|deltas| counting.points(deltas, shape, range_ns)).collect()
            }
            (Aggregation::Reduce(reduction), Kept::Values(reduced)) => reduced.points(reduction, shape.steps, range_ns),
            _ => {
                return Err(Error::Internal {
                    message: "an accumulator keeps what its plan does not ask for".to_owned(),
                });
            }
        };
        let labels = self.table.into_labels();
        let mut set: SeriesSet = labels
            .into_iter()
            .zip(points)
            .map(|(labels, points)| Series { labels, points })
            .filter(|series| !series.points.is_empty())
            .collect();
        set.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(set)
    }
}

/// Makes samples of a batch's rows, which must be asked for in ascending order.
struct Samples<'a> {
    windows: Windows,
    batch: &'a Batch<'a>,
    values: &'a Values,
    order: RunOrder,
    /// Where the last row lay, and the last timestamp that lies there too.
    stretch: Option<(windows::Stretch, i64)>,
}

impl Samples<'_> {
    fn of_row(&mut self, number: u32, row: u32) -> (u32, windows::Stretch, Sample) {
        let time = self.batch.timestamps[row as usize];
        let stretch = match self.stretch {
            Some((stretch, last)) if time <= last => stretch,
            _ => {
                let found = self.windows.stretch(time);
                self.stretch = Some(found);
                found.0
            }
        };
        let place = self.order.first_row + u64::from(row - self.batch.rows.start);
        let sample = Sample { time, order: (self.order.sequence, place), value: self.values.row(row) };
        (number, stretch, sample)
    }
}

#[cfg(test)]
mod tests;
