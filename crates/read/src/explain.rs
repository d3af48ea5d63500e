//! What a query would read, and where that comes from: the plan, counted but not run.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use sigyn_logql::explain::{self, Leaf, StageNote};
use sigyn_logql::pipeline::StageRows;
use sigyn_logql::{ColumnNeeds, LogPlan, MetricPlan, RangeAccumulator, RangePlan, RunSummary, Steps};
use sigyn_model::TimeRange;
use sigyn_segment::ColumnKind;

use crate::context::QueryContext;
use crate::fetch::{Columns, Unit};
use crate::selection::{SelectedRun, Selection, Selectors, scan, select_from};
use crate::source::Source;
use crate::{Error, ExplainRequest, QueryStats, Result};

/// Columns that are named; a block may have very many.
const COLUMNS_NAMED: usize = 100;

/// What a query would do, and what it did when it was run as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One for a log query, one per range aggregation of a metric query.
    pub selectors: Vec<SelectorPlan>,
    pub parts: PartCounts,
    /// Streams with rows in the range.
    pub streams: u64,
    /// Blocks from which columns would be read.
    pub blocks: u64,
    /// Rows of these streams in blocks that touch the range.
    pub rows: u64,
    /// Of the columns that would be read.
    pub stored_bytes: u64,
    pub raw_bytes: u64,
    /// When the query was run as well.
    pub run: Option<ExplainedRun>,
}

/// What a query did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRun {
    pub stats: QueryStats,
    /// Stages of all selectors in their order, as they were run.
    pub stages: Vec<StageRows>,
}

/// A request, planned.
#[derive(Debug, Clone)]
pub(crate) enum ExplainPlan {
    Log(Arc<LogPlan>),
    Metric(Arc<MetricPlan>),
}

impl ExplainPlan {
    /// Rows by stage, once the plan has been run.
    pub(crate) fn stage_rows(&self) -> Vec<StageRows> {
        match self {
            Self::Log(plan) => plan.pipeline.stage_rows(),
            Self::Metric(plan) => plan.leaves.iter().flat_map(|leaf| leaf.pipeline.stage_rows()).collect(),
        }
    }
}

/// One part of the query that reads entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorPlan {
    /// Canonical text.
    pub selector: String,
    pub stages: Vec<StageNote>,
    /// `timestamps`, `line lengths`, `lines`, `metadata:<name>`.
    pub columns: Vec<String>,
    /// Sentences.
    pub pruning: Vec<String>,
}

/// Parts of the tenants, summed over selectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartCounts {
    /// Parts there are.
    pub matched: u64,
    pub pruned_by_time: u64,
    /// By their label filter, or by their footer.
    pub pruned_by_labels: u64,
    pub to_read: u64,
}

/// One selector, its range and its columns.
struct Survey<'a> {
    leaf: &'a Leaf<'a>,
    selectors: Selectors,
    range: TimeRange,
    needs: &'a ColumnNeeds,
    /// Of a metric query: what may be answered from footers.
    metric: Option<(&'a Arc<RangePlan>, Steps)>,
    /// Of a log query.
    limit: Option<usize>,
}

/// Looks at catalog and footers, not at rows.
pub(crate) async fn explain(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    request: &ExplainRequest,
    plan: &ExplainPlan,
) -> Result<Explanation> {
    let mut explanation = Explanation::default();
    match (request, plan) {
        (ExplainRequest::Log(log), ExplainPlan::Log(plan)) => {
            let leaf = &explain::log_leaf(&log.expr, plan);
            let selectors = Selectors::AnyOf(vec![plan.selector.clone()]);
            let (range, limit) = (log.range, Some(log.limit));
            let survey = Survey { leaf, selectors, range, needs: &plan.needs, metric: None, limit };
            survey.add_to(source, context, &mut explanation).await?;
        }
        (ExplainRequest::Metric(metric), ExplainPlan::Metric(plan)) => {
            let leaves = explain::metric_leaves(&metric.expr, plan);
            if leaves.len() != plan.leaves.len() {
                return Err(Error::Internal("the plan has other leaves than the query".to_owned()));
            }
            for (leaf, plan) in leaves.iter().zip(&plan.leaves) {
                let survey = Survey {
                    leaf,
                    selectors: Selectors::AnyOf(vec![plan.selector.clone()]),
                    range: RangeAccumulator::time_range(plan, &metric.steps),
                    needs: &plan.needs,
                    metric: Some((plan, metric.steps)),
                    limit: None,
                };
                survey.add_to(source, context, &mut explanation).await?;
            }
        }
        _ => return Err(Error::Internal("a plan of another kind than its query".to_owned())),
    }
    Ok(explanation)
}

impl Survey<'_> {
    async fn add_to(
        &self,
        source: &Arc<Source>,
        context: &Arc<QueryContext>,
        explanation: &mut Explanation,
    ) -> Result<()> {
        let (mut all, mut in_range) = (0, 0);
        for tenant in &context.tenants {
            all += source.catalog.scan(tenant, TimeRange::all()).await?.len() as u64;
            in_range += source.catalog.scan(tenant, self.range).await?.len() as u64;
        }
        let parts = scan(source, context, &self.selectors, self.range).await?;
        let opened = parts.len() as u64;
        let selection = select_from(source, context, parts, self.selectors.clone(), self.range).await?;
        let to_read = selection.parts.len() as u64;
        let rows: u64 = selection.runs.iter().map(|run| u64::from(run.run.rows)).sum();
        let units = Unit::group(self.rest(context, &selection)?);
        let unread = rows - units.iter().flat_map(|unit| &unit.runs).map(|run| u64::from(run.run.rows)).sum::<u64>();

        let counts = &mut explanation.parts;
        counts.matched += all;
        counts.pruned_by_time += all.saturating_sub(in_range);
        counts.pruned_by_labels += in_range.saturating_sub(to_read);
        counts.to_read += to_read;
        let streams: HashSet<u32> = selection.runs.iter().map(|run| run.stream).collect();
        explanation.streams += streams.len() as u64;
        explanation.blocks += units.len() as u64;
        explanation.rows += rows;
        let mut columns = BTreeSet::new();
        for unit in &units {
            for column in &selection.block(unit.part, unit.block).columns {
                if Columns::Needs(self.needs).wants(&column.kind) {
                    explanation.stored_bytes += u64::from(column.length);
                    explanation.raw_bytes += u64::from(column.raw_length);
                    if columns.len() < COLUMNS_NAMED {
                        columns.insert(column_name(&column.kind));
                    }
                }
            }
        }

        let mut pruning = vec![format!("{} of {all} parts lie outside the range", all.saturating_sub(in_range))];
        pruning.extend(explain::selector_notes(&self.leaf.log.selector));
        pruning.push(format!(
            "of {in_range} parts, {} are skipped by label filter and {} after their footer was read",
            in_range.saturating_sub(opened),
            opened.saturating_sub(to_read)
        ));
        pruning.push("blocks and streams of a part that lie outside the range are skipped".to_owned());
        if self.metric.is_some() {
            pruning.push(format!("{unread} of {rows} rows are counted from footers, without reading any column"));
        }
        if let Some(limit) = self.limit {
            pruning.push(format!(
                "blocks are read in the query's direction until no other can hold one of the {limit} entries"
            ));
        }
        explanation.selectors.push(SelectorPlan {
            selector: self.leaf.log.selector.to_string(),
            stages: self.leaf.stages.clone(),
            columns: columns.into_iter().map(|(_, name)| name).collect(),
            pruning,
        });
        Ok(())
    }

    /// Runs that have to be read: for a metric query, those that their footer does not answer.
    fn rest(&self, context: &QueryContext, selection: &Selection) -> Result<Vec<SelectedRun>> {
        let Some((plan, steps)) = self.metric else { return Ok(selection.runs.clone()) };
        let mut accumulator = RangeAccumulator::new(Arc::clone(plan), steps, context.series_limit());
        let mut rest = Vec::new();
        for run in &selection.runs {
            let labels = &selection.streams[run.stream as usize];
            let block = selection.block(run.part, run.block);
            let has_wanted_metadata = block.columns.iter().any(|column| match &column.kind {
                ColumnKind::Metadata(name) => self.needs.wants_metadata(labels, name),
                _ => false,
            });
            let summary = RunSummary {
                labels,
                stream_id: run.stream,
                rows: u64::from(run.run.rows),
                line_bytes: run.run.line_bytes,
                min_time: run.run.min_time.nanos(),
                max_time: run.run.max_time.nanos(),
                has_wanted_metadata,
            };
            if !accumulator.add_run_summary(&summary)? {
                rest.push(*run);
            }
        }
        Ok(rest)
    }
}

/// With its place among the names: what every block has comes first.
fn column_name(kind: &ColumnKind) -> (u8, String) {
    match kind {
        ColumnKind::Timestamps => (0, "timestamps".to_owned()),
        ColumnKind::LineLengths => (1, "line lengths".to_owned()),
        ColumnKind::Lines => (2, "lines".to_owned()),
        ColumnKind::Metadata(name) => (3, format!("metadata:{name}")),
    }
}
