//! Patterns of log lines, mined when they are asked for, from a bounded sample.
//!
//! Blocks are taken at even distances in time until [`SAMPLE_BYTES`] of lines are reached, and of each block rows at even
//! distances until [`SAMPLE_ROWS`]; what was passed over is made up for by weight. A selection within both bounds is counted exactly,
//! but for entries stored twice.

mod chunk;
mod miner;

use std::collections::BTreeMap;
use std::sync::Arc;

use sigyn_logql::{ColumnNeeds, MetadataNeeds, detect};
use sigyn_model::TimeRange;

use crate::columns;
use crate::context::QueryContext;
use crate::fetch::{Columns, Fetched, FetchedUnit, Unit, fetch};
use crate::selection::{Selection, select};
use crate::source::Source;
use crate::stats::add;
use crate::volume::selectors;
use crate::work::waves;
use crate::{Pattern, PatternsRequest, Result};
use miner::Miner;

/// Decoded bytes of blocks that are read.
const SAMPLE_BYTES: u64 = 16 << 20;
/// Rows that are looked at.
const SAMPLE_ROWS: u64 = 50_000;
/// Patterns of an answer: the most frequent.
const PATTERNS_MAX: usize = 300;
/// The metadata that tells levels apart.
const LEVEL: &str = "detected_level";

/// Most frequent first, ties by pattern.
pub(crate) async fn patterns(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    request: &PatternsRequest,
) -> Result<Vec<Pattern>> {
    let selection = Arc::new(select(source, context, selectors(&request.selector)?, request.range).await?);
    let units = sample(&selection);
    let weights: BTreeMap<(u32, u32), f64> =
        units.iter().map(|(unit, weight)| ((unit.part, unit.block), *weight)).collect();
    let rows: u64 = units.iter().map(|(unit, _)| rows_of(unit)).sum();
    let stride = rows.div_ceil(SAMPLE_ROWS).max(1);
    let needs = ColumnNeeds {
        timestamps: true,
        lines: true,
        line_lengths: false,
        metadata: MetadataNeeds::Some(vec![LEVEL.to_owned()]),
    };
    let columns = Columns::Needs(&needs);
    let units = units.into_iter().map(|(unit, _)| unit).collect();
    let mut mine = Mine {
        context: Arc::clone(context),
        selection: Arc::clone(&selection),
        weights,
        stride,
        seen: stride / 2,
        range: request.range,
        step: request.step.max(1),
        levels: BTreeMap::new(),
    };
    for units in waves(context, &selection, units, columns) {
        let fetched = fetch(source, context, &selection, units, columns).await?;
        mine = source.cpu.run(move || mine.wave(&fetched)).await??;
    }
    Ok(source.cpu.run(move || mine.finish()).await?)
}

fn rows_of(unit: &Unit) -> u64 {
    unit.runs.iter().map(|run| u64::from(run.run.rows)).sum()
}

/// Units at even distances in time, each with the number of rows that stand behind one of its own.
fn sample(selection: &Selection) -> Vec<(Unit, f64)> {
    let mut units = Unit::group(selection.runs.iter().copied());
    units.sort_by_cached_key(|unit| {
        let begins = unit.runs.iter().map(|run| run.run.min_time).min();
        (begins, unit.part, unit.block)
    });
    let bytes: u64 = units.iter().map(|unit| selection.block(unit.part, unit.block).raw_bytes).sum();
    let strata = match bytes.div_ceil(SAMPLE_BYTES) {
        0 | 1 => units.len(),
        times => (units.len() as u64 / times).max(1) as usize,
    };
    let count = units.len();
    let mut chosen = Vec::with_capacity(strata);
    for stratum in 0..strata {
        let span = &units[stratum * count / strata..(stratum + 1) * count / strata];
        let rows: u64 = span.iter().map(rows_of).sum();
        let unit = &span[span.len() / 2];
        chosen.push((unit.clone(), rows as f64 / rows_of(unit).max(1) as f64));
    }
    // As `fetch` and `waves` like them.
    chosen.sort_by_key(|(unit, _)| (unit.part, unit.block));
    chosen
}

/// Mining under way.
struct Mine {
    context: Arc<QueryContext>,
    selection: Arc<Selection>,
    /// By (part, block).
    weights: BTreeMap<(u32, u32), f64>,
    /// Of so many rows one is looked at.
    stride: u64,
    /// Rows passed since the last one that was looked at; goes on from block to block, which may be smaller than the stride.
    seen: u64,
    range: TimeRange,
    step: i64,
    levels: BTreeMap<String, Miner>,
}

impl Mine {
    fn wave(mut self, fetched: &Fetched) -> Result<Self> {
        for unit in &fetched.units {
            self.block(unit)?;
        }
        Ok(self)
    }

    fn block(&mut self, unit: &FetchedUnit) -> Result<()> {
        let place = (unit.unit.part, unit.unit.block);
        let _held = self.context.hold(self.selection.block(place.0, place.1).raw_bytes)?;
        let decoded = columns::decode(&self.context, &self.selection, place, &unit.columns)?;
        let Some(lines) = &decoded.lines else { return Ok(()) };
        let weight = self.weights.get(&place).copied().unwrap_or(1.0) * self.stride as f64;
        let level = decoded.metadata.iter().find(|(name, _)| **name == *LEVEL).map(|(_, column)| column);
        let rows = unit.unit.runs.iter().flat_map(|run| run.run.first_row..run.run.first_row + run.run.rows);
        let mut looked_at = 0;
        for row in rows {
            self.seen += 1;
            if self.seen < self.stride {
                continue;
            }
            self.seen = 0;
            let row = row as usize;
            let time = decoded.timestamps[row];
            if !self.range.contains(sigyn_model::Timestamp(time)) {
                continue;
            }
            let level = level.and_then(|column| column.get(row)).unwrap_or("");
            if !self.levels.contains_key(level) {
                self.levels.insert(level.to_owned(), Miner::default());
            }
            let Some(miner) = self.levels.get_mut(level) else { continue };
            let bucket = time.div_euclid(self.step) * self.step;
            looked_at += 1;
            let line = lines.get(row);
            match detect::message(line) {
                Some(message) => add_line(miner, message, true, bucket, weight),
                None => add_line(miner, line, false, bucket, weight),
            }
        }
        add(&self.context.counters.lines_processed, looked_at);
        add(&self.context.counters.bytes_processed, unit.unit.runs.iter().map(|run| run.run.line_bytes).sum());
        Ok(())
    }

    fn finish(self) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (level, miner) in self.levels {
            for (pattern, weights) in miner.finish() {
                let samples: Vec<(i64, u64)> =
                    weights.into_iter().map(|(bucket, weight)| (bucket, (weight.round() as u64).max(1))).collect();
                patterns.push(Pattern { pattern, level: level.clone(), samples });
            }
        }
        patterns.sort_by_cached_key(|pattern| {
            (std::cmp::Reverse(pattern.samples.iter().map(|(_, count)| count).sum::<u64>()), pattern.pattern.clone())
        });
        patterns.truncate(PATTERNS_MAX);
        patterns
    }
}

/// Lines that are not UTF-8 have no pattern.
fn add_line(miner: &mut Miner, line: &[u8], inside: bool, bucket: i64, weight: f64) {
    if let Ok(line) = std::str::from_utf8(line) {
        miner.add(line, inside, bucket, weight);
    }
}
