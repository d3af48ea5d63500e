//! Log queries: blocks in query order, in waves, until no unread block can contribute.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sigyn_logql::{Direction, LogCollector, LogOptions, LogPlan, RunOrder, StreamEntries};
use sigyn_model::{TimeRange, Timestamp};

use super::newest::{self, key, reach, run_reach};
use crate::columns;
use crate::context::{Held, QueryContext};
use crate::duplicates::{self, Duplicates};
use crate::fetch::{Columns, Fetched, FetchedUnit, Unit, fetch};
use crate::overlap::Overlaps;
use crate::selection::{SelectedRun, Selection, Selectors, select};
use crate::source::Source;
use crate::stats::add;
use crate::work::{each_in_order, wave_bytes};
use crate::{Error, Result};

/// Stored bytes of the first wave of a query with stages; each later wave has twice as many.
const FIRST_WAVE_BYTES: u64 = 512 << 10;

/// Rows up to which it is not worth looking at timestamps first.
const FEW_ROWS: u64 = 4096;

/// Scans and evaluates.
pub(crate) async fn run(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    plan: Arc<LogPlan>,
    options: LogOptions,
) -> Result<Vec<StreamEntries>> {
    let selectors = Selectors::AnyOf(vec![plan.selector.clone()]);
    let selection = select(source, context, selectors, options.range).await?;
    run_on(source, context, Arc::new(selection), plan, options).await
}

/// Evaluates what is already selected.
pub(crate) async fn run_on(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: Arc<Selection>,
    plan: Arc<LogPlan>,
    options: LogOptions,
) -> Result<Vec<StreamEntries>> {
    if options.limit == 0 {
        return Ok(Vec::new());
    }
    let prepare = {
        let (selection, direction) = (Arc::clone(&selection), options.direction);
        move || {
            let mut units = Unit::group(selection.runs.iter().copied());
            newest::sort(&mut units, direction);
            (Overlaps::of(&selection), units)
        }
    };
    let (overlaps, units) = source.cpu.run(prepare).await?;
    let query =
        LogQuery { source: Arc::clone(source), context: Arc::clone(context), selection, overlaps, plan, options };
    let entries = query.run(&units).await?;
    let returned = entries.iter().map(|stream| stream.entries.len() as u64).sum();
    add(&context.counters.entries_returned, returned);
    Ok(entries)
}

struct LogQuery {
    source: Arc<Source>,
    context: Arc<QueryContext>,
    selection: Arc<Selection>,
    overlaps: Overlaps,
    plan: Arc<LogPlan>,
    options: LogOptions,
}

impl LogQuery {
    /// `units` are in query order.
    async fn run(&self, units: &[Unit]) -> Result<Vec<StreamEntries>> {
        let direction = self.options.direction;
        let mut collector = Collector {
            collector: LogCollector::new(Arc::clone(&self.plan), self.options.clone()),
            held: self.context.hold(0)?,
        };
        let mut wave_bytes_now = FIRST_WAVE_BYTES.min(wave_bytes(&self.context));
        let mut rest = units;
        // Entries that thinning drops do not count, so a horizon would be a bad guess.
        if self.plan.pipeline.is_trivial() && self.options.interval_ns == 0 && rows(rest) > FEW_ROWS {
            let limit = (self.options.limit, direction);
            let horizon = newest::horizon(&self.source, &self.context, &self.selection, rest, limit).await?;
            let within = horizon.map_or(rest.len(), |horizon| {
                rest.partition_point(|unit| key(reach(unit, direction), direction) <= key(horizon, direction))
            });
            // Most likely all that will be read; what duplicates leave missing comes after.
            let (first, later) = rest.split_at(within);
            collector = self.run_waves(first, collector, &mut wave_bytes_now).await?;
            rest = later;
        }
        collector = self.run_waves(rest, collector, &mut wave_bytes_now).await?;
        add(&self.context.counters.post_filter_lines, collector.collector.passed_rows());
        Ok(self.source.cpu.run(move || collector.collector.finish()).await?)
    }

    /// Evaluates `units`, which are in query order, until none can contribute.
    async fn run_waves(&self, units: &[Unit], mut collector: Collector, bytes: &mut u64) -> Result<Collector> {
        let mut rest = units;
        let mut ahead: Option<Wave> = None;
        loop {
            let threshold = collector.collector.threshold();
            let wave = match ahead.take() {
                Some(wave) => wave,
                None => {
                    let (wave, later) = self.cut(rest, threshold, *bytes);
                    if wave.is_empty() {
                        return Ok(collector);
                    }
                    rest = later;
                    self.fetch(wave).await?
                }
            };
            *bytes = (*bytes * 2).min(wave_bytes(&self.context));
            // Reading ahead pays while the end is not in sight.
            let (next, later) = if threshold.is_none() { self.cut(rest, None, *bytes) } else { rest.split_at(0) };
            let evaluate = self.evaluate(wave, collector);
            if next.is_empty() {
                collector = evaluate.await?;
                continue;
            }
            let (evaluated, fetched) = futures::join!(evaluate, self.fetch(next));
            collector = evaluated?;
            ahead = Some(fetched?);
            rest = later;
        }
    }

    /// The next wave: units that may still contribute, of about `bytes` stored bytes.
    fn cut<'u>(&self, units: &'u [Unit], threshold: Option<i64>, bytes: u64) -> (&'u [Unit], &'u [Unit]) {
        let columns = Columns::Needs(&self.plan.needs);
        let (mut stored, mut taken) = (0, 0);
        for unit in units {
            if self.is_beyond(reach(unit, self.options.direction), threshold) || (taken > 0 && stored >= bytes) {
                break;
            }
            stored += columns.sizes(self.selection.block(unit.part, unit.block)).0;
            taken += 1;
        }
        units.split_at(taken)
    }

    /// Whether a run or unit that begins, in query direction, at `reach` cannot contribute any more.
    fn is_beyond(&self, reach: i64, threshold: Option<i64>) -> bool {
        let direction = self.options.direction;
        threshold.is_some_and(|threshold| key(reach, direction) > key(threshold, direction))
    }

    /// Brings the columns of a wave and finds its duplicates.
    async fn fetch(&self, units: &[Unit]) -> Result<Wave> {
        let columns = Columns::Needs(&self.plan.needs);
        let runs: Vec<SelectedRun> = units.iter().flat_map(|unit| unit.runs.iter().copied()).collect();
        let suspects = self.overlaps.around(&runs);
        let (fetched, duplicates) = futures::try_join!(
            fetch(&self.source, &self.context, &self.selection, units.to_vec(), columns),
            duplicates::find(&self.source, &self.context, &self.selection, &suspects),
        )?;
        Ok(Wave { fetched, duplicates })
    }

    async fn evaluate(&self, wave: Wave, mut collector: Collector) -> Result<Collector> {
        let direction = self.options.direction;
        let threshold = collector.collector.threshold();
        let evaluation = Evaluation {
            context: Arc::clone(&self.context),
            selection: Arc::clone(&self.selection),
            plan: Arc::clone(&self.plan),
            options: narrowed(&self.options, threshold),
            last_key: AtomicI64::new(threshold.map_or(i64::MAX, |threshold| key(threshold, direction))),
            idle: Mutex::new(Vec::new()),
        };
        let parallel = self.source.cpu.pool().is_some();
        let work = move || {
            each_in_order(parallel, &wave.fetched.units, |unit| evaluation.block(unit, &wave.duplicates))?;
            for other in evaluation.idle.into_inner().unwrap_or_else(PoisonError::into_inner) {
                collector.collector.merge(other.collector)?;
                collector.held.resize(collector.collector.memory() as u64)?;
            }
            Ok::<_, Error>(collector)
        };
        self.source.cpu.run(work).await?
    }
}

fn rows(units: &[Unit]) -> u64 {
    units.iter().flat_map(|unit| &unit.runs).map(|run| u64::from(run.run.rows)).sum()
}

/// Collectors of a later wave need not gather what is already beyond the threshold.
fn narrowed(options: &LogOptions, threshold: Option<i64>) -> LogOptions {
    let mut options = options.clone();
    let range = options.range;
    options.range = match (threshold, options.direction) {
        (None, _) => range,
        (Some(last), Direction::Backward) => TimeRange::new(range.start.max(Timestamp(last)), range.end),
        (Some(last), Direction::Forward) => TimeRange::new(range.start, range.end.min(Timestamp(last) + 1)),
    };
    options
}

struct Wave {
    fetched: Fetched,
    duplicates: Duplicates,
}

struct Collector {
    collector: LogCollector,
    held: Held,
}

/// One wave on the pool.
struct Evaluation {
    context: Arc<QueryContext>,
    selection: Arc<Selection>,
    plan: Arc<LogPlan>,
    options: LogOptions,
    /// The nearest threshold of any thread, as a key: what lies beyond it cannot contribute.
    last_key: AtomicI64,
    idle: Mutex<Vec<Collector>>,
}

impl Evaluation {
    fn block(&self, unit: &FetchedUnit, duplicates: &Duplicates) -> Result<()> {
        let context = &self.context;
        let (part, block) = (unit.unit.part, unit.unit.block);
        let direction = self.options.direction;
        let is_beyond = |reach| key(reach, direction) > self.last_key.load(Ordering::Relaxed);
        if is_beyond(reach(&unit.unit, direction)) {
            return Ok(());
        }
        let meta = self.selection.block(part, block);
        let _held = context.hold(Columns::Needs(&self.plan.needs).sizes(meta).1)?;
        let decoded = columns::decode(context, &self.selection, (part, block), &unit.columns)?;
        let metadata = decoded.metadata_refs();
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut own = match idle {
            Some(collector) => collector,
            None => Collector {
                collector: LogCollector::new(Arc::clone(&self.plan), self.options.clone()),
                held: context.hold(0)?,
            },
        };
        let selected = &self.selection.parts[part as usize];
        let rows_before = selected.footer.first_rows[block as usize];
        let skip = duplicates.of_block(part, block);
        for run in &unit.unit.runs {
            if is_beyond(run_reach(run, direction)) {
                continue;
            }
            let order =
                RunOrder { sequence: selected.meta.sequence, first_row: rows_before + u64::from(run.run.first_row) };
            own.collector.add(&decoded.batch(&self.selection, run, &metadata), skip, order)?;
            add(&context.counters.lines_processed, u64::from(run.run.rows));
            add(&context.counters.duplicates, duplicates.in_run(run) as u64);
            if decoded.lines.is_some() {
                add(&context.counters.bytes_processed, run.run.line_bytes);
            }
        }
        own.held.resize(own.collector.memory() as u64)?;
        if let Some(threshold) = own.collector.threshold() {
            self.last_key.fetch_min(key(threshold, direction), Ordering::Relaxed);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(own);
        Ok(())
    }
}
