//! Range aggregations over batches.

pub(crate) mod counting;
mod deltas;
pub(crate) mod key;
mod windows;

use std::ops::Range;
use std::sync::Arc;

use sigyn_model::{Labels, TimeRange};

use crate::batch::{Batch, RowSet};
use crate::error::{Error, Result};
use crate::pipeline::Workspace;
use crate::plan::RangePlan;
use crate::selection::gallop;
use crate::series::{Series, SeriesLimit, SeriesSet, Steps};
use crate::stages::{label_filter::ERROR, line_filter::LineView, missing};

use counting::Counting;
use deltas::{Deltas, Shape};
use key::{Assigned, SeriesTable};
use windows::Windows;

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
    /// By series number.
    deltas: Vec<Deltas>,
    delta_bytes: usize,
    passed_rows: u64,
    workspace: Workspace,
    numbers: Vec<u32>,
}

impl RangeAccumulator {
    #[must_use]
    pub fn new(plan: Arc<RangePlan>, steps: Steps, limit: SeriesLimit) -> Self {
        let windows = Windows::new(&steps, plan.range_ns, plan.offset_ns);
        Self {
            windows,
            shape: Shape { steps: windows.count(), weighted: plan.counting.is_weighted() },
            limit,
            table: SeriesTable::new(plan.key.clone()),
            deltas: Vec::new(),
            delta_bytes: 0,
            passed_rows: 0,
            workspace: Workspace::default(),
            numbers: Vec::new(),
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
        if !in_one_place || run.has_wanted_metadata || !self.plan.pipeline.is_trivial() {
            return Ok(false);
        }
        if enter < leave {
            let number = self.table.stream_number(run.labels, run.stream_id);
            let rows = i64::try_from(run.rows).unwrap_or(i64::MAX);
            let bytes = i64::try_from(run.line_bytes).unwrap_or(i64::MAX);
            self.passed_rows += run.rows;
            let shape = self.shape;
            self.change(number, |deltas| deltas.add(shape, enter, leave, rows, bytes));
        }
        self.check_limits()?;
        Ok(true)
    }

    /// Adds the rows of a batch except `skip`. Errors: `Limit` past the series or memory bound.
    pub fn add(&mut self, batch: &Batch<'_>, skip: Option<&RowSet>) -> Result<()> {
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
            self.count(batch, &workspace)
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

    fn count(&mut self, batch: &Batch<'_>, workspace: &Workspace) -> Result<()> {
        let selection = &workspace.selection;
        if selection.is_empty() {
            return Ok(());
        }
        self.refuse_errors(batch, workspace)?;
        let weigher = Weigher::new(self.shape.weighted, batch, workspace)?;
        self.passed_rows += selection.len() as u64;
        let mut numbers = std::mem::take(&mut self.numbers);
        match self.table.assign(workspace.labels(batch), batch.stream_id, selection, &mut numbers) {
            Assigned::One(number) => self.count_series(number, batch, workspace, &weigher),
            Assigned::PerRow => self.count_rows(&numbers, batch, workspace, &weigher),
        }
        self.numbers = numbers;
        Ok(())
    }

    /// An entry on which a stage failed fails the query, unless its series are told apart by the error.
    fn refuse_errors(&self, batch: &Batch<'_>, workspace: &Workspace) -> Result<()> {
        let view = workspace.labels(batch);
        let field = view.field(ERROR);
        if field.constant() == Some(None) || self.plan.key.names(ERROR) {
            return Ok(());
        }
        let failed = workspace.selection.iter().find_map(|row| Some((row, field.get(row)?)));
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

    /// All selected rows are of one series: whole stretches between window borders are counted at once.
    fn count_series(&mut self, number: u32, batch: &Batch<'_>, workspace: &Workspace, weigher: &Weigher<'_>) {
        let (windows, shape, selection) = (self.windows, self.shape, &workspace.selection);
        let time = |at: usize| batch.timestamps[selection.row(at) as usize];
        let stretches = |visit: &mut dyn FnMut(usize, i64, i64), border: &dyn Fn(i64) -> (usize, i64)| {
            let mut from = 0;
            while from < selection.len() {
                let (step, last) = border(time(from));
                let to = gallop(from, selection.len(), |at| time(at) <= last).max(from + 1);
                let rows = i64::try_from(to - from).expect("a block's rows fit");
                visit(step, rows, weigher.stretch(selection, from..to));
                from = to;
            }
        };
        self.change(number, |deltas| {
            stretches(&mut |step, rows, weight| deltas.change(shape, step, rows, weight), &|timestamp| {
                let step = windows.enter(timestamp);
                (step, windows.enter_border(step))
            });
            stretches(&mut |step, rows, weight| deltas.change(shape, step, -rows, -weight), &|timestamp| {
                let step = windows.leave(timestamp);
                (step, windows.leave_border(step))
            });
        });
    }

    /// Rows of several series: steps are found once per stretch, counts go to each row's series.
    fn count_rows(&mut self, numbers: &[u32], batch: &Batch<'_>, workspace: &Workspace, weigher: &Weigher<'_>) {
        let (mut enter, mut enter_border) = (0, i64::MIN);
        let (mut leave, mut leave_border) = (0, i64::MIN);
        for (row, &number) in workspace.selection.iter().zip(numbers) {
            let timestamp = batch.timestamps[row as usize];
            if timestamp > enter_border {
                enter = self.windows.enter(timestamp);
                enter_border = self.windows.enter_border(enter);
            }
            if timestamp > leave_border {
                leave = self.windows.leave(timestamp);
                leave_border = self.windows.leave_border(leave);
            }
            let (shape, weight) = (self.shape, weigher.row(row));
            self.change(number, |deltas| deltas.add(shape, enter, leave, 1, weight));
        }
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut Deltas)) {
        let at = number as usize;
        while self.deltas.len() <= at {
            self.deltas.push(Deltas::new(self.shape));
            self.delta_bytes += self.deltas[self.deltas.len() - 1].memory() + std::mem::size_of::<Deltas>();
        }
        let deltas = &mut self.deltas[at];
        let before = deltas.memory();
        change(deltas);
        self.delta_bytes = self.delta_bytes - before + deltas.memory();
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
        let shape = self.shape;
        for (labels, deltas) in other.table.into_labels().into_iter().zip(other.deltas) {
            let number = self.table.number(labels);
            self.change(number, |mine| mine.merge(shape, deltas));
        }
        self.check_limits()
    }

    /// Bytes held, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.table.memory() + self.delta_bytes
    }

    /// Rows that passed the pipeline.
    #[must_use]
    pub fn passed_rows(&self) -> u64 {
        self.passed_rows
    }

    /// The series that have a point, sorted by labels. Errors: `Limit` when their points need too much memory.
    pub fn finish(self) -> Result<SeriesSet> {
        let (shape, range_ns, counting) = (self.shape, self.plan.range_ns, &self.plan.counting);
        let points_bytes = self.table.len().saturating_mul(shape.steps).saturating_mul(std::mem::size_of::<f64>());
        self.limit.check_memory(points_bytes, self.table.len())?;
        if let Counting::Absent(labels) = counting {
            let deltas = self.deltas.into_iter().next().unwrap_or_else(|| Deltas::new(shape));
            let points = counting.points(deltas, shape, range_ns);
            return Ok(if points.is_empty() { Vec::new() } else { vec![Series { labels: labels.clone(), points }] });
        }
        let mut set: SeriesSet = self
            .table
            .into_labels()
            .into_iter()
            .zip(self.deltas)
            .map(|(labels, deltas)| Series { labels, points: counting.points(deltas, shape, range_ns) })
            .filter(|series| !series.points.is_empty())
            .collect();
        set.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(set)
    }
}

/// Line lengths of selected rows, from whichever column brings them; 0 when the aggregation needs none.
enum Weigher<'a> {
    Nothing,
    Lengths(&'a [u32]),
    Lines(LineView<'a>),
}

impl<'a> Weigher<'a> {
    fn new(weighted: bool, batch: &Batch<'a>, workspace: &'a Workspace) -> Result<Self> {
        match (weighted, workspace.lines(batch), batch.line_lengths) {
            (false, ..) => Ok(Self::Nothing),
            (true, Some(lines), _) => Ok(Self::Lines(lines)),
            (true, None, Some(lengths)) => Ok(Self::Lengths(lengths)),
            (true, None, None) => Err(missing("line lengths")),
        }
    }

    fn row(&self, row: u32) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Lengths(lengths) => i64::from(lengths[row as usize]),
            Self::Lines(lines) => i64::try_from(lines.line(row).len()).expect("a line fits"),
        }
    }

    /// Sum over the selected positions `at`.
    fn stretch(&self, selection: &crate::selection::Selection, at: Range<usize>) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Lines(lines) if selection.whole().is_some() => {
                let rows = selection.row(at.start)..selection.row(at.end - 1) + 1;
                i64::try_from(lines.total_length(rows)).expect("a block fits")
            }
            _ => at.map(|at| self.row(selection.row(at))).sum(),
        }
    }
}
