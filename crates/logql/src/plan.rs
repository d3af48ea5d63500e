//! From syntax tree to what `read` executes.

use std::sync::Arc;

use regex::bytes::Regex;
use sigyn_model::Timestamp;

use crate::aggregate::counting::Counting;
use crate::aggregate::key::SeriesKey;
use crate::ast::{
    BinaryOp, Conversion, Grouping, LogExpr, MetricExpr, RangeAggregation, Unwrap, VectorAggregation, VectorMatching,
    VectorOp,
};
use crate::batch::{ColumnNeeds, MetadataNeeds};
use crate::error::{Error, ParseError, Result};
use crate::matcher::CompiledSelector;
use crate::pipeline::{Pipeline, Purpose, Wanted};
use crate::re2;

/// A log query, compiled.
#[derive(Debug)]
pub struct LogPlan {
    pub selector: CompiledSelector,
    pub pipeline: Pipeline,
    pub needs: ColumnNeeds,
}

/// A metric query, compiled: `leaves` read entries, `root` combines their series.
#[derive(Debug)]
pub struct MetricPlan {
    pub leaves: Vec<Arc<RangePlan>>,
    pub root: Node,
}

/// One range aggregation, with the grouping of an enclosing `sum` where that changes no result.
#[derive(Debug)]
pub struct RangePlan {
    pub selector: CompiledSelector,
    pub pipeline: Pipeline,
    pub needs: ColumnNeeds,
    /// Nanoseconds: the window of time t is `(t − offset − range, t − offset]`.
    pub range_ns: i64,
    pub offset_ns: i64,
    pub(crate) counting: Counting,
    pub(crate) key: SeriesKey,
    /// Whether the series limit holds for these series, not only for the query's answer.
    pub(crate) limited: bool,
}

/// An expression over series.
#[derive(Debug)]
pub enum Node {
    /// Index into [`MetricPlan::leaves`].
    Leaf(usize),
    Vector {
        op: VectorOp,
        k: usize,
        grouping: Option<Grouping>,
        inner: Box<Node>,
    },
    Binary(Box<BinaryNode>),
    LabelReplace(Box<LabelReplaceNode>),
    VectorLiteral(f64),
    Literal(f64),
}

#[derive(Debug)]
pub struct BinaryNode {
    pub op: BinaryOp,
    pub left: Node,
    pub right: Node,
    pub return_bool: bool,
    pub matching: Option<VectorMatching>,
}

#[derive(Debug)]
pub struct LabelReplaceNode {
    pub inner: Node,
    pub destination: String,
    pub replacement: String,
    pub source: String,
    pub regex: Regex,
}

/// `now` is what templates call so. Errors: `Stage`, `NotSupported`, or `Parse` for a selector's regex.
pub fn plan_log(expr: &LogExpr, now: Timestamp) -> Result<LogPlan> {
    Ok(LogPlan {
        selector: CompiledSelector::new(&expr.selector)?,
        pipeline: Pipeline::new(&expr.stages, &Purpose { wanted: Wanted::All, now })?,
        needs: ColumnNeeds { timestamps: true, lines: true, line_lengths: false, metadata: MetadataNeeds::All },
    })
}

/// Errors: as [`plan_log`], and `Evaluation` for `approx_topk`, which answers as Loki's does by default.
pub fn plan_metric(expr: &MetricExpr, now: Timestamp) -> Result<MetricPlan> {
    let mut leaves = Leaves { now, plans: Vec::new() };
    let root = plan_node(expr, true, &mut leaves)?;
    Ok(MetricPlan { leaves: leaves.plans, root })
}

/// The leaves found so far.
struct Leaves {
    now: Timestamp,
    plans: Vec<Arc<RangePlan>>,
}

impl Leaves {
    fn push(&mut self, plan: RangePlan) -> Node {
        self.plans.push(Arc::new(plan));
        Node::Leaf(self.plans.len() - 1)
    }
}

/// `limited`: whether the series limit holds for the expression's series. It does not below aggregations that Loki
/// evaluates shard by shard, whose inner series never meet in one place.
fn plan_node(expr: &MetricExpr, limited: bool, leaves: &mut Leaves) -> Result<Node> {
    Ok(match expr {
        MetricExpr::Range(range) => leaves.push(plan_range(range, None, limited, leaves.now)?),
        MetricExpr::Vector(vector) => return plan_vector(vector, limited, leaves),
        MetricExpr::Binary(binary) => Node::Binary(Box::new(BinaryNode {
            op: binary.op,
            left: plan_node(&binary.left, true, leaves)?,
            right: plan_node(&binary.right, true, leaves)?,
            return_bool: binary.return_bool,
            matching: binary.matching.clone(),
        })),
        MetricExpr::LabelReplace(replace) => Node::LabelReplace(Box::new(LabelReplaceNode {
            inner: plan_node(&replace.inner, true, leaves)?,
            destination: replace.destination.clone(),
            replacement: replace.replacement.clone(),
            source: replace.source.clone(),
            regex: re2::compile_anchored(&replace.regex)
                .map_err(|message| ParseError::new(format!("invalid regex in label_replace: {message}")))?,
        })),
        MetricExpr::VectorLiteral(value) => Node::VectorLiteral(*value),
        MetricExpr::Literal(value) => Node::Literal(*value),
    })
}

fn plan_vector(vector: &VectorAggregation, limited: bool, leaves: &mut Leaves) -> Result<Node> {
    if vector.op == VectorOp::ApproxTopk {
        let message = "approx_topk is not enabled. See -limits.shard_aggregations".to_owned();
        return Err(Error::Evaluation { message });
    }
    if let (VectorOp::Sum, MetricExpr::Range(range)) = (vector.op, &*vector.inner)
        && range.grouping.is_none()
    {
        let no_labels = Grouping { without: false, labels: Vec::new() };
        let plan = plan_range(range, Some(vector.grouping.as_ref().unwrap_or(&no_labels)), limited, leaves.now)?;
        if plan.counting.is_additive() {
            return Ok(leaves.push(plan));
        }
    }
    let sharded = matches!(vector.op, VectorOp::Sum | VectorOp::Avg | VectorOp::Min | VectorOp::Max | VectorOp::Count);
    Ok(Node::Vector {
        op: vector.op,
        k: vector.parameter.unwrap_or(0),
        grouping: vector.grouping.clone(),
        inner: Box::new(plan_node(&vector.inner, !sharded, leaves)?),
    })
}

/// `grouping`: of the enclosing `sum`, taken over when the aggregation is additive.
fn plan_range(
    expr: &RangeAggregation,
    grouping: Option<&Grouping>,
    limited: bool,
    now: Timestamp,
) -> Result<RangePlan> {
    let log = &expr.range.log;
    let selector = CompiledSelector::new(&log.selector)?;
    if let Some(unwrap) = &expr.range.unwrap {
        return Err(Error::NotSupported { what: unwrap_text(unwrap) });
    }
    let Some(counting) = Counting::new(expr.op, &log.selector) else {
        return Err(Error::Internal { message: format!("{:?} without unwrap came past the parser", expr.op) });
    };
    let no_labels = Grouping { without: false, labels: Vec::new() };
    let key = if counting.is_additive() { SeriesKey::new(grouping) } else { SeriesKey::new(Some(&no_labels)) };
    let wanted = match &key {
        SeriesKey::By(names) => Wanted::Names(names.clone()),
        SeriesKey::Without(_) => Wanted::All,
    };
    let pipeline = Pipeline::new(&log.stages, &Purpose { wanted, now })?;
    let lines = pipeline.reads_lines();
    let needs = ColumnNeeds {
        timestamps: true,
        lines,
        line_lengths: counting.is_weighted() && !lines,
        metadata: key.metadata_needs().and(pipeline.metadata_needs()),
    };
    Ok(RangePlan {
        selector,
        pipeline,
        needs,
        range_ns: expr.range.range,
        offset_ns: expr.range.offset,
        counting,
        key,
        limited,
    })
}

fn unwrap_text(unwrap: &Unwrap) -> String {
    let label = &unwrap.label;
    match unwrap.conversion {
        None => format!("| unwrap {label}"),
        Some(Conversion::Bytes) => format!("| unwrap bytes({label})"),
        Some(Conversion::Duration) => format!("| unwrap duration({label})"),
        Some(Conversion::DurationSeconds) => format!("| unwrap duration_seconds({label})"),
    }
}

#[cfg(test)]
mod tests;
