//! Range aggregations: which labels tell series apart, what is read, and what an enclosing aggregation adds.

use sigyn_model::Timestamp;

use super::RangePlan;
use crate::aggregate::Aggregation;
use crate::aggregate::counting::Counting;
use crate::aggregate::key::SeriesKey;
use crate::aggregate::reduce::Reduction;
use crate::aggregate::unwrap::CompiledUnwrap;
use crate::ast::{Grouping, LabelFilter, RangeAggregation, RangeOp, Stage, VectorAggregation, VectorOp};
use crate::batch::{ColumnNeeds, MetadataNeeds};
use crate::error::{Error, Result};
use crate::matcher::CompiledSelector;
use crate::pipeline::{Pipeline, Purpose, Wanted};
use crate::stages::label_filter::ERROR;

/// An enclosing aggregation that the range aggregation does on the way, since rows or series first is all the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fold<'a> {
    grouping: Option<&'a Grouping>,
    /// Whether Loki too does it on the way, with effects that show: parsers only extract what is grouped by, and an
    /// unwrapped label may be grouped by.
    shows: bool,
}

impl<'a> Fold<'a> {
    /// None where the order matters.
    pub(super) fn new(vector: &'a VectorAggregation, range: &RangeAggregation) -> Option<Self> {
        let shows = match (vector.op, range.op) {
            (
                VectorOp::Sum,
                RangeOp::CountOverTime
                | RangeOp::Rate
                | RangeOp::BytesOverTime
                | RangeOp::BytesRate
                | RangeOp::SumOverTime,
            ) => true,
            (VectorOp::Max, RangeOp::MaxOverTime) | (VectorOp::Min, RangeOp::MinOverTime) => false,
            _ => return None,
        };
        range.grouping.is_none().then_some(Self { grouping: vector.grouping.as_ref(), shows })
    }
}

const NO_LABELS: SeriesKey = SeriesKey::By(Vec::new());

/// What tells series apart.
fn key(grouping: Option<&Grouping>, unwrapped: Option<&str>) -> SeriesKey {
    let all_but = |labels: &[String]| {
        SeriesKey::Without(labels.iter().map(String::as_str).chain(unwrapped).map(str::to_owned).collect())
    };
    match grouping {
        None => all_but(&[]),
        Some(Grouping { without: true, labels }) => all_but(labels),
        Some(Grouping { without: false, labels }) => SeriesKey::By(labels.clone()),
    }
}

/// The key of a fold that does not show: over series that have lost the unwrapped label.
fn folded(grouping: Option<&Grouping>, unwrapped: Option<&str>) -> SeriesKey {
    match grouping {
        None => NO_LABELS,
        Some(Grouping { without: false, labels }) => {
            SeriesKey::By(labels.iter().filter(|label| Some(label.as_str()) != unwrapped).cloned().collect())
        }
        without => key(without, unwrapped),
    }
}

/// Errors: as [`super::plan_metric`].
pub(super) fn plan(
    expr: &RangeAggregation,
    fold: Option<Fold<'_>>,
    limited: bool,
    now: Timestamp,
) -> Result<RangePlan> {
    let log = &expr.range.log;
    let selector = CompiledSelector::new(&log.selector)?;
    let unwrapped = expr.range.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
    let aggregation = aggregation(expr)?;
    // The labels that the pipeline is asked for are those of the query as written, since failures show.
    let written = match (&aggregation, &fold, &expr.grouping) {
        (Aggregation::Count(Counting::Absent(_)), ..) => NO_LABELS,
        (_, Some(Fold { shows: true, grouping: None }), _) => NO_LABELS,
        (_, Some(Fold { shows: true, grouping }), _) => key(*grouping, unwrapped),
        (_, _, grouping) => key(grouping.as_ref(), unwrapped),
    };
    let key = match fold {
        Some(Fold { shows: false, grouping }) => folded(grouping, unwrapped),
        _ => written.clone(),
    };
    let unwrap = expr.range.unwrap.as_ref().map(CompiledUnwrap::new).transpose()?;
    let unwrap_names = unwrap.as_ref().map(CompiledUnwrap::names).unwrap_or_default();
    let keeps_errors = keeps_errors(&written, &log.stages, &unwrap_names);
    let wanted = match written {
        SeriesKey::By(names) if names.is_empty() => Wanted::Ungrouped(unwrap_names.clone()),
        SeriesKey::By(names) => Wanted::Names([names, unwrap_names.clone()].concat()),
        SeriesKey::Without(_) => Wanted::All,
    };
    let pipeline = Pipeline::new(&log.stages, &Purpose { wanted, now })?;
    let lines = pipeline.reads_lines();
    let unwrap_needs = if unwrap_names.is_empty() { MetadataNeeds::None } else { MetadataNeeds::Some(unwrap_names) };
    let is_weighted = matches!(&aggregation, Aggregation::Count(counting) if counting.is_weighted());
    let needs = ColumnNeeds {
        timestamps: true,
        lines,
        line_lengths: is_weighted && !lines,
        metadata: key.metadata_needs().and(pipeline.metadata_needs()).and(unwrap_needs),
    };
    Ok(RangePlan {
        selector,
        pipeline,
        needs,
        range_ns: expr.range.range,
        offset_ns: expr.range.offset,
        aggregation,
        unwrap,
        key,
        keeps_errors,
        limited,
    })
}

fn aggregation(expr: &RangeAggregation) -> Result<Aggregation> {
    let counts = expr.range.unwrap.is_none() || expr.op == RangeOp::AbsentOverTime;
    let aggregation = if counts {
        Counting::new(expr.op, &expr.range.log.selector).map(Aggregation::Count)
    } else {
        Reduction::new(expr.op, expr.parameter).map(Aggregation::Reduce)
    };
    aggregation
        .ok_or_else(|| Error::Internal { message: format!("{:?} came past the parser without what it needs", expr.op) })
}

/// Whether entries that a parser failed on are counted: the query groups by `__error__`, or filters on it while only
/// some labels are asked for.
fn keeps_errors(key: &SeriesKey, stages: &[Stage], unwrap_names: &[String]) -> bool {
    let SeriesKey::By(names) = key else {
        return false;
    };
    let filters = stages.iter().any(|stage| match stage {
        Stage::LabelFilter(filter) => looks_at_error(filter),
        _ => false,
    });
    filters || names.iter().chain(unwrap_names).any(|name| name == ERROR)
}

fn looks_at_error(filter: &LabelFilter) -> bool {
    match filter {
        LabelFilter::Match(matcher) => matcher.name == ERROR,
        LabelFilter::Number { name, .. }
        | LabelFilter::Duration { name, .. }
        | LabelFilter::Bytes { name, .. }
        | LabelFilter::Ip { name, .. } => name == ERROR,
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => looks_at_error(left) || looks_at_error(right),
    }
}
