//! `sum`, `avg`, `min`, `max`, `count`, `stddev`, `stdvar`, `topk`, `bottomk`, `sort`, `sort_desc`.

use std::cmp::Ordering;
use std::collections::HashMap;

use sigyn_model::Labels;

use crate::aggregate::key::SeriesKey;
use crate::ast::{Grouping, VectorOp};
use crate::series::{Points, Series, SeriesSet, Steps};

pub(super) fn aggregate(
    op: VectorOp,
    k: usize,
    grouping: Option<&Grouping>,
    set: SeriesSet,
    steps: &Steps,
) -> SeriesSet {
    match op {
        VectorOp::Sort | VectorOp::SortDesc => sort(op, set, steps),
        VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk => select(op, k, grouping, set, steps),
        _ => fold(op, grouping, &set, steps),
    }
}

/// Without a grouping all series are one group.
fn group_key(grouping: Option<&Grouping>) -> SeriesKey {
    grouping.map_or_else(|| SeriesKey::By(Vec::new()), |grouping| SeriesKey::new(Some(grouping)))
}

/// Groups in order of appearance, each with its labels and the positions of its series.
fn groups(grouping: Option<&Grouping>, set: &SeriesSet) -> Vec<(Labels, Vec<usize>)> {
    let key = group_key(grouping);
    let mut groups: Vec<(Labels, Vec<usize>)> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for (at, series) in set.iter().enumerate() {
        let labels = key.of_stream(&series.labels);
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            groups.push((labels.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(at);
    }
    groups
}

/// Running aggregate of one group at one step.
#[derive(Debug, Clone, Copy)]
struct State {
    count: f64,
    /// Sum, minimum, maximum, or running mean.
    value: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

fn fold(op: VectorOp, grouping: Option<&Grouping>, set: &SeriesSet, steps: &Steps) -> SeriesSet {
    groups(grouping, set)
        .into_iter()
        .map(|(labels, members)| {
            let mut states = vec![State { count: 0.0, value: 0.0, squares: 0.0 }; steps.count()];
            for member in members {
                for (step, value) in set[member].points.iter() {
                    states[step].add(op, value);
                }
            }
            let mut points = Points::none(states.len());
            for (step, state) in states.iter().enumerate().filter(|(_, state)| state.count > 0.0) {
                points.set(step, state.result(op));
            }
            Series { labels, points }
        })
        .collect()
}

impl State {
    fn add(&mut self, op: VectorOp, value: f64) {
        self.count += 1.0;
        match op {
            VectorOp::Sum => self.value += value,
            VectorOp::Min if self.count == 1.0 || value < self.value || self.value.is_nan() => self.value = value,
            VectorOp::Max if self.count == 1.0 || value > self.value || self.value.is_nan() => self.value = value,
            // The first value is its own mean even when it is infinite or NaN.
            VectorOp::Avg | VectorOp::Stddev | VectorOp::Stdvar if self.count == 1.0 => self.value = value,
            VectorOp::Avg | VectorOp::Stddev | VectorOp::Stdvar => {
                let distance = value - self.value;
                self.value += distance / self.count;
                self.squares += distance * (value - self.value);
            }
            _ => {}
        }
    }

    fn result(&self, op: VectorOp) -> f64 {
        match op {
            VectorOp::Count => self.count,
            VectorOp::Stdvar => self.squares / self.count,
            VectorOp::Stddev => (self.squares / self.count).sqrt(),
            _ => self.value,
        }
    }
}

/// `topk` and `bottomk`: at each step the k best of each group keep their points. Ties go to the earlier series.
fn select(op: VectorOp, k: usize, grouping: Option<&Grouping>, set: SeriesSet, steps: &Steps) -> SeriesSet {
    let mut kept: Vec<Points> = set.iter().map(|_| Points::none(steps.count())).collect();
    let best_first = |a: f64, b: f64| match op {
        VectorOp::Bottomk => nan_last(a, b),
        _ => nan_last(-a, -b),
    };
    for (_, members) in groups(grouping, &set) {
        let mut present: Vec<(f64, usize)> = Vec::new();
        for step in 0..steps.count() {
            present.clear();
            present.extend(members.iter().filter_map(|&at| set[at].points.get(step).map(|value| (value, at))));
            present.sort_by(|a, b| best_first(a.0, b.0));
            for &(value, at) in present.iter().take(k) {
                kept[at].set(step, value);
            }
        }
    }
    set.into_iter().zip(kept).map(|(series, points)| Series { labels: series.labels, points }).collect()
}

/// By value; only an instant query has one value to sort by.
fn sort(op: VectorOp, mut set: SeriesSet, steps: &Steps) -> SeriesSet {
    if steps.is_instant() {
        let value = |series: &Series| series.points.get(0).unwrap_or(f64::NAN);
        set.sort_by(|a, b| match op {
            VectorOp::SortDesc => nan_last(-value(a), -value(b)),
            _ => nan_last(value(a), value(b)),
        });
    }
    set
}

fn nan_last(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
