//! Which steps a timestamp counts for: the window of time t is `(t − offset − range, t − offset]`.

use sigyn_model::{TimeRange, Timestamp};

use crate::series::Steps;

/// What lies between two neighbouring window borders: the windows of the steps `enter..leave` hold all of it.
///
/// Ascends with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) enter: u32,
    pub(crate) leave: u32,
}

/// The windows of all steps of a range aggregation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// End of the first window, inclusive: `start − offset`.
    first: i64,
    step: i64,
    count: usize,
    range: i64,
}

impl Windows {
    pub(crate) fn new(steps: &Steps, range_ns: i64, offset_ns: i64) -> Self {
        Self {
            first: steps.start.saturating_sub(offset_ns),
            step: if steps.is_instant() { 1 } else { steps.step },
            count: steps.count(),
            range: range_ns,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Timestamps outside it lie in no window.
    pub(crate) fn time_range(&self) -> TimeRange {
        if self.count == 0 {
            return TimeRange::new(Timestamp(0), Timestamp(0));
        }
        let start = self.first.saturating_sub(self.range).saturating_add(1);
        TimeRange::new(Timestamp(start), Timestamp(self.end_of(self.count - 1).saturating_add(1)))
    }

    /// Whether a timestamp inside [`Self::time_range`] may still lie between two windows.
    pub(crate) fn has_gaps(&self) -> bool {
        self.count > 1 && self.range < self.step
    }

    /// First step whose window ends at or after `timestamp`; `count` when there is none.
    pub(crate) fn enter(&self, timestamp: i64) -> usize {
        self.first_at_or_after(timestamp)
    }

    /// First step whose window begins at or after `timestamp`, so that the timestamp is no longer in it.
    pub(crate) fn leave(&self, timestamp: i64) -> usize {
        self.first_at_or_after(timestamp.saturating_add(self.range))
    }

    /// The last timestamp that enters at the same step.
    pub(crate) fn enter_border(&self, step: usize) -> i64 {
        if step >= self.count { i64::MAX } else { self.end_of(step) }
    }

    /// The last timestamp that leaves at the same step.
    pub(crate) fn leave_border(&self, step: usize) -> i64 {
        if step >= self.count { i64::MAX } else { self.end_of(step).saturating_sub(self.range) }
    }

    /// Where a timestamp lies, and the last timestamp that lies there too.
    pub(crate) fn stretch(&self, timestamp: i64) -> (Stretch, i64) {
        let (enter, leave) = (self.enter(timestamp), self.leave(timestamp));
        let last = self.enter_border(enter).min(self.leave_border(leave));
        let step = |step: usize| u32::try_from(step).expect("a query has far fewer than 2^32 steps");
        (Stretch { enter: step(enter), leave: step(leave) }, last)
    }

    fn end_of(&self, step: usize) -> i64 {
        let offset = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(self.step);
        self.first.saturating_add(offset)
    }

    /// Smallest step `i` with `first + i · step ≥ time`, at most `count`.
    fn first_at_or_after(&self, time: i64) -> usize {
        let distance = match time.checked_sub(self.first) {
            Some(distance) => distance,
            None if time < 0 => return 0,
            None => return self.count,
        };
        if distance <= 0 {
            return 0;
        }
        usize::try_from((distance - 1) / self.step + 1).unwrap_or(usize::MAX).min(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps whose window holds `timestamp`, from the definition.
    fn holding(steps: &Steps, range: i64, offset: i64, timestamp: i64) -> Vec<usize> {
        (0..steps.count())
            .filter(|&at| {
                let end = i128::from(steps.time(at)) - i128::from(offset);
                end - i128::from(range) < i128::from(timestamp) && i128::from(timestamp) <= end
            })
            .collect()
    }

    #[test]
    fn windows_follow_the_definition() {
        for (start, end, step) in [(0, 20, 5), (3, 22, 4), (-10, 10, 7), (6, 6, 0), (6, 6, 3), (8, 2, 1)] {
            for range in [0, 1, 3, 5, 10, 13] {
                for offset in [-6, 0, 4] {
                    let steps = Steps { start, end, step };
                    let windows = Windows::new(&steps, range, offset);
                    for timestamp in -40..50 {
                        let inside: Vec<usize> = (windows.enter(timestamp)..windows.leave(timestamp)).collect();
                        let expected = holding(&steps, range, offset, timestamp);
                        assert_eq!(inside, expected, "{steps:?} [{range}] offset {offset} at {timestamp}");
                        let in_range = windows.time_range().contains(Timestamp(timestamp));
                        assert!(in_range || expected.is_empty());
                        assert!(!in_range || windows.has_gaps() || !expected.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn borders_are_the_last_of_their_step() {
        let windows = Windows::new(&Steps::range(3, 22, 4), 6, 1);
        for timestamp in -20..40_i64 {
            let (enter, leave) = (windows.enter(timestamp), windows.leave(timestamp));
            assert!(timestamp <= windows.enter_border(enter) && timestamp <= windows.leave_border(leave));
            assert!(enter == windows.count() || windows.enter(windows.enter_border(enter) + 1) == enter + 1);
            assert!(leave == windows.count() || windows.leave(windows.leave_border(leave) + 1) == leave + 1);
        }
    }

    #[test]
    fn ends_of_time_do_not_overflow() {
        let windows = Windows::new(&Steps::range(i64::MAX - 3, i64::MAX, 1), i64::MAX, i64::MIN);
        assert!(windows.enter(i64::MIN) <= windows.leave(i64::MAX));
        let windows = Windows::new(&Steps::range(i64::MIN, i64::MIN + 2, 1), 5, i64::MAX);
        assert_eq!(windows.enter(i64::MAX), 3);
    }
}
