//! Binary operations: literals, arithmetic, comparison, set operations and vector matching.

use std::collections::HashMap;

use sigyn_model::Labels;

use super::{Value, unite};
use crate::aggregate::key::SeriesKey;
use crate::ast::{BinaryOp, GroupSide, Grouping, VectorMatching};
use crate::error::{Error, Result};
use crate::plan::BinaryNode;
use crate::series::{Points, Series, SeriesSet};

const MANY_TO_MANY: &str = "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side";
const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// Errors: `Evaluation` when the sides do not match one to one, or as grouped.
pub(super) fn apply(node: &BinaryNode, left: Value, right: Value) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            Value::Scalar(calculate(node.op, true, left, right).unwrap_or(f64::NAN))
        }
        (Value::Set(set), Value::Scalar(literal)) => {
            Value::Set(with_literal(set, |value| calculate(node.op, node.return_bool, value, literal)))
        }
        (Value::Scalar(literal), Value::Set(set)) => Value::Set(with_literal(set, |value| {
            let result = calculate(node.op, node.return_bool, literal, value)?;
            // A comparison that filters keeps the series' value, not the literal.
            Some(if is_comparison(node.op) && !node.return_bool { value } else { result })
        })),
        (Value::Set(left), Value::Set(right)) => Value::Set(match node.op {
            BinaryOp::And | BinaryOp::Unless | BinaryOp::Or => set_operation(node, left, right)?,
            _ => match_series(node, &left, &right)?,
        }),
    })
}

fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::NotEq | BinaryOp::Gt | BinaryOp::Gte | BinaryOp::Lt | BinaryOp::Lte)
}

/// None: the comparison filters the sample out. A comparison that holds gives the left value, or 1 with `bool`.
fn calculate(op: BinaryOp, return_bool: bool, left: f64, right: f64) -> Option<f64> {
    let holds = match op {
        BinaryOp::Add => return Some(left + right),
        BinaryOp::Sub => return Some(left - right),
        BinaryOp::Mul => return Some(left * right),
        BinaryOp::Div => return Some(if right == 0.0 { f64::NAN } else { left / right }),
        BinaryOp::Mod => return Some(if right == 0.0 { f64::NAN } else { left % right }),
        BinaryOp::Pow => return Some(left.powf(right)),
        BinaryOp::Eq => left == right,
        BinaryOp::NotEq => left != right,
        BinaryOp::Gt => left > right,
        BinaryOp::Gte => left >= right,
        BinaryOp::Lt => left < right,
        BinaryOp::Lte => left <= right,
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => return None,
    };
    match (return_bool, holds) {
        (true, holds) => Some(f64::from(u8::from(holds))),
        (false, true) => Some(left),
        (false, false) => None,
    }
}

fn with_literal(mut set: SeriesSet, result: impl Fn(f64) -> Option<f64>) -> SeriesSet {
    for series in &mut set {
        for step in 0..series.points.steps() {
            if let Some(value) = series.points.get(step) {
                match result(value) {
                    Some(value) => series.points.set(step, value),
                    None => series.points.clear(step),
                }
            }
        }
    }
    set
}

/// What must be equal for two series to match.
fn signature(matching: Option<&VectorMatching>) -> SeriesKey {
    match matching {
        None => SeriesKey::Without(Vec::new()),
        Some(matching) => SeriesKey::new(Some(&Grouping { without: !matching.on, labels: matching.labels.clone() })),
    }
}

/// The steps at which a series of each signature is present.
fn presence(key: &SeriesKey, set: &SeriesSet) -> HashMap<Labels, Vec<bool>> {
    let mut presence: HashMap<Labels, Vec<bool>> = HashMap::new();
    for series in set {
        let steps = presence.entry(key.of_stream(&series.labels)).or_insert_with(|| vec![false; series.points.steps()]);
        for (step, _) in series.points.iter() {
            steps[step] = true;
        }
    }
    presence
}

fn set_operation(node: &BinaryNode, mut left: SeriesSet, mut right: SeriesSet) -> Result<SeriesSet> {
    let key = signature(node.matching.as_ref());
    let keep_where = |set: &mut SeriesSet, other: &HashMap<Labels, Vec<bool>>, wanted: bool| {
        for series in set {
            let steps = other.get(&key.of_stream(&series.labels));
            for step in 0..series.points.steps() {
                if steps.is_some_and(|steps| steps[step]) != wanted {
                    series.points.clear(step);
                }
            }
        }
    };
    match node.op {
        BinaryOp::Or => {
            let present = presence(&key, &left);
            keep_where(&mut right, &present, false);
            left.append(&mut right);
        }
        op => {
            let present = presence(&key, &right);
            keep_where(&mut left, &present, op == BinaryOp::And);
        }
    }
    unite(left, NOT_UNIQUE)
}

/// The series of one signature on the "one" side, joined: at most one has a point at each step.
struct OneSide<'a> {
    points: Points,
    /// Which series the point at a step belongs to; only asked where there is a point.
    owners: Vec<usize>,
    set: &'a SeriesSet,
    matched: Vec<bool>,
}

fn one_side<'a>(key: &SeriesKey, set: &'a SeriesSet) -> Result<HashMap<Labels, OneSide<'a>>> {
    let mut sides: HashMap<Labels, OneSide<'a>> = HashMap::new();
    for (at, series) in set.iter().enumerate() {
        let steps = series.points.steps();
        let side = sides.entry(key.of_stream(&series.labels)).or_insert_with(|| OneSide {
            points: Points::none(steps),
            owners: vec![0; steps],
            set,
            matched: vec![false; steps],
        });
        for (step, value) in series.points.iter() {
            if side.points.get(step).is_some() {
                return Err(Error::Evaluation { message: MANY_TO_MANY.to_owned() });
            }
            side.points.set(step, value);
            side.owners[step] = at;
        }
    }
    Ok(sides)
}

fn match_series(node: &BinaryNode, left: &SeriesSet, right: &SeriesSet) -> Result<SeriesSet> {
    let key = signature(node.matching.as_ref());
    let group = node.matching.as_ref().and_then(|matching| matching.group);
    let (many, one) = if group == Some(GroupSide::Right) { (right, left) } else { (left, right) };
    let mut sides = one_side(&key, one)?;
    let mut results = Vec::new();
    for series in many {
        let Some(side) = sides.get_mut(&key.of_stream(&series.labels)) else {
            continue;
        };
        // With included labels the result's labels depend on which series the "one" side has at the step.
        let mut by_owner: Vec<(usize, Points)> = Vec::new();
        for (step, value) in series.points.iter() {
            let Some(other) = side.points.get(step) else {
                continue;
            };
            if group.is_none() && std::mem::replace(&mut side.matched[step], true) {
                return Err(Error::Evaluation { message: MANY_TO_ONE.to_owned() });
            }
            let (a, b) = if group == Some(GroupSide::Right) { (other, value) } else { (value, other) };
            if let Some(result) = calculate(node.op, node.return_bool, a, b) {
                let owner = if group.is_some() { side.owners[step] } else { 0 };
                let place = by_owner.iter().position(|(known, _)| *known == owner).unwrap_or_else(|| {
                    by_owner.push((owner, Points::none(series.points.steps())));
                    by_owner.len() - 1
                });
                by_owner[place].1.set(step, result);
            }
        }
        for (owner, points) in by_owner {
            let labels = result_labels(node.matching.as_ref(), &key, &series.labels, &side.set[owner].labels);
            results.push(Series { labels, points });
        }
    }
    unite(results, NOT_UNIQUE)
}

fn result_labels(matching: Option<&VectorMatching>, key: &SeriesKey, many: &Labels, one: &Labels) -> Labels {
    let Some(matching) = matching else {
        return many.clone();
    };
    if matching.group.is_none() {
        return key.of_stream(many);
    }
    let kept = many.iter().filter(|(name, _)| !matching.include.iter().any(|include| include == name));
    let included = matching.include.iter().map(|name| (name.as_str(), one.get(name).unwrap_or("")));
    Labels::from_pairs(kept.chain(included))
}
