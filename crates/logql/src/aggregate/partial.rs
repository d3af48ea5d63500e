//! What an accumulator has gathered, as bytes and back.

use std::sync::Arc;

use prost::Message as _;

use super::windows::Stretch;
use super::{Kept, RangeAccumulator};
use crate::error::Result;
use crate::partial::{AggregateMessage, LabelsMessage, SeriesMessage, decode, senseless};
use crate::plan::RangePlan;
use crate::series::{SeriesLimit, Steps};

/// The lists of one series as they are written.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) places: Vec<u32>,
    pub(crate) numbers: Vec<i64>,
    pub(crate) values: Vec<f64>,
}

/// The same lists as they are read, each from its beginning.
#[derive(Debug)]
pub(crate) struct Unpacked {
    places: std::vec::IntoIter<u32>,
    numbers: std::vec::IntoIter<i64>,
    values: std::vec::IntoIter<f64>,
    steps: u32,
}

impl Packed {
    pub(crate) fn put_stretch(&mut self, stretch: Stretch) {
        self.places.extend([stretch.enter, stretch.leave]);
    }
}

impl Unpacked {
    /// The next stretch; `None` after the last. Errors: one that lies in no window of the query.
    pub(crate) fn stretch(&mut self) -> Result<Option<Stretch>> {
        let Some(enter) = self.places.next() else { return Ok(None) };
        let leave = self.places.next().ok_or_else(|| senseless("half a stretch of time"))?;
        if enter > leave || leave > self.steps {
            return Err(senseless("a stretch of time outside the query"));
        }
        Ok(Some(Stretch { enter, leave }))
    }

    /// The next place; `None` after the last.
    pub(crate) fn place(&mut self) -> Option<u32> {
        self.places.next()
    }

    pub(crate) fn number(&mut self) -> Result<i64> {
        self.numbers.next().ok_or_else(|| senseless("a number is missing"))
    }

    pub(crate) fn value(&mut self) -> Result<f64> {
        self.values.next().ok_or_else(|| senseless("a value is missing"))
    }

    pub(crate) fn values_left(&self) -> usize {
        self.values.len()
    }
}

impl RangeAccumulator {
    /// What was gathered, for [`RangeAccumulator::from_partial`] in another process.
    #[must_use]
    pub fn to_partial(&self) -> Vec<u8> {
        let series = (0_u32..).zip(self.table.labels()).map(|(number, labels)| {
            let mut packed = Packed::default();
            match &self.kept {
                Kept::Counts(counts) => counts.pack(number, &mut packed),
                Kept::Values(reduced) => reduced.pack(number, &mut packed),
            }
            let Packed { places, numbers, values } = packed;
            SeriesMessage { labels: Some(LabelsMessage::new(labels)), places, numbers, values }
        });
        AggregateMessage { passed_rows: self.passed_rows, series: series.collect() }.encode_to_vec()
    }

    /// An accumulator of what another process has gathered for the same plan and steps.
    ///
    /// Errors: `Internal` when the bytes cannot be that; `Limit` past the series or memory bound.
    pub fn from_partial(plan: Arc<RangePlan>, steps: Steps, limit: SeriesLimit, bytes: &[u8]) -> Result<Self> {
        let message: AggregateMessage = decode(bytes)?;
        let mut own = Self::new(plan, steps, limit);
        own.passed_rows = message.passed_rows;
        let steps = u32::try_from(own.shape.steps).map_err(|_| senseless("more steps than there can be"))?;
        for SeriesMessage { labels, places, numbers, values } in message.series {
            let number = own.table.number(labels.unwrap_or_default().into_labels()?);
            let mut unpacked = Unpacked {
                places: places.into_iter(),
                numbers: numbers.into_iter(),
                values: values.into_iter(),
                steps,
            };
            match &mut own.kept {
                Kept::Counts(counts) => counts.unpack(number, &mut unpacked)?,
                Kept::Values(reduced) => reduced.unpack(number, &mut unpacked)?,
            }
        }
        own.check_limits()?;
        Ok(own)
    }
}
