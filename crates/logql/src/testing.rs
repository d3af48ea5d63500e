//! For tests: builds batches out of rows and runs whole queries over them in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use sigyn_model::columns::ABSENT;
use sigyn_model::{Labels, Lines, StringColumn, Timestamp};

use crate::aggregate::{RangeAccumulator, RunSummary};
use crate::ast::Expr;
use crate::batch::{Batch, RowSet, RunOrder};
use crate::collector::{LogCollector, LogOptions, StreamEntries};
use crate::error::{Error, Result};
use crate::plan::{LogPlan, RangePlan, plan_log, plan_metric};
use crate::series::{MetricResult, SeriesLimit, Steps};

/// What templates call now.
const NOW: Timestamp = Timestamp(0);

/// One entry with its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub labels: Labels,
    pub timestamp: i64,
    pub line: Vec<u8>,
    pub metadata: Labels,
}

impl Row {
    #[must_use]
    pub fn new(labels: &[(&str, &str)], timestamp: i64, line: &str, metadata: &[(&str, &str)]) -> Self {
        Self {
            labels: Labels::from_pairs(labels.iter().copied()),
            timestamp,
            line: line.as_bytes().to_vec(),
            metadata: Labels::from_pairs(metadata.iter().copied()),
        }
    }
}

/// A block as a segment would decode it: runs of streams over shared columns.
#[derive(Debug, Default)]
pub struct Block {
    pub timestamps: Vec<i64>,
    pub lines: Lines,
    pub line_lengths: Vec<u32>,
    pub metadata: Vec<(Arc<str>, StringColumn)>,
    pub runs: Vec<Run>,
}

#[derive(Debug)]
pub struct Run {
    pub labels: Labels,
    pub stream_id: u32,
    pub rows: std::ops::Range<u32>,
}

/// Blocks of at most `rows_max` rows, sorted by stream and time as in a part; equal timestamps keep their order.
/// Every second block's metadata are dictionaries, the others' have a value per row.
#[must_use]
pub fn blocks(rows: &[Row], rows_max: usize) -> Vec<Block> {
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|a, b| (&a.labels, a.timestamp).cmp(&(&b.labels, b.timestamp)));
    let mut stream_ids: BTreeMap<&Labels, u32> = BTreeMap::new();
    for row in &sorted {
        let next = u32::try_from(stream_ids.len()).expect("few streams");
        stream_ids.entry(&row.labels).or_insert(next);
    }
    let chunks = sorted.chunks(rows_max.max(1)).enumerate();
    chunks.map(|(at, chunk)| block(chunk, &stream_ids, at % 2 == 0)).collect()
}

fn block(rows: &[&Row], stream_ids: &BTreeMap<&Labels, u32>, dictionary: bool) -> Block {
    let mut block = Block { lines: Lines { bytes: Vec::new(), offsets: vec![0] }, ..Block::default() };
    for (at, row) in (0_u32..).zip(rows) {
        block.timestamps.push(row.timestamp);
        block.lines.push(&row.line);
        block.line_lengths.push(u32::try_from(row.line.len()).expect("a short line"));
        match block.runs.last_mut() {
            Some(run) if run.labels == row.labels => run.rows.end = at + 1,
            _ => block.runs.push(Run {
                labels: row.labels.clone(),
                stream_id: stream_ids[&row.labels],
                rows: at..at + 1,
            }),
        }
        for (name, value) in row.metadata.iter() {
            let place = block.metadata.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
                block.metadata.push((Arc::from(name), StringColumn { offsets: vec![0], ..StringColumn::default() }));
                block.metadata.len() - 1
            });
            let column = &mut block.metadata[place].1;
            column.ids.resize(at as usize, ABSENT);
            let values = u32::try_from(column.values()).expect("few values");
            let known = (0..values).find(|&id| dictionary && column.value(id) == value);
            let id = known.unwrap_or_else(|| column.push_value(value));
            column.ids.push(id);
        }
    }
    for (_, column) in &mut block.metadata {
        column.ids.resize(rows.len(), ABSENT);
    }
    block
}

impl Block {
    /// The batch of each run, with the columns that `needs` names and no others.
    fn with_batch<T>(&self, run: &Run, needs: &crate::ColumnNeeds, body: impl FnOnce(&Batch<'_>) -> T) -> T {
        let metadata: Vec<(Arc<str>, &StringColumn)> = self
            .metadata
            .iter()
            .filter(|(name, _)| needs.wants_metadata(&run.labels, name))
            .map(|(name, column)| (Arc::clone(name), column))
            .collect();
        body(&Batch {
            labels: &run.labels,
            stream_id: run.stream_id,
            timestamps: if needs.timestamps { &self.timestamps } else { &[] },
            lines: needs.lines.then_some(&self.lines),
            line_lengths: needs.line_lengths.then_some(&self.line_lengths),
            metadata: &metadata,
            rows: run.rows.clone(),
        })
    }
}

/// Runs a log query over the rows, block by block, through two collectors that are merged.
pub fn log_query(query: &str, rows: &[Row], rows_max: usize, options: &LogOptions) -> Result<Vec<StreamEntries>> {
    let plan = match crate::parse(query)? {
        Expr::Log(log) => Arc::new(plan_log(&log, NOW)?),
        _ => return Err(Error::Internal { message: format!("{query} is no log query") }),
    };
    collect(&plan, &blocks(rows, rows_max), options)
}

fn collect(plan: &Arc<LogPlan>, blocks: &[Block], options: &LogOptions) -> Result<Vec<StreamEntries>> {
    let mut collectors = [(); 2].map(|()| LogCollector::new(Arc::clone(plan), options.clone()));
    let mut first_row = 0;
    for (at, block) in blocks.iter().enumerate() {
        for run in &block.runs {
            let order = RunOrder { sequence: 1, first_row };
            first_row += run.rows.len() as u64;
            if plan.selector.matches(&run.labels) {
                block.with_batch(run, &plan.needs, |batch| collectors[at % 2].add(batch, None, order))?;
            }
        }
    }
    let [mut left, right] = collectors;
    // As another process would send it.
    left.merge_partial(&right.to_partial())?;
    Ok(left.finish())
}

/// Runs a metric query over the rows, block by block, through two accumulators a leaf that are merged.
pub fn metric_query(
    query: &str,
    rows: &[Row],
    rows_max: usize,
    steps: Steps,
    limit: SeriesLimit,
) -> Result<MetricResult> {
    metric_query_scheduled(query, rows, rows_max, steps, limit, &Schedule::default())
}

/// Which accumulator takes which block, and when.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Blocks in ascending order of `(turn, position)`; the turn of block i is `turns[i % turns.len()]`.
    pub turns: Vec<u32>,
    /// Number of accumulators, which take blocks in turn.
    pub lanes: usize,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { turns: vec![0], lanes: 2 }
    }
}

/// As [`metric_query`], with blocks in another order.
pub fn metric_query_scheduled(
    query: &str,
    rows: &[Row],
    rows_max: usize,
    steps: Steps,
    limit: SeriesLimit,
    schedule: &Schedule,
) -> Result<MetricResult> {
    let plan = match crate::parse(query)? {
        Expr::Metric(metric) => plan_metric(&metric, NOW)?,
        _ => return Err(Error::Internal { message: format!("{query} is no metric query") }),
    };
    let blocks = blocks(rows, rows_max);
    let mut leaves = Vec::new();
    for leaf in &plan.leaves {
        leaves.push(accumulate(leaf, &blocks, steps, limit, schedule)?.finish()?);
    }
    crate::evaluate(&plan, &steps, leaves, limit)
}

fn accumulate(
    plan: &Arc<RangePlan>,
    blocks: &[Block],
    steps: Steps,
    limit: SeriesLimit,
    schedule: &Schedule,
) -> Result<RangeAccumulator> {
    let new = || RangeAccumulator::new(Arc::clone(plan), steps, limit);
    let mut lanes: Vec<RangeAccumulator> = (0..schedule.lanes.max(1)).map(|_| new()).collect();
    let mut order: Vec<(u32, usize, u64)> = Vec::new();
    let mut first_row = 0;
    for (at, block) in blocks.iter().enumerate() {
        order.push((schedule.turns[at % schedule.turns.len()], at, first_row));
        first_row += block.timestamps.len() as u64;
    }
    order.sort_unstable();
    let lane_count = lanes.len();
    for (turn, (_, at, first_row)) in order.into_iter().enumerate() {
        let (block, accumulator) = (&blocks[at], &mut lanes[turn % lane_count]);
        for run in block.runs.iter().filter(|run| plan.selector.matches(&run.labels)) {
            let order = RunOrder { sequence: 1, first_row: first_row + u64::from(run.rows.start) };
            if !accumulator.add_run_summary(&summary(block, run, plan))? {
                block.with_batch(run, &plan.needs, |batch| accumulator.add(batch, None, order))?;
            }
        }
    }
    let mut whole = lanes.swap_remove(0);
    for (at, lane) in lanes.into_iter().enumerate() {
        // Every other one as another process would send it.
        let partial = at.is_multiple_of(2).then(|| lane.to_partial());
        whole.merge(match partial {
            Some(bytes) => RangeAccumulator::from_partial(Arc::clone(plan), steps, limit, &bytes)?,
            None => lane,
        })?;
    }
    Ok(whole)
}

fn summary<'a>(block: &'a Block, run: &'a Run, plan: &RangePlan) -> RunSummary<'a> {
    let rows = run.rows.start as usize..run.rows.end as usize;
    RunSummary {
        labels: &run.labels,
        stream_id: run.stream_id,
        rows: rows.len() as u64,
        line_bytes: block.line_lengths[rows.clone()].iter().map(|&length| u64::from(length)).sum(),
        min_time: block.timestamps[rows.start],
        max_time: block.timestamps[rows.end - 1],
        has_wanted_metadata: block.metadata.iter().any(|(name, _)| plan.needs.wants_metadata(&run.labels, name)),
    }
}

/// Runs a log query over the rows without `skip`, which names rows of `rows` as sorted by stream and time.
pub fn log_query_skipping(
    query: &str,
    rows: &[Row],
    skip: &RowSet,
    options: &LogOptions,
) -> Result<Vec<StreamEntries>> {
    let Expr::Log(log) = crate::parse(query)? else {
        return Err(Error::Internal { message: format!("{query} is no log query") });
    };
    let plan = Arc::new(plan_log(&log, NOW)?);
    let mut collector = LogCollector::new(Arc::clone(&plan), options.clone());
    for block in blocks(rows, usize::MAX) {
        for run in block.runs.iter().filter(|run| plan.selector.matches(&run.labels)) {
            let order = RunOrder { sequence: 1, first_row: u64::from(run.rows.start) };
            block.with_batch(run, &plan.needs, |batch| collector.add(batch, Some(skip), order))?;
        }
    }
    Ok(collector.finish())
}
