//! `rate_counter`: resets only show in time order, so the samples themselves are kept until the end.

use super::buckets::Buckets;
use super::partial::{Packed, Unpacked};
use super::reduce::{Gathered, Reduction};
use super::states::{Counter, Sample};
use super::windows::Stretch;
use crate::error::Result;
use crate::series::Points;

#[derive(Debug, Default)]
pub(crate) struct CounterSamples {
    samples: Vec<(Stretch, Sample)>,
}

impl Gathered for CounterSamples {
    fn add(&mut self, stretch: Stretch, sample: &Sample) {
        if self.samples.is_empty() {
            self.samples.reserve_exact(1);
        }
        self.samples.push((stretch, *sample));
    }

    fn merge(&mut self, mut other: Self) {
        self.samples.append(&mut other.samples);
    }

    fn pack(&self, packed: &mut Packed) {
        for (stretch, sample) in &self.samples {
            packed.put_stretch(*stretch);
            sample.pack(packed);
        }
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        let mut samples = Vec::new();
        while let Some(stretch) = unpacked.stretch()? {
            samples.push((stretch, Sample::unpack(unpacked)?));
        }
        Ok(Self { samples })
    }

    fn memory(&self) -> usize {
        self.samples.capacity() * std::mem::size_of::<(Stretch, Sample)>()
    }

    fn points(mut self, reduction: &Reduction, steps: usize, range_ns: i64) -> Points {
        self.samples.sort_by_key(|(_, sample)| sample.key());
        let mut buckets = Buckets::<Counter>::default();
        for (stretch, sample) in &self.samples {
            buckets.add(*stretch, sample);
        }
        buckets.points(reduction, steps, range_ns)
    }
}
