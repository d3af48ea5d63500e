//! From syntax tree to what `read` executes.

mod meeting;
mod range;

use std::sync::Arc;

use regex::bytes::Regex;
use sigyn_model::Timestamp;

use crate::aggregate::Aggregation;
use crate::aggregate::key::SeriesKey;
use crate::aggregate::unwrap::CompiledUnwrap;
use crate::ast::{BinaryOp, Grouping, LogExpr, MetricExpr, VectorAggregation, VectorMatching, VectorOp};
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

/// One range aggregation, with the grouping of an enclosing `sum`, `min` or `max` where that changes no result.
#[derive(Debug)]
pub struct RangePlan {
    pub selector: CompiledSelector,
    pub pipeline: Pipeline,
    pub needs: ColumnNeeds,
    /// Nanoseconds: the window of time t is `(t − offset − range, t − offset]`.
    pub range_ns: i64,
    pub offset_ns: i64,
    pub(crate) aggregation: Aggregation,
    /// Turns a label into the value that is aggregated.
    pub(crate) unwrap: Option<CompiledUnwrap>,
    pub(crate) key: SeriesKey,
    /// Whether parsers' errors are ordinary labels because the query asks for `__error__`.
    pub(crate) keeps_errors: bool,
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
    /// The series limit holds for the inner series too, not only for the query's answer.
    Limited(Box<Node>),
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
    let root = plan_node(expr, meeting::meets_inside(expr), &mut leaves)?;
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

/// `open`: the limit on series is still to be placed, at the outermost series that meet (see [`meeting`]).
fn plan_node(expr: &MetricExpr, open: bool, leaves: &mut Leaves) -> Result<Node> {
    Ok(match expr {
        MetricExpr::Range(range) => {
            let limited = open && meeting::is_split(expr);
            leaves.push(range::plan(range, None, limited, leaves.now)?)
        }
        MetricExpr::Vector(vector) => return plan_vector(expr, vector, open, leaves),
        MetricExpr::Binary(binary) => Node::Binary(Box::new(BinaryNode {
            op: binary.op,
            left: plan_side(&binary.left, open, leaves)?,
            right: plan_side(&binary.right, open, leaves)?,
            return_bool: binary.return_bool,
            matching: binary.matching.clone(),
        })),
        MetricExpr::LabelReplace(replace) => Node::LabelReplace(Box::new(LabelReplaceNode {
            inner: plan_node(&replace.inner, open, leaves)?,
            destination: replace.destination.clone(),
            replacement: replace.replacement.clone(),
            source: replace.source.clone(),
            // Anchored like Prometheus's, not like a selector's: `.` does not match a newline.
            regex: re2::compile(&format!("^(?:{})$", replace.regex))
                .map_err(|message| ParseError::new(format!("invalid regex in label_replace: {message}")))?,
        })),
        MetricExpr::VectorLiteral(value) => Node::VectorLiteral(*value),
        MetricExpr::Literal(value) => Node::Literal(*value),
    })
}

/// One side of a binary operation. If nothing meets inside, the side's own series do.
fn plan_side(expr: &MetricExpr, open: bool, leaves: &mut Leaves) -> Result<Node> {
    if !open || meeting::meets_inside(expr) || meeting::is_literal(expr) {
        return plan_node(expr, open, leaves);
    }
    Ok(Node::Limited(Box::new(plan_node(expr, false, leaves)?)))
}

fn plan_vector(expr: &MetricExpr, vector: &VectorAggregation, open: bool, leaves: &mut Leaves) -> Result<Node> {
    if vector.op == VectorOp::ApproxTopk {
        let message = "approx_topk is not enabled. See -limits.shard_aggregations".to_owned();
        return Err(Error::Evaluation { message });
    }
    let limited = open && meeting::is_split(expr);
    if let MetricExpr::Range(range) = &*vector.inner
        && let Some(fold) = range::Fold::new(vector, range)
    {
        return Ok(leaves.push(range::plan(range, Some(fold), limited, leaves.now)?));
    }
    let node = Node::Vector {
        op: vector.op,
        k: vector.parameter.unwrap_or(0),
        grouping: vector.grouping.clone(),
        inner: Box::new(plan_node(&vector.inner, open && !limited, leaves)?),
    };
    Ok(if limited { Node::Limited(Box::new(node)) } else { node })
}

#[cfg(test)]
mod tests;
