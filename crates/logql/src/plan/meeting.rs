//! Where series meet in one place, and so are limited in number.
//!
//! Loki evaluates some expressions shard by shard, even over a single shard, and limits the series that come out of each
//! such part, and those of the whole query, but none in between. `count(rate(…))` is one part: what `rate` makes never
//! meets. In `count(rate(…) > 1)` the comparison is done where shards come together, so all series of `rate` meet there.

use crate::ast::{
    BinaryExpr, BinaryOp, Grouping, LabelFormat, MetricExpr, RangeAggregation, RangeOp, Stage, VectorAggregation,
    VectorOp,
};

/// Whether the expression as a whole is evaluated shard by shard.
pub(super) fn is_split(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Range(range) => range_is_split(range),
        MetricExpr::Vector(vector) => vector_is_split(vector),
        MetricExpr::Binary(binary) => binary_is_split(binary),
        MetricExpr::Literal(_) => true,
        MetricExpr::LabelReplace(_) | MetricExpr::VectorLiteral(_) => false,
    }
}

/// Whether some part of the expression, or all of it, is evaluated apart from the rest.
pub(super) fn meets_inside(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Range(range) => range_is_split(range),
        MetricExpr::Vector(vector) => vector_is_split(vector) || meets_inside(&vector.inner),
        MetricExpr::Binary(binary) => !(is_literal(&binary.left) && is_literal(&binary.right)),
        MetricExpr::LabelReplace(replace) => meets_inside(&replace.inner),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => false,
    }
}

/// Needs no data.
pub(super) fn is_literal(expr: &MetricExpr) -> bool {
    matches!(expr, MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_))
}

fn range_is_split(range: &RangeAggregation) -> bool {
    matches!(
        range.op,
        RangeOp::CountOverTime
            | RangeOp::Rate
            | RangeOp::BytesOverTime
            | RangeOp::BytesRate
            | RangeOp::SumOverTime
            | RangeOp::AvgOverTime
            | RangeOp::MinOverTime
            | RangeOp::MaxOverTime
    )
}

fn vector_is_split(vector: &VectorAggregation) -> bool {
    is_split(&vector.inner)
        && match vector.op {
            VectorOp::Sum => true,
            // Series that shards have in common would be counted twice.
            VectorOp::Count | VectorOp::Avg => !reduces_labels(&vector.inner),
            VectorOp::Min | VectorOp::Max => matches!(*vector.inner, MetricExpr::Range(_)),
            _ => false,
        }
}

fn binary_is_split(binary: &BinaryExpr) -> bool {
    let matches_all = binary.matching.as_ref().is_none_or(|matching| !matching.on && matching.labels.is_empty());
    matches_all
        && matches!(binary.op, BinaryOp::Add | BinaryOp::Mul)
        && is_split(&binary.left)
        && is_split(&binary.right)
}

/// Whether two shards may come to have a series in common.
fn reduces_labels(expr: &MetricExpr) -> bool {
    let groups = |grouping: &Option<Grouping>| grouping.as_ref().is_some_and(|grouping| !grouping.labels.is_empty());
    match expr {
        MetricExpr::Range(range) => groups(&range.grouping) || range.range.log.stages.iter().any(drops_labels),
        MetricExpr::Vector(vector) => groups(&vector.grouping) || reduces_labels(&vector.inner),
        MetricExpr::Binary(binary) => reduces_labels(&binary.left) || reduces_labels(&binary.right),
        MetricExpr::LabelReplace(replace) => reduces_labels(&replace.inner),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => false,
    }
}

fn drops_labels(stage: &Stage) -> bool {
    match stage {
        Stage::Drop(_) | Stage::Keep(_) => true,
        Stage::LabelFormat(formats) => formats.iter().any(|format| matches!(format, LabelFormat::Rename { .. })),
        _ => false,
    }
}
