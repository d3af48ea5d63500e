//! What becomes of unwrapped values: one reduction per operator, gathered series by series.

use std::fmt::Debug;

use super::buckets::Buckets;
use super::counter::CounterSamples;
use super::partial::{Packed, Unpacked};
use super::quantile::QuantileValues;
use super::states::{Edge, Extreme, Mean, Moments, Sample, Sum};
use super::windows::Stretch;
use crate::ast::RangeOp;
use crate::error::Result;
use crate::series::Points;

/// What a window's values are turned into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reduction {
    Sum,
    /// The sum, per second.
    Rate,
    RateCounter,
    Avg,
    Min,
    Max,
    First,
    Last,
    Stdvar,
    Stddev,
    /// φ
    Quantile(f64),
}

impl Reduction {
    /// None for operators that do not reduce values.
    pub(crate) fn new(op: RangeOp, parameter: Option<f64>) -> Option<Self> {
        Some(match op {
            RangeOp::SumOverTime => Self::Sum,
            RangeOp::Rate => Self::Rate,
            RangeOp::RateCounter => Self::RateCounter,
            RangeOp::AvgOverTime => Self::Avg,
            RangeOp::MinOverTime => Self::Min,
            RangeOp::MaxOverTime => Self::Max,
            RangeOp::FirstOverTime => Self::First,
            RangeOp::LastOverTime => Self::Last,
            RangeOp::StdvarOverTime => Self::Stdvar,
            RangeOp::StddevOverTime => Self::Stddev,
            RangeOp::QuantileOverTime => Self::Quantile(parameter?),
            RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::AbsentOverTime => {
                return None;
            }
        })
    }
}

/// The samples of one series, kept as one operator needs them. Samples and merges come in any order.
pub(crate) trait Gathered: Debug + Default {
    fn add(&mut self, stretch: Stretch, sample: &Sample);
    fn merge(&mut self, other: Self);
    /// Bytes held beside the struct itself.
    fn memory(&self) -> usize;
    fn points(self, reduction: &Reduction, steps: usize, range_ns: i64) -> Points;
    fn pack(&self, packed: &mut Packed);
    fn unpack(unpacked: &mut Unpacked) -> Result<Self>;
}

/// Series by number.
#[derive(Debug)]
pub(crate) struct Table<G> {
    series: Vec<G>,
    bytes: usize,
}

impl<G> Default for Table<G> {
    fn default() -> Self {
        Self { series: Vec::new(), bytes: 0 }
    }
}

impl<G: Gathered> Table<G> {
    fn change(&mut self, number: u32, change: impl FnOnce(&mut G)) {
        let at = number as usize;
        if self.series.len() <= at {
            self.bytes += (at + 1 - self.series.len()) * std::mem::size_of::<G>();
            self.series.resize_with(at + 1, G::default);
        }
        let gathered = &mut self.series[at];
        let before = gathered.memory();
        change(gathered);
        self.bytes = self.bytes + gathered.memory() - before;
    }

    fn add_all(&mut self, samples: impl Iterator<Item = (u32, Stretch, Sample)>) {
        let mut samples = samples.peekable();
        while let Some((number, stretch, sample)) = samples.next() {
            self.change(number, |gathered| {
                gathered.add(stretch, &sample);
                while let Some((_, stretch, sample)) = samples.next_if(|(next, ..)| *next == number) {
                    gathered.add(stretch, &sample);
                }
            });
        }
    }

    fn merge(&mut self, other: Self, numbers: &[u32]) {
        for (gathered, &number) in other.series.into_iter().zip(numbers) {
            self.change(number, |mine| mine.merge(gathered));
        }
    }

    fn pack(&self, number: u32, packed: &mut Packed) {
        if let Some(gathered) = self.series.get(number as usize) {
            gathered.pack(packed);
        }
    }

    fn unpack(&mut self, number: u32, unpacked: &mut Unpacked) -> Result<()> {
        let gathered = G::unpack(unpacked)?;
        self.change(number, |mine| mine.merge(gathered));
        Ok(())
    }

    fn points(self, reduction: &Reduction, steps: usize, range_ns: i64) -> Vec<Points> {
        self.series.into_iter().map(|gathered| gathered.points(reduction, steps, range_ns)).collect()
    }
}

/// All series of a reduction.
#[derive(Debug)]
pub(crate) enum Reduced {
    Sum(Table<Buckets<Sum>>),
    Mean(Table<Buckets<Mean>>),
    Min(Table<Buckets<Extreme<false>>>),
    Max(Table<Buckets<Extreme<true>>>),
    First(Table<Buckets<Edge<false>>>),
    Last(Table<Buckets<Edge<true>>>),
    Moments(Table<Buckets<Moments>>),
    Counter(Table<CounterSamples>),
    Quantile(Table<QuantileValues>),
}

/// The same for whichever table it is.
macro_rules! with_table {
    ($reduced:expr, $table:ident => $body:expr) => {
        match $reduced {
            Reduced::Sum($table) => $body,
            Reduced::Mean($table) => $body,
            Reduced::Min($table) => $body,
            Reduced::Max($table) => $body,
            Reduced::First($table) => $body,
            Reduced::Last($table) => $body,
            Reduced::Moments($table) => $body,
            Reduced::Counter($table) => $body,
            Reduced::Quantile($table) => $body,
        }
    };
}

impl Reduced {
    pub(crate) fn new(reduction: Reduction) -> Self {
        match reduction {
            Reduction::Sum | Reduction::Rate => Self::Sum(Table::default()),
            Reduction::Avg => Self::Mean(Table::default()),
            Reduction::Min => Self::Min(Table::default()),
            Reduction::Max => Self::Max(Table::default()),
            Reduction::First => Self::First(Table::default()),
            Reduction::Last => Self::Last(Table::default()),
            Reduction::Stdvar | Reduction::Stddev => Self::Moments(Table::default()),
            Reduction::RateCounter => Self::Counter(Table::default()),
            Reduction::Quantile(_) => Self::Quantile(Table::default()),
        }
    }

    /// Adds samples to the series whose numbers they come with.
    pub(crate) fn add_all(&mut self, samples: impl Iterator<Item = (u32, Stretch, Sample)>) {
        with_table!(self, table => table.add_all(samples));
    }

    /// Adds the other's series, `numbers[i]` being what its series `i` is called here.
    pub(crate) fn merge(&mut self, other: Self, numbers: &[u32]) {
        match (self, other) {
            (Self::Sum(mine), Self::Sum(other)) => mine.merge(other, numbers),
            (Self::Mean(mine), Self::Mean(other)) => mine.merge(other, numbers),
            (Self::Min(mine), Self::Min(other)) => mine.merge(other, numbers),
            (Self::Max(mine), Self::Max(other)) => mine.merge(other, numbers),
            (Self::First(mine), Self::First(other)) => mine.merge(other, numbers),
            (Self::Last(mine), Self::Last(other)) => mine.merge(other, numbers),
            (Self::Moments(mine), Self::Moments(other)) => mine.merge(other, numbers),
            (Self::Counter(mine), Self::Counter(other)) => mine.merge(other, numbers),
            (Self::Quantile(mine), Self::Quantile(other)) => mine.merge(other, numbers),
            _ => debug_assert!(false, "accumulators of one plan reduce alike"),
        }
    }

    /// Writes what one series has.
    pub(crate) fn pack(&self, number: u32, packed: &mut Packed) {
        with_table!(self, table => table.pack(number, packed));
    }

    /// Adds what was written of one series.
    pub(crate) fn unpack(&mut self, number: u32, unpacked: &mut Unpacked) -> Result<()> {
        with_table!(self, table => table.unpack(number, unpacked))
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        with_table!(self, table => table.bytes)
    }

    /// By series number; fewer than the series when the last ones have no sample.
    pub(crate) fn points(self, reduction: &Reduction, steps: usize, range_ns: i64) -> Vec<Points> {
        with_table!(self, table => table.points(reduction, steps, range_ns))
    }
}
