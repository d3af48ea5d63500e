//! Steps, series and the results of metric queries.

use sigyn_model::{ByteSize, Labels};

use crate::error::{Error, Result};

/// Evaluation times: `start`, `start + step`, … not past `end`. An instant query has the one time `start` and `step` 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Nanoseconds, as all three.
    pub start: i64,
    pub end: i64,
    pub step: i64,
}

impl Steps {
    #[must_use]
    pub fn instant(time: i64) -> Self {
        Self { start: time, end: time, step: 0 }
    }

    /// `step` must be positive; a range of one step is still a range.
    #[must_use]
    pub fn range(start: i64, end: i64, step: i64) -> Self {
        debug_assert!(step > 0, "a range query has a step");
        Self { start, end, step }
    }

    /// Whether the answer is a vector (or scalar) rather than a matrix.
    #[must_use]
    pub fn is_instant(&self) -> bool {
        self.step <= 0
    }

    /// Number of evaluation times.
    #[must_use]
    pub fn count(&self) -> usize {
        if self.is_instant() {
            return 1;
        }
        if self.end < self.start {
            return 0;
        }
        usize::try_from((i128::from(self.end) - i128::from(self.start)) / i128::from(self.step))
            .unwrap_or(usize::MAX - 1)
            + 1
    }

    /// The `at`-th evaluation time.
    #[must_use]
    pub fn time(&self, at: usize) -> i64 {
        let offset = i64::try_from(at).unwrap_or(i64::MAX).saturating_mul(self.step.max(0));
        self.start.saturating_add(offset)
    }
}

/// One value or none per step.
#[derive(Debug, Clone, Default)]
pub struct Points(Vec<f64>);

/// The NaN that stands for "no value"; arithmetic never sees it.
const NO_VALUE: u64 = 0x7ff0_0000_5167_796e;

impl Points {
    #[must_use]
    pub fn none(steps: usize) -> Self {
        Self(vec![f64::from_bits(NO_VALUE); steps])
    }

    #[must_use]
    pub fn constant(value: f64, steps: usize) -> Self {
        Self(vec![value; steps])
    }

    #[must_use]
    pub fn steps(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn get(&self, step: usize) -> Option<f64> {
        let value = self.0[step];
        (value.to_bits() != NO_VALUE).then_some(value)
    }

    pub fn set(&mut self, step: usize, value: f64) {
        self.0[step] = value;
    }

    pub fn clear(&mut self, step: usize) {
        self.0[step] = f64::from_bits(NO_VALUE);
    }

    /// Present values with their steps, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.0.iter().copied().enumerate().filter(|(_, value)| value.to_bits() != NO_VALUE)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Equal when the same steps have values and these are equal bit by bit.
impl PartialEq for Points {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub points: Points,
}

/// Series of one expression over the same steps; label sets are unique.
pub type SeriesSet = Vec<Series>;

/// What one query may hold while it aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesLimit {
    /// `max_query_series`.
    pub series: usize,
    /// Bytes of working memory, after which the query is refused.
    pub memory: usize,
}

impl SeriesLimit {
    pub(crate) fn series_error(&self) -> Error {
        let message = format!(
            "maximum number of series ({}) reached for a single query; consider reducing query cardinality by adding more \
             specific stream selectors, reducing the time range, or aggregating results with functions like sum(), \
             count() or topk()",
            self.series
        );
        Error::Limit { message }
    }

    pub(crate) fn check_memory(&self, bytes: usize, series: usize) -> Result<()> {
        if bytes <= self.memory {
            return Ok(());
        }
        let limit = ByteSize(self.memory as u64);
        let message = format!(
            "the query needs more than max_query_memory ({limit}) to aggregate {series} series; use a larger step, a \
             shorter time range or fewer labels"
        );
        Err(Error::Limit { message })
    }
}

/// The answer to a metric query.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricResult {
    /// Sorted by labels.
    Matrix(Vec<MatrixSeries>),
    /// Sorted by labels, unless the query sorts by value.
    Vector(Vec<VectorSample>),
    Scalar(Sample),
}

impl MetricResult {
    #[must_use]
    pub fn series(&self) -> usize {
        match self {
            Self::Matrix(series) => series.len(),
            Self::Vector(samples) => samples.len(),
            Self::Scalar(_) => 1,
        }
    }

    /// Keeps the first `count` series.
    pub fn truncate(&mut self, count: usize) {
        match self {
            Self::Matrix(series) => series.truncate(count),
            Self::Vector(samples) => samples.truncate(count),
            Self::Scalar(_) => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    pub labels: Labels,
    /// At least one, ascending.
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub sample: Sample,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Nanoseconds.
    pub timestamp: i64,
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_to_the_end() {
        assert_eq!(Steps::range(0, 10, 5).count(), 3);
        assert_eq!(Steps::range(0, 9, 5).count(), 2);
        assert_eq!(Steps::range(7, 7, 5).count(), 1);
        assert_eq!(Steps::range(7, 6, 5).count(), 0);
        assert_eq!(Steps::instant(7).count(), 1);
        assert!(Steps::instant(7).is_instant() && !Steps::range(7, 7, 1).is_instant());
        assert_eq!(Steps::range(i64::MIN, i64::MAX, i64::MAX).count(), 3);
    }

    #[test]
    fn nan_is_a_value_and_absence_is_not() {
        let mut points = Points::none(3);
        points.set(1, f64::NAN);
        assert!(points.get(0).is_none() && points.get(1).is_some_and(f64::is_nan));
        points.clear(1);
        assert!(points.is_empty());
    }
}
