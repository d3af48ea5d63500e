//! `quantile_over_time`: exact, so all values are kept.

use std::cmp::Ordering;
use std::ops::Range;

use super::partial::{Packed, Unpacked};
use super::reduce::{Gathered, Reduction};
use super::slide::slide_positions;
use super::states::Sample;
use super::windows::Stretch;
use crate::error::Result;
use crate::partial::senseless;
use crate::series::Points;

/// Values by the stretch they lie in; runs of one stretch are kept together.
#[derive(Debug, Default)]
pub(crate) struct QuantileValues {
    /// Stretch and number of values, in the order of `values`.
    runs: Vec<(Stretch, usize)>,
    values: Vec<f64>,
}

impl Gathered for QuantileValues {
    fn add(&mut self, stretch: Stretch, sample: &Sample) {
        match self.runs.last_mut() {
            Some((last, count)) if *last == stretch => *count += 1,
            _ => {
                if self.runs.is_empty() {
                    self.runs.reserve_exact(1);
                    self.values.reserve_exact(1);
                }
                self.runs.push((stretch, 1));
            }
        }
        self.values.push(sample.value);
    }

    fn merge(&mut self, mut other: Self) {
        self.runs.append(&mut other.runs);
        self.values.append(&mut other.values);
    }

    fn pack(&self, packed: &mut Packed) {
        for (stretch, count) in &self.runs {
            packed.put_stretch(*stretch);
            packed.numbers.push(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        packed.values.extend_from_slice(&self.values);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        let mut own = Self::default();
        while let Some(stretch) = unpacked.stretch()? {
            let count = usize::try_from(unpacked.number()?).unwrap_or(0);
            if count == 0 || count > unpacked.values_left() {
                return Err(senseless("values are missing"));
            }
            own.runs.push((stretch, count));
            for _ in 0..count {
                own.values.push(unpacked.value()?);
            }
        }
        Ok(own)
    }

    fn memory(&self) -> usize {
        self.runs.capacity() * std::mem::size_of::<(Stretch, usize)>()
            + self.values.capacity() * std::mem::size_of::<f64>()
    }

    fn points(mut self, reduction: &Reduction, steps: usize, _: i64) -> Points {
        let Reduction::Quantile(phi) = *reduction else {
            return Points::none(steps);
        };
        self.sort_runs();
        let windows = self.windows(steps);
        let work: usize = windows.iter().map(|(_, values)| values.len()).sum();
        let mut points = Points::none(steps);
        let mut set = |steps: Range<usize>, value: f64| steps.into_iter().for_each(|step| points.set(step, value));
        if work <= 16 * self.values.len() {
            let mut scratch = Vec::new();
            for (steps, values) in windows {
                scratch.clear();
                scratch.extend_from_slice(&self.values[values]);
                set(steps, quantile_of(phi, &mut scratch));
            }
        } else {
            let mut ranked = Ranked::new(&self.values);
            for (steps, values) in windows {
                ranked.move_to(values);
                set(steps, ranked.quantile(phi));
            }
        }
        points
    }
}

impl QuantileValues {
    fn sort_runs(&mut self) {
        if self.runs.is_sorted_by_key(|(stretch, _)| *stretch) {
            return;
        }
        let mut from = 0;
        let mut order: Vec<(Stretch, Range<usize>)> = self
            .runs
            .iter()
            .map(|&(stretch, count)| {
                from += count;
                (stretch, from - count..from)
            })
            .collect();
        order.sort_by_key(|(stretch, _)| *stretch);
        self.values = order.iter().flat_map(|(_, place)| &self.values[place.clone()]).copied().collect();
        self.runs = order.into_iter().map(|(stretch, place)| (stretch, place.len())).collect();
    }

    /// Which values each window holds. The runs must be sorted.
    fn windows(&self, steps: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let mut starts = Vec::with_capacity(self.runs.len() + 1);
        starts.push(0);
        let mut total = 0;
        starts.extend(self.runs.iter().map(|(_, count)| {
            total += count;
            total
        }));
        let stretches: Vec<Stretch> = self.runs.iter().map(|(stretch, _)| *stretch).collect();
        let mut windows = Vec::new();
        slide_positions(&stretches, steps, |steps, runs| windows.push((steps, starts[runs.start]..starts[runs.end])));
        windows
    }
}

/// NaN sorts before every number.
fn ascending(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Positions of the two closest ranks among `count` values, and the weight of the upper one.
fn ranks(phi: f64, count: usize) -> (usize, usize, f64) {
    let rank = phi * (count - 1) as f64;
    let lower = (rank.floor() as usize).min(count - 1);
    (lower, (lower + 1).min(count - 1), rank - rank.floor())
}

/// The answer for a φ that asks for less than the least or more than the most.
fn outside(phi: f64) -> Option<f64> {
    match phi {
        phi if phi < 0.0 => Some(f64::NEG_INFINITY),
        phi if phi > 1.0 => Some(f64::INFINITY),
        _ => None,
    }
}

fn interpolated(lower: f64, upper: f64, weight: f64) -> f64 {
    lower * (1.0 - weight) + upper * weight
}

/// `values` is not empty and is reordered.
fn quantile_of(phi: f64, values: &mut [f64]) -> f64 {
    if let Some(value) = outside(phi) {
        return value;
    }
    let (lower, upper, weight) = ranks(phi, values.len());
    let (_, low, above) = values.select_nth_unstable_by(lower, ascending);
    let high = if upper == lower { None } else { above.iter().copied().min_by(ascending) };
    interpolated(*low, high.unwrap_or(*low), weight)
}

/// A window over values that finds the n-th smallest in logarithmic time: a Fenwick tree over their ranks.
struct Ranked {
    sorted: Vec<f64>,
    /// Place in `sorted` of each value.
    ranks: Vec<u32>,
    /// How many values inside the window a node of the tree covers; 1-based.
    tree: Vec<u32>,
    window: Range<usize>,
}

impl Ranked {
    fn new(values: &[f64]) -> Self {
        let count = u32::try_from(values.len()).expect("memory bounds the values far below 2^32");
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by(|&a, &b| ascending(&values[a as usize], &values[b as usize]));
        let mut ranks = vec![0; values.len()];
        for (rank, &at) in (0..count).zip(&order) {
            ranks[at as usize] = rank;
        }
        let sorted = order.iter().map(|&at| values[at as usize]).collect();
        Self { sorted, ranks, tree: vec![0; values.len() + 1], window: 0..0 }
    }

    /// Windows only move forward.
    fn move_to(&mut self, window: Range<usize>) {
        for at in self.window.end..window.end {
            self.change(at, 1);
        }
        for at in self.window.start..window.start {
            self.change(at, u32::MAX);
        }
        self.window = window;
    }

    /// Adds `by`, modulo 2³², for the value at `at`.
    fn change(&mut self, at: usize, by: u32) {
        let mut node = self.ranks[at] as usize + 1;
        while node < self.tree.len() {
            self.tree[node] = self.tree[node].wrapping_add(by);
            node += node & node.wrapping_neg();
        }
    }

    /// The value of which `rank` values of the window are smaller.
    fn nth(&self, rank: usize) -> f64 {
        let (mut place, mut left) = (0, rank);
        let mut half = self.tree.len().next_power_of_two() / 2;
        while half > 0 {
            let node = place + half;
            if node < self.tree.len() && self.tree[node] as usize <= left {
                place = node;
                left -= self.tree[node] as usize;
            }
            half /= 2;
        }
        self.sorted[place]
    }

    fn quantile(&self, phi: f64) -> f64 {
        if let Some(value) = outside(phi) {
            return value;
        }
        let (lower, upper, weight) = ranks(phi, self.window.len());
        interpolated(self.nth(lower), self.nth(upper), weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_the_closest_ranks() {
        let nan = f64::NAN;
        for (phi, values, expected) in [
            (0.5, vec![3.0, 1.0, 2.0], 2.0),
            (0.5, vec![4.0, 1.0, 2.0, 3.0], 2.5),
            (0.9, vec![10.0, 20.0], 19.0),
            (0.0, vec![5.0, -5.0], -5.0),
            (1.0, vec![5.0, -5.0], 5.0),
            (0.99, vec![7.0], 7.0),
            (-0.1, vec![7.0], f64::NEG_INFINITY),
            (1.1, vec![7.0], f64::INFINITY),
            (1.0, vec![nan, 1.0], 1.0),
            (0.0, vec![1.0, nan], nan),
        ] {
            let mut ranked = Ranked::new(&values);
            ranked.move_to(0..values.len());
            for found in [quantile_of(phi, &mut values.clone()), ranked.quantile(phi)] {
                assert!(found == expected || found.is_nan() && expected.is_nan(), "{phi} of {values:?}: {found}");
            }
        }
    }
}
