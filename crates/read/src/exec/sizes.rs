//! Rows and bytes per stream and time bucket: from run summaries, and exactly from timestamps where a run is cut.

use std::collections::HashMap;
use std::sync::Arc;

use sigyn_model::{TimeRange, Timestamp};
use sigyn_segment::BlockMeta;

use crate::Result;
use crate::columns;
use crate::context::QueryContext;
use crate::fetch::{Columns, FetchedUnit, Unit, fetch};
use crate::selection::{SelectedRun, Selection};
use crate::source::Source;
use crate::stats::add;
use crate::work::{map_units, waves};

/// Cuts a range into buckets of one width, counted from its start; no width is one bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buckets {
    pub(crate) range: TimeRange,
    pub(crate) step: Option<i64>,
}

impl Buckets {
    /// The bucket of an instant inside the range.
    fn of(&self, time: i64) -> u64 {
        let offset = i128::from(time) - i128::from(self.range.start.nanos());
        match self.step {
            Some(step) if step > 0 => u64::try_from(offset / i128::from(step)).unwrap_or(0),
            _ => 0,
        }
    }

    /// The bucket that holds the whole run, if one does.
    fn of_run(&self, run: &SelectedRun) -> Option<u64> {
        if !self.range.covers(run.run.min_time, run.run.max_time) {
            return None;
        }
        let bucket = self.of(run.run.min_time.nanos());
        (bucket == self.of(run.run.max_time.nanos())).then_some(bucket)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    /// Lines and structured metadata.
    pub(crate) bytes: u64,
}

/// By (stream, bucket); only what has rows.
pub(crate) type Sizes = HashMap<(u32, u64), Size, foldhash::fast::FixedState>;

/// Measures every run of the selection.
pub(crate) async fn measure(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Arc<Selection>,
    buckets: Buckets,
) -> Result<Sizes> {
    let summarise = {
        let (context, selection) = (Arc::clone(context), Arc::clone(selection));
        move || summarise(&context, &selection, buckets)
    };
    let (mut sizes, cut) = source.cpu.run(summarise).await?;
    for units in waves(context, selection, Unit::group(cut), Columns::Sizes) {
        let fetched = fetch(source, context, selection, units, Columns::Sizes).await?;
        let (context, selection) = (Arc::clone(context), Arc::clone(selection));
        let parallel = source.cpu.pool().is_some();
        let work =
            move || map_units(parallel, &fetched.units, |unit| measure_block(&context, &selection, unit, buckets));
        for (key, size) in source.cpu.run(work).await??.into_iter().flatten() {
            add_size(&mut sizes, key, size);
        }
    }
    Ok(sizes)
}

/// Sizes of the runs that lie in one bucket, and the other runs.
fn summarise(context: &QueryContext, selection: &Selection, buckets: Buckets) -> (Sizes, Vec<SelectedRun>) {
    let mut sizes = Sizes::default();
    let mut cut = Vec::new();
    let mut summarised = 0;
    for runs in selection.runs.chunk_by(|a, b| (a.part, a.block) == (b.part, b.block)) {
        let metadata = Metadata::of(selection.block(runs[0].part, runs[0].block));
        for run in runs {
            let Some(bucket) = buckets.of_run(run) else {
                cut.push(*run);
                continue;
            };
            let rows = u64::from(run.run.rows);
            let bytes = run.run.line_bytes + metadata.of_rows(rows);
            add_size(&mut sizes, (run.stream, bucket), Size { rows, bytes });
            summarised += rows;
        }
    }
    add(&context.counters.lines_summarised, summarised);
    add(&context.counters.lines_processed, summarised);
    (sizes, cut)
}

fn add_size(sizes: &mut Sizes, key: (u32, u64), size: Size) {
    let total = sizes.entry(key).or_default();
    total.rows += size.rows;
    total.bytes += size.bytes;
}

fn measure_block(
    context: &Arc<QueryContext>,
    selection: &Selection,
    unit: &FetchedUnit,
    buckets: Buckets,
) -> Result<Sizes> {
    let (part, block) = (unit.unit.part, unit.unit.block);
    let meta = selection.block(part, block);
    let _held = context.hold(Columns::Sizes.sizes(meta).1)?;
    let decoded = columns::decode(context, selection, (part, block), &unit.columns)?;
    let lengths = decoded.line_lengths.as_deref().unwrap_or_default();
    let metadata = Metadata::of(meta);
    let mut lines = Sizes::default();
    for run in &unit.unit.runs {
        let rows = run.run.first_row as usize..(run.run.first_row + run.run.rows) as usize;
        for (&time, &length) in decoded.timestamps[rows.clone()].iter().zip(&lengths[rows]) {
            if buckets.range.contains(Timestamp(time)) {
                add_size(&mut lines, (run.stream, buckets.of(time)), Size { rows: 1, bytes: u64::from(length) });
            }
        }
        add(&context.counters.lines_processed, u64::from(run.run.rows));
    }
    for size in lines.values_mut() {
        size.bytes += metadata.of_rows(size.rows);
    }
    Ok(lines)
}

/// Metadata bytes of a block, shared out evenly over its rows.
#[derive(Debug, Clone, Copy)]
struct Metadata {
    bytes: u64,
    rows: u64,
}

impl Metadata {
    fn of(block: &BlockMeta) -> Self {
        let lines: u64 = block.runs.iter().map(|run| run.line_bytes).sum();
        Self { bytes: block.raw_bytes.saturating_sub(lines), rows: u64::from(block.rows).max(1) }
    }

    fn of_rows(self, rows: u64) -> u64 {
        self.bytes * rows / self.rows
    }
}
