//! Range aggregations: run summaries first, then blocks in waves, one accumulator per thread.

use std::sync::{Arc, Mutex, PoisonError};

use sigyn_logql::{
    ColumnNeeds, MetricPlan, MetricResult, RangeAccumulator, RangePlan, RunOrder, RunSummary, SeriesSet, Steps,
};
use sigyn_segment::ColumnKind;

use crate::Result;
use crate::columns;
use crate::context::{Held, QueryContext};
use crate::duplicates::{self, Duplicates};
use crate::fetch::{Columns, Fetched, FetchedUnit, Unit, fetch};
use crate::overlap::Overlaps;
use crate::selection::{SelectedRun, Selection, Selectors, select};
use crate::source::Source;
use crate::stats::add;
use crate::work::{map_units, waves};

/// Evaluates every leaf, then the expression above them.
pub(crate) async fn run(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    plan: Arc<MetricPlan>,
    steps: Steps,
) -> Result<MetricResult> {
    let mut leaves = Vec::with_capacity(plan.leaves.len());
    for leaf in &plan.leaves {
        leaves.push(run_leaf(source, context, Arc::clone(leaf), steps).await?);
    }
    let limit = context.series_limit();
    let evaluate = move || sigyn_logql::evaluate(&plan, &steps, leaves, limit);
    Ok(source.cpu.run(evaluate).await??)
}

async fn run_leaf(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    plan: Arc<RangePlan>,
    steps: Steps,
) -> Result<SeriesSet> {
    let range = RangeAccumulator::time_range(&plan, &steps);
    let selection = select(source, context, Selectors::AnyOf(vec![plan.selector.clone()]), range).await?;
    let selection = Arc::new(selection);
    let overlaps = {
        let selection = Arc::clone(&selection);
        source.cpu.run(move || Overlaps::of(&selection)).await?
    };
    let duplicates = Arc::new(duplicates::find(source, context, &selection, overlaps.all()).await?);
    let workers = Arc::new(Workers {
        context: Arc::clone(context),
        selection: Arc::clone(&selection),
        duplicates,
        plan: Arc::clone(&plan),
        steps,
        idle: Mutex::new(Vec::new()),
    });
    let summarise = {
        let workers = Arc::clone(&workers);
        move || workers.summarise()
    };
    let units = source.cpu.run(summarise).await??;
    run_blocks(source, context, &selection, &plan.needs, &workers, units).await?;
    source.cpu.run(move || workers.finish()).await?
}

/// Evaluates one wave while the next is fetched.
async fn run_blocks(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Selection,
    needs: &ColumnNeeds,
    workers: &Arc<Workers>,
    units: Vec<Unit>,
) -> Result<()> {
    let columns = Columns::Needs(needs);
    let mut waves = waves(context, selection, units, columns).into_iter();
    let Some(first) = waves.next() else { return Ok(()) };
    let mut current = fetch(source, context, selection, first, columns).await?;
    let parallel = source.cpu.pool().is_some();
    loop {
        let evaluate = {
            let workers = Arc::clone(workers);
            source.cpu.run(move || workers.evaluate(&current, parallel))
        };
        let Some(units) = waves.next() else {
            return evaluate.await?;
        };
        let (evaluated, fetched) = futures::join!(evaluate, fetch(source, context, selection, units, columns));
        evaluated??;
        current = fetched?;
    }
}

/// Accumulators that are not in use, and what all threads share.
#[derive(Debug)]
struct Workers {
    context: Arc<QueryContext>,
    selection: Arc<Selection>,
    duplicates: Arc<Duplicates>,
    plan: Arc<RangePlan>,
    steps: Steps,
    idle: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    accumulator: RangeAccumulator,
    held: Held,
}

impl Workers {
    fn take(&self) -> Result<Worker> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(worker) = idle {
            return Ok(worker);
        }
        let accumulator = RangeAccumulator::new(Arc::clone(&self.plan), self.steps, self.context.series_limit());
        Ok(Worker { accumulator, held: self.context.hold(0)? })
    }

    fn give_back(&self, mut worker: Worker) -> Result<()> {
        worker.held.resize(worker.accumulator.memory() as u64)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        Ok(())
    }

    /// Answers what it can from run summaries and returns the rest.
    fn summarise(&self) -> Result<Vec<Unit>> {
        let mut worker = self.take()?;
        let mut rest = Vec::new();
        let (mut rows, mut at) = (0, None);
        let mut names = Vec::new();
        for run in &self.selection.runs {
            if at != Some((run.part, run.block)) {
                self.context.check()?;
                at = Some((run.part, run.block));
                names = self.wanted_names(run);
            }
            if self.duplicates.in_run(run) == 0 && worker.accumulator.add_run_summary(&self.summary(run, &names))? {
                rows += u64::from(run.run.rows);
            } else {
                rest.push(*run);
            }
        }
        self.give_back(worker)?;
        add(&self.context.counters.lines_summarised, rows);
        add(&self.context.counters.lines_processed, rows);
        Ok(Unit::group(rest))
    }

    /// Metadata columns of the run's block that the plan may want, before looking at the stream.
    fn wanted_names(&self, run: &SelectedRun) -> Vec<Arc<str>> {
        let columns = &self.selection.block(run.part, run.block).columns;
        let names = columns.iter().filter_map(|column| match &column.kind {
            ColumnKind::Metadata(name) if self.plan.needs.may_want_metadata(name) => Some(Arc::clone(name)),
            _ => None,
        });
        names.collect()
    }

    fn summary(&self, run: &SelectedRun, names: &[Arc<str>]) -> RunSummary<'_> {
        let labels = &self.selection.streams[run.stream as usize];
        RunSummary {
            labels,
            stream_id: run.stream,
            rows: u64::from(run.run.rows),
            line_bytes: run.run.line_bytes,
            min_time: run.run.min_time.nanos(),
            max_time: run.run.max_time.nanos(),
            has_wanted_metadata: names.iter().any(|name| self.plan.needs.wants_metadata(labels, name)),
        }
    }

    fn evaluate(&self, fetched: &Fetched, parallel: bool) -> Result<()> {
        map_units(parallel, &fetched.units, |unit| {
            let mut worker = self.take()?;
            self.evaluate_block(&mut worker.accumulator, unit)?;
            self.give_back(worker)
        })?;
        Ok(())
    }

    fn evaluate_block(&self, accumulator: &mut RangeAccumulator, unit: &FetchedUnit) -> Result<()> {
        let context = &self.context;
        let (part, block) = (unit.unit.part, unit.unit.block);
        let decoded_bytes = Columns::Needs(&self.plan.needs).sizes(self.selection.block(part, block)).1;
        let _held = context.hold(decoded_bytes)?;
        let decoded = columns::decode(context, &self.selection, (part, block), &unit.columns)?;
        let metadata = decoded.metadata_refs();
        let skip = self.duplicates.of_block(part, block);
        let selected = &self.selection.parts[part as usize];
        let rows_before = selected.footer.first_rows[block as usize];
        let (mut rows, mut bytes, mut skipped) = (0, 0, 0);
        for run in &unit.unit.runs {
            let first_row = rows_before + u64::from(run.run.first_row);
            let order = RunOrder { sequence: selected.meta.sequence, first_row };
            accumulator.add(&decoded.batch(&self.selection, run, &metadata), skip, order)?;
            rows += u64::from(run.run.rows);
            bytes += run.run.line_bytes;
            skipped += self.duplicates.in_run(run) as u64;
        }
        add(&context.counters.lines_processed, rows);
        add(&context.counters.duplicates, skipped);
        if decoded.lines.is_some() {
            add(&context.counters.bytes_processed, bytes);
        }
        Ok(())
    }

    /// Merges all accumulators into the leaf's series.
    fn finish(&self) -> Result<SeriesSet> {
        let mut idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner)).into_iter();
        let Some(Worker { mut accumulator, mut held }) = idle.next() else { return Ok(SeriesSet::new()) };
        for other in idle {
            accumulator.merge(other.accumulator)?;
            held.resize(accumulator.memory() as u64)?;
        }
        add(&self.context.counters.post_filter_lines, accumulator.passed_rows());
        Ok(accumulator.finish()?)
    }
}
