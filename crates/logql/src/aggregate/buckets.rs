//! The samples of one series, by the stretch of time between window borders that they lie in.

use super::partial::{Packed, Unpacked};
use super::reduce::{Gathered, Reduction};
use super::slide::slide;
use super::states::{Sample, State};
use super::windows::Stretch;
use crate::error::Result;
use crate::series::Points;

/// One state a stretch. Sorted, and each stretch once, as long as samples come in time order; tidied up now and then.
#[derive(Debug)]
pub(crate) struct Buckets<S> {
    states: Vec<(Stretch, S)>,
    /// Length at which it is worth while to join states of one stretch.
    tidy_at: usize,
}

const TIDY_MIN: usize = 64;

impl<S> Default for Buckets<S> {
    fn default() -> Self {
        Self { states: Vec::new(), tidy_at: TIDY_MIN }
    }
}

impl<S: State> Buckets<S> {
    fn tidy(&mut self) {
        if !self.states.is_sorted_by(|a, b| a.0 < b.0) {
            self.states.sort_by_key(|(stretch, _)| *stretch);
            self.states.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    kept.1.append(&later.1);
                }
                same
            });
        }
        self.tidy_at = TIDY_MIN.max(2 * self.states.len());
    }

    fn push(&mut self, stretch: Stretch, state: S) {
        if self.states.len() >= self.tidy_at {
            self.tidy();
        }
        if self.states.is_empty() {
            // Series of a single state are common where labels are many.
            self.states.reserve_exact(1);
        }
        self.states.push((stretch, state));
    }
}

impl<S: State> Gathered for Buckets<S> {
    fn add(&mut self, stretch: Stretch, sample: &Sample) {
        match self.states.last_mut() {
            Some((last, state)) if *last == stretch => state.add(sample),
            _ => {
                let mut state = S::EMPTY;
                state.add(sample);
                self.push(stretch, state);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (stretch, state) in other.states {
            self.push(stretch, state);
        }
    }

    fn pack(&self, packed: &mut Packed) {
        for (stretch, state) in &self.states {
            packed.put_stretch(*stretch);
            state.pack(packed);
        }
    }

    fn unpack(unpacked: &mut Unpacked) -> Result<Self> {
        let mut own = Self::default();
        while let Some(stretch) = unpacked.stretch()? {
            own.push(stretch, S::unpack(unpacked)?);
        }
        Ok(own)
    }

    fn memory(&self) -> usize {
        self.states.capacity() * std::mem::size_of::<(Stretch, S)>()
    }

    fn points(mut self, reduction: &Reduction, steps: usize, range_ns: i64) -> Points {
        self.tidy();
        let mut points = Points::none(steps);
        slide(&self.states, steps, |steps, state: &S| {
            let result = state.result(reduction, range_ns);
            for step in steps {
                points.set(step, result);
            }
        });
        points
    }
}
