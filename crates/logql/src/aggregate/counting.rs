//! `count_over_time`, `rate`, `bytes_over_time`, `bytes_rate`, `absent_over_time`: what needs only totals per window.

use sigyn_model::Labels;

use super::deltas::{Deltas, Shape};
use crate::ast::{MatchOp, RangeOp, Selector};
use crate::series::Points;

/// What a window's totals are turned into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Counting {
    Count,
    Rate,
    Bytes,
    BytesRate,
    /// 1 where no row of any stream lies in the window, under these labels.
    Absent(Labels),
}

impl Counting {
    /// None for operators that need values.
    pub(crate) fn new(op: RangeOp, selector: &Selector) -> Option<Self> {
        match op {
            RangeOp::CountOverTime => Some(Self::Count),
            RangeOp::Rate => Some(Self::Rate),
            RangeOp::BytesOverTime => Some(Self::Bytes),
            RangeOp::BytesRate => Some(Self::BytesRate),
            RangeOp::AbsentOverTime => Some(Self::Absent(absent_labels(selector))),
            _ => None,
        }
    }

    /// Whether it sums line lengths.
    pub(crate) fn is_weighted(&self) -> bool {
        matches!(self, Self::Bytes | Self::BytesRate)
    }

    /// One series' points.
    pub(crate) fn points(&self, deltas: Deltas, shape: Shape, range_ns: i64) -> Points {
        let seconds = range_ns as f64 / 1e9;
        let mut points = match self {
            Self::Absent(_) => Points::constant(1.0, shape.steps),
            _ => Points::none(shape.steps),
        };
        deltas.totals(shape, |step, rows, bytes| match self {
            Self::Count => points.set(step, rows as f64),
            Self::Rate => points.set(step, rows as f64 / seconds),
            Self::Bytes => points.set(step, bytes as f64),
            Self::BytesRate => points.set(step, bytes as f64 / seconds),
            Self::Absent(_) => points.clear(step),
        });
        points
    }
}

/// The selector's `name="value"` whose name occurs once.
fn absent_labels(selector: &Selector) -> Labels {
    let matchers = &selector.matchers;
    Labels::from_pairs(
        matchers
            .iter()
            .filter(|matcher| matcher.op == MatchOp::Eq)
            .filter(|matcher| matchers.iter().filter(|other| other.name == matcher.name).count() == 1)
            .map(|matcher| (matcher.name.as_str(), matcher.value.as_str())),
    )
}
