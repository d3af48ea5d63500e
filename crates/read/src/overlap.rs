//! Finds, from time spans alone, where two parts may hold the same entry of a stream.

use crate::selection::{SelectedRun, Selection};

/// Where in a run duplicates of other parts' rows can be: a closed span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A run that shares time with a run of the same stream in another part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect {
    pub(crate) run: SelectedRun,
    pub(crate) region: Region,
    /// Latest end among the stream's suspects up to this one, in order of their starts.
    latest: i64,
}

/// All suspects of a selection. Runs that share no time cost nothing more.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    /// Sorted by (stream, min time).
    suspects: Vec<Suspect>,
}

impl Overlaps {
    pub(crate) fn of(selection: &Selection) -> Self {
        if selection.parts.len() < 2 {
            return Self::default();
        }
        let mut runs = selection.runs.clone();
        runs.sort_unstable_by_key(|run| (run.stream, run.run.min_time, run.part, run.block));
        let mut suspects = Vec::new();
        for runs in runs.chunk_by(|a, b| a.stream == b.stream) {
            push_suspects(runs, &mut suspects);
        }
        Self { suspects }
    }

    pub(crate) fn all(&self) -> &[Suspect] {
        &self.suspects
    }

    /// The suspects among `runs` and those of other parts that share time with them.
    pub(crate) fn around(&self, runs: &[SelectedRun]) -> Vec<Suspect> {
        if self.suspects.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<usize> = Vec::new();
        for run in runs {
            let (min, max) = (run.run.min_time, run.run.max_time);
            let starts = |suspect: &Suspect| (suspect.run.stream, suspect.run.run.min_time);
            let end = self.suspects.partition_point(|suspect| starts(suspect) <= (run.stream, max));
            let before = self.suspects[..end].iter().enumerate().rev();
            for (at, suspect) in before.take_while(|(_, s)| s.run.stream == run.stream && s.latest >= min.nanos()) {
                if suspect.run.run.max_time >= min {
                    found.push(at);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| self.suspects[at]).collect()
    }
}

/// The furthest time seen so far, and the furthest of any other part than the one that holds it.
#[derive(Debug, Clone, Copy)]
struct Furthest {
    first: Option<(u32, i64)>,
    second: Option<(u32, i64)>,
}

impl Furthest {
    const NONE: Self = Self { first: None, second: None };

    fn of_other_parts(&self, part: u32) -> Option<i64> {
        [self.first, self.second].into_iter().flatten().find(|(other, _)| *other != part).map(|(_, time)| time)
    }

    /// `further(a, b)`: a is further than b.
    fn note(&mut self, part: u32, time: i64, further: impl Fn(i64, i64) -> bool) {
        match self.first {
            Some((first_part, first)) if first_part == part => {
                if further(time, first) {
                    self.first = Some((part, time));
                }
            }
            Some((_, first)) if !further(time, first) => {
                if self.second.is_none_or(|(_, second)| further(time, second)) {
                    self.second = Some((part, time));
                }
            }
            before => {
                self.second = before;
                self.first = Some((part, time));
            }
        }
    }
}

/// `runs` are one stream's, ascending by min time.
fn push_suspects(runs: &[SelectedRun], suspects: &mut Vec<Suspect>) {
    // Smallest start among the runs after each, in other parts than its own.
    let mut later_starts = vec![None; runs.len()];
    let mut later = Furthest::NONE;
    for (at, run) in runs.iter().enumerate().rev() {
        later_starts[at] = later.of_other_parts(run.part);
        later.note(run.part, run.run.min_time.nanos(), |a, b| a < b);
    }
    let mut earlier = Furthest::NONE;
    let mut latest = i64::MIN;
    for (run, later_start) in runs.iter().zip(later_starts) {
        let (min, max) = (run.run.min_time.nanos(), run.run.max_time.nanos());
        let before = earlier.of_other_parts(run.part).filter(|end| *end >= min);
        let after = later_start.filter(|start| *start <= max);
        let region = match (before, after) {
            (None, None) => None,
            (Some(end), None) => Some(Region { from: min, to: end.min(max) }),
            (None, Some(start)) => Some(Region { from: start, to: max }),
            (Some(_), Some(_)) => Some(Region { from: min, to: max }),
        };
        if let Some(region) = region {
            latest = latest.max(max);
            suspects.push(Suspect { run: *run, region, latest });
        }
        earlier.note(run.part, max, |a, b| a > b);
    }
}

#[cfg(test)]
mod tests {
    use sigyn_model::Timestamp;
    use sigyn_segment::Run;

    use super::*;

    fn run(part: u32, min: i64, max: i64) -> SelectedRun {
        let run =
            Run { stream: 0, first_row: 0, rows: 1, min_time: Timestamp(min), max_time: Timestamp(max), line_bytes: 0 };
        SelectedRun { part, block: 0, stream: 0, run }
    }

    fn regions(mut spans: Vec<(u32, i64, i64)>) -> Vec<(u32, i64, i64)> {
        spans.sort_by_key(|(_, min, _)| *min);
        let runs: Vec<SelectedRun> = spans.into_iter().map(|(part, min, max)| run(part, min, max)).collect();
        let mut suspects = Vec::new();
        push_suspects(&runs, &mut suspects);
        suspects.iter().map(|suspect| (suspect.run.part, suspect.region.from, suspect.region.to)).collect()
    }

    #[test]
    fn only_shared_time_of_different_parts_is_suspect() {
        assert!(regions(vec![(0, 0, 9), (0, 5, 20), (1, 21, 30)]).is_empty());
        assert_eq!(regions(vec![(0, 0, 10), (1, 10, 20)]), [(0, 10, 10), (1, 10, 10)]);
        assert_eq!(regions(vec![(0, 0, 100), (1, 10, 20)]), [(0, 10, 100), (1, 10, 20)]);
        assert_eq!(regions(vec![(0, 0, 10), (0, 8, 30), (1, 9, 40), (2, 35, 50)]).len(), 4);
    }

    #[test]
    fn neighbours_of_a_run_are_all_suspects_that_share_its_time() {
        let mut spans: Vec<(u32, i64, i64)> = (0..40).map(|n| (n % 3, (i64::from(n) * 7) % 31, 0)).collect();
        for (at, span) in spans.iter_mut().enumerate() {
            span.2 = span.1 + [0, 3, 20][at % 3];
        }
        spans.sort_by_key(|span| span.1);
        let runs: Vec<SelectedRun> = spans.iter().map(|(part, min, max)| run(*part, *min, *max)).collect();
        let mut overlaps = Overlaps::default();
        push_suspects(&runs, &mut overlaps.suspects);
        for run in &runs {
            let shares = |other: &&Suspect| {
                other.run.run.min_time <= run.run.max_time && other.run.run.max_time >= run.run.min_time
            };
            let expected = overlaps.suspects.iter().filter(shares).count();
            assert_eq!(overlaps.around(std::slice::from_ref(run)).len(), expected);
        }
    }

    #[test]
    fn every_overlap_is_found() {
        // All ways to place three spans of two parts on a line of five instants.
        let spans: Vec<(i64, i64)> = (0..5).flat_map(|min| (min..5).map(move |max| (min, max))).collect();
        for a in &spans {
            for b in &spans {
                for c in &spans {
                    for parts in [[0, 1, 1], [0, 0, 1], [0, 1, 2], [1, 0, 1]] {
                        let placed = [(parts[0], a.0, a.1), (parts[1], b.0, b.1), (parts[2], c.0, c.1)];
                        let found = regions(placed.to_vec());
                        for x in placed {
                            for y in placed.iter().filter(|y| y.0 != x.0) {
                                for time in x.1.max(y.1)..=x.2.min(y.2) {
                                    let inside = |s: &(u32, i64, i64)| s.0 == x.0 && s.1 <= time && time <= s.2;
                                    assert!(found.iter().any(inside), "{placed:?} at {time}: {found:?}");
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
