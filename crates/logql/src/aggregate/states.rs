//! What is kept of the samples between two window borders: states that combine in time order.

use std::fmt::Debug;

use super::partial::{Packed, Unpacked};
use super::reduce::Reduction;
use crate::error::Result;

/// One unwrapped value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Nanoseconds.
    pub(crate) time: i64,
    /// Arrival: the part's sequence, then the row in the part. Orders samples of one time.
    pub(crate) order: (u64, u64),
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn key(&self) -> (i64, (u64, u64)) {
        (self.time, self.order)
    }

    pub(crate) fn pack(&self, packed: &mut Packed) {
        packed.numbers.extend([self.time, self.order.0.cast_signed(), self.order.1.cast_signed()]);
        packed.values.push(self.value);
    }

    pub(crate) fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        let time = unpacked.number()?;
        let order = (unpacked.number()?.cast_unsigned(), unpacked.number()?.cast_unsigned());
        Ok(Self { time, order, value: unpacked.value()? })
    }
}

/// Samples folded into a few numbers.
pub(crate) trait State: Copy + Debug + Send {
    const EMPTY: Self;

    fn add(&mut self, sample: &Sample);

    /// Takes in a state of samples that all came later.
    fn append(&mut self, later: &Self);

    /// The result over a window of `range_ns`. The state has at least one sample.
    fn result(&self, reduction: &Reduction, range_ns: i64) -> f64;

    fn pack(&self, packed: &mut Packed);
    fn unpack(unpacked: &mut Unpacked) -> Result<Self>;
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum(f64);

impl State for Sum {
    const EMPTY: Self = Self(0.0);

    fn add(&mut self, sample: &Sample) {
        self.0 += sample.value;
    }

    fn append(&mut self, later: &Self) {
        self.0 += later.0;
    }

    fn result(&self, reduction: &Reduction, range_ns: i64) -> f64 {
        match reduction {
            Reduction::Rate => self.0 / seconds(range_ns),
            _ => self.0,
        }
    }

    fn pack(&self, packed: &mut Packed) {
        packed.values.push(self.0);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        Ok(Self(unpacked.value()?))
    }
}

pub(super) fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// A running mean, as large values must not overflow on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    count: f64,
    mean: f64,
}

impl State for Mean {
    const EMPTY: Self = Self { count: 0.0, mean: 0.0 };

    fn add(&mut self, sample: &Sample) {
        self.count += 1.0;
        if !stays_infinite(self.mean, sample.value) {
            self.mean += sample.value / self.count - self.mean / self.count;
        }
    }

    fn append(&mut self, later: &Self) {
        if self.count == 0.0 {
            *self = *later;
            return;
        }
        self.count += later.count;
        if !stays_infinite(self.mean, later.mean) {
            let share = later.count / self.count;
            self.mean += later.mean * share - self.mean * share;
        }
    }

    fn result(&self, _: &Reduction, _: i64) -> f64 {
        self.mean
    }

    fn pack(&self, packed: &mut Packed) {
        packed.values.extend([self.count, self.mean]);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        Ok(Self { count: unpacked.value()?, mean: unpacked.value()? })
    }
}

/// An infinite mean is only changed by NaN or the other infinity; subtracting infinities would make it NaN.
fn stays_infinite(mean: f64, value: f64) -> bool {
    mean.is_infinite() && !value.is_nan() && (value.is_finite() || value == mean)
}

/// The smallest or largest; NaN loses to any number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extreme<const LARGEST: bool>(f64);

impl<const LARGEST: bool> Extreme<LARGEST> {
    fn offer(&mut self, value: f64) {
        let better = if LARGEST { value > self.0 } else { value < self.0 };
        if better || self.0.is_nan() {
            self.0 = value;
        }
    }
}

impl<const LARGEST: bool> State for Extreme<LARGEST> {
    const EMPTY: Self = Self(f64::NAN);

    fn add(&mut self, sample: &Sample) {
        self.offer(sample.value);
    }

    fn append(&mut self, later: &Self) {
        self.offer(later.0);
    }

    fn result(&self, _: &Reduction, _: i64) -> f64 {
        self.0
    }

    fn pack(&self, packed: &mut Packed) {
        packed.values.push(self.0);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        Ok(Self(unpacked.value()?))
    }
}

/// The first or last sample by time and arrival.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge<const LAST: bool>(Sample);

impl<const LAST: bool> Edge<LAST> {
    fn offer(&mut self, sample: &Sample) {
        if if LAST { sample.key() >= self.0.key() } else { sample.key() <= self.0.key() } {
            self.0 = *sample;
        }
    }
}

impl<const LAST: bool> State for Edge<LAST> {
    const EMPTY: Self = Self(if LAST {
        Sample { time: i64::MIN, order: (0, 0), value: 0.0 }
    } else {
        Sample { time: i64::MAX, order: (u64::MAX, u64::MAX), value: 0.0 }
    });

    fn add(&mut self, sample: &Sample) {
        self.offer(sample);
    }

    fn append(&mut self, later: &Self) {
        self.offer(&later.0);
    }

    fn result(&self, _: &Reduction, _: i64) -> f64 {
        self.0.value
    }

    fn pack(&self, packed: &mut Packed) {
        self.0.pack(packed);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        Ok(Self(Sample::unpack(unpacked)?))
    }
}

/// Population variance: Welford's running sums, joined pairwise (Chan et al. 1979).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl State for Moments {
    const EMPTY: Self = Self { count: 0.0, mean: 0.0, squares: 0.0 };

    fn add(&mut self, sample: &Sample) {
        self.count += 1.0;
        let distance = sample.value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (sample.value - self.mean);
    }

    fn append(&mut self, later: &Self) {
        if self.count == 0.0 {
            *self = *later;
            return;
        }
        let count = self.count + later.count;
        let distance = later.mean - self.mean;
        self.mean += distance * (later.count / count);
        self.squares += later.squares + distance * distance * (self.count * later.count / count);
        self.count = count;
    }

    fn result(&self, reduction: &Reduction, _: i64) -> f64 {
        let variance = self.squares / self.count;
        if *reduction == Reduction::Stddev { variance.sqrt() } else { variance }
    }

    fn pack(&self, packed: &mut Packed) {
        packed.values.extend([self.count, self.mean, self.squares]);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        Ok(Self { count: unpacked.value()?, mean: unpacked.value()?, squares: unpacked.value()? })
    }
}

/// A counter's increase, resets included. Samples must be added in time order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter {
    count: u64,
    first: (i64, f64),
    last: (i64, f64),
    /// Sum of the values that the counter was reset at.
    resets: f64,
}

impl State for Counter {
    const EMPTY: Self = Self { count: 0, first: (0, 0.0), last: (0, 0.0), resets: 0.0 };

    fn add(&mut self, sample: &Sample) {
        let at = (sample.time, sample.value);
        self.append(&Self { count: 1, first: at, last: at, resets: 0.0 });
    }

    fn append(&mut self, later: &Self) {
        if self.count == 0 {
            *self = *later;
        } else if later.count > 0 {
            if later.first.1 < self.last.1 {
                self.resets += self.last.1;
            }
            self.resets += later.resets;
            self.last = later.last;
            self.count += later.count;
        }
    }

    /// Prometheus's extrapolation to the window's start, but with Loki's slip of units: distances between samples are
    /// nanoseconds taken for milliseconds, so next to them the window is a millionth of its length.
    fn result(&self, _: &Reduction, range_ns: i64) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let increase = self.last.1 - self.first.1 + self.resets;
        let between = self.last.0.saturating_sub(self.first.0) as f64 / 1000.0;
        let average = between / (self.count - 1) as f64;
        let mut to_start = (range_ns / 1_000_000) as f64 / 1000.0;
        if increase > 0.0 && self.first.1 >= 0.0 {
            // A counter starts at zero, so it is not extrapolated past that.
            let to_zero = between * (self.first.1 / increase);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        let threshold = average * 1.1;
        let mut length = between;
        length += if to_start < threshold { to_start } else { average / 2.0 };
        // The window is taken to end at the last sample.
        length += if 0.0 < threshold { 0.0 } else { average / 2.0 };
        increase * (length / between) / seconds(range_ns)
    }

    fn pack(&self, packed: &mut Packed) {
        packed.numbers.extend([self.count.cast_signed(), self.first.0, self.last.0]);
        packed.values.extend([self.first.1, self.last.1, self.resets]);
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        let (count, first, last) = (unpacked.number()?.cast_unsigned(), unpacked.number()?, unpacked.number()?);
        let (first, last) = ((first, unpacked.value()?), (last, unpacked.value()?));
        Ok(Self { count, first, last, resets: unpacked.value()? })
    }
}
