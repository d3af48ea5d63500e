//! Operators over series: the part of a metric query above its range aggregations.

mod binary;
mod label_replace;
mod vector;

use sigyn_model::Labels;

use crate::ast::VectorOp;
use crate::error::{Error, Result};
use crate::plan::{MetricPlan, Node};
use crate::series::{MatrixSeries, MetricResult, Points, Sample, Series, SeriesLimit, SeriesSet, Steps, VectorSample};

/// Combines the leaves' series, `leaves[i]` belonging to `plan.leaves[i]`, into the answer.
///
/// Errors: `Limit` when the answer has too many series or steps; `Evaluation` when vector matching is impossible.
pub fn evaluate(plan: &MetricPlan, steps: &Steps, leaves: Vec<SeriesSet>, limit: SeriesLimit) -> Result<MetricResult> {
    // Every series has room for all steps, those of literals too.
    limit.check_memory(steps.count().saturating_mul(std::mem::size_of::<f64>()), 1)?;
    let mut leaves: Vec<Option<SeriesSet>> = leaves.into_iter().map(Some).collect();
    let set = match evaluate_node(&plan.root, steps, &mut leaves, limit)? {
        Value::Scalar(value) if steps.is_instant() => {
            return Ok(MetricResult::Scalar(Sample { timestamp: steps.start, value }));
        }
        Value::Scalar(value) => vec![constant(value, steps)],
        Value::Set(set) => set,
    };
    let mut set = limited(set, limit)?;
    if !(steps.is_instant() && sorts_by_value(&plan.root)) {
        set.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    Ok(if steps.is_instant() { vector(set, steps) } else { matrix(set, steps) })
}

enum Value {
    Scalar(f64),
    Set(SeriesSet),
}

/// The series that have a point. Errors: `Limit` when they are too many.
fn limited(mut set: SeriesSet, limit: SeriesLimit) -> Result<SeriesSet> {
    set.retain(|series| !series.points.is_empty());
    if set.len() > limit.series { Err(limit.series_error()) } else { Ok(set) }
}

fn evaluate_node(node: &Node, steps: &Steps, leaves: &mut [Option<SeriesSet>], limit: SeriesLimit) -> Result<Value> {
    Ok(match node {
        Node::Leaf(at) => {
            let leaf = leaves.get_mut(*at).and_then(Option::take);
            Value::Set(leaf.ok_or_else(|| internal(&format!("the series of leaf {at} are missing")))?)
        }
        Node::Vector { op, k, grouping, inner } => {
            let set = expect_set(evaluate_node(inner, steps, leaves, limit)?)?;
            Value::Set(vector::aggregate(*op, *k, grouping.as_ref(), set, steps))
        }
        Node::Binary(binary) => {
            let left = evaluate_node(&binary.left, steps, leaves, limit)?;
            let right = evaluate_node(&binary.right, steps, leaves, limit)?;
            binary::apply(binary, left, right)?
        }
        Node::LabelReplace(replace) => {
            let set = expect_set(evaluate_node(&replace.inner, steps, leaves, limit)?)?;
            Value::Set(label_replace::apply(replace, set)?)
        }
        Node::Limited(inner) => match evaluate_node(inner, steps, leaves, limit)? {
            Value::Set(set) => Value::Set(limited(set, limit)?),
            scalar @ Value::Scalar(_) => scalar,
        },
        Node::VectorLiteral(value) => Value::Set(vec![constant(*value, steps)]),
        Node::Literal(value) => Value::Scalar(*value),
    })
}

fn expect_set(value: Value) -> Result<SeriesSet> {
    match value {
        Value::Set(set) => Ok(set),
        Value::Scalar(_) => Err(internal("a literal stands where series are needed")),
    }
}

fn internal(message: &str) -> Error {
    Error::Internal { message: message.to_owned() }
}

fn constant(value: f64, steps: &Steps) -> Series {
    Series { labels: Labels::default(), points: Points::constant(value, steps.count()) }
}

fn sorts_by_value(node: &Node) -> bool {
    match node {
        Node::Vector { op: VectorOp::Sort | VectorOp::SortDesc, .. } => true,
        Node::Vector { inner, .. } | Node::Limited(inner) => sorts_by_value(inner),
        Node::Binary(binary) => sorts_by_value(&binary.left) || sorts_by_value(&binary.right),
        Node::LabelReplace(replace) => sorts_by_value(&replace.inner),
        Node::Leaf(_) | Node::VectorLiteral(_) | Node::Literal(_) => false,
    }
}

fn matrix(set: SeriesSet, steps: &Steps) -> MetricResult {
    MetricResult::Matrix(
        set.into_iter()
            .map(|Series { labels, points }| MatrixSeries {
                labels,
                samples: points.iter().map(|(at, value)| Sample { timestamp: steps.time(at), value }).collect(),
            })
            .collect(),
    )
}

fn vector(set: SeriesSet, steps: &Steps) -> MetricResult {
    let timestamp = steps.start;
    MetricResult::Vector(
        set.into_iter()
            .filter_map(|Series { labels, points }| {
                points.get(0).map(|value| VectorSample { labels, sample: Sample { timestamp, value } })
            })
            .collect(),
    )
}

/// Joins series with equal labels, which may then have no step in common. Keeps the order of first appearance.
fn unite(set: SeriesSet, clash: &str) -> Result<SeriesSet> {
    let mut united: SeriesSet = Vec::with_capacity(set.len());
    let mut places: std::collections::HashMap<Labels, usize> = std::collections::HashMap::with_capacity(set.len());
    for series in set {
        match places.entry(series.labels.clone()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(united.len());
                united.push(series);
            }
            std::collections::hash_map::Entry::Occupied(found) => {
                let known = &mut united[*found.get()].points;
                for (step, value) in series.points.iter() {
                    if known.get(step).is_some() {
                        return Err(Error::Evaluation { message: clash.to_owned() });
                    }
                    known.set(step, value);
                }
            }
        }
    }
    Ok(united)
}

#[cfg(test)]
mod tests;
