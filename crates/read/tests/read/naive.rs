//! Answers computed the obvious way, entry by entry.

use std::collections::BTreeMap;

use sigyn_logql::{Direction, MetricResult, StreamEntries};
use sigyn_model::{Labels, TimeRange, Timestamp};

use crate::harness::Pushed;

/// The entries that exist: of equal ones the first that arrived.
pub(crate) fn distinct(arrived: &[Pushed]) -> Vec<Pushed> {
    let mut seen = std::collections::BTreeSet::new();
    arrived.iter().filter(|entry| seen.insert(*entry)).cloned().collect()
}

/// Per stream, in query direction: (time, line, metadata).
pub(crate) type Streams = BTreeMap<String, Vec<(i64, String, String)>>;

pub(crate) fn logs(
    entries: &[Pushed],
    range: TimeRange,
    direction: Direction,
    wanted: impl Fn(&Pushed) -> bool,
) -> Streams {
    let mut streams = Streams::new();
    for entry in entries.iter().filter(|entry| range.contains(Timestamp(entry.time)) && wanted(entry)) {
        let metadata = Labels::from_pairs(entry.metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let row = (entry.time, entry.line.clone(), metadata.to_string());
        streams.entry(entry.labels.to_string()).or_default().push(row);
    }
    for rows in streams.values_mut() {
        rows.sort_by_key(|(time, _, _)| *time);
        if direction == Direction::Backward {
            rows.reverse();
        }
    }
    streams
}

pub(crate) fn answered(streams: &[StreamEntries]) -> Streams {
    let rows = |stream: &StreamEntries| {
        let rows = stream.entries.iter().map(|entry| {
            let line = String::from_utf8_lossy(&entry.line).into_owned();
            (entry.timestamp, line, entry.structured_metadata.to_string())
        });
        rows.collect::<Vec<_>>()
    };
    let mut found = Streams::new();
    for stream in streams {
        assert!(found.insert(stream.labels.to_string(), rows(stream)).is_none(), "{} comes twice", stream.labels);
    }
    found
}

/// Checks an answer with a limit: the nearest timestamps, and of each stream its first entries in order.
/// Which of several streams wins an equal timestamp is not checked here.
pub(crate) fn check_limited(all: &Streams, found: &Streams, limit: usize, direction: Direction, what: &str) {
    let times = |streams: &Streams| {
        let mut times: Vec<i64> = streams.values().flatten().map(|(time, _, _)| *time).collect();
        times.sort_unstable();
        if direction == Direction::Backward {
            times.reverse();
        }
        times
    };
    let mut expected = times(all);
    expected.truncate(limit);
    assert_eq!(times(found), expected, "{what}");
    for (labels, rows) in found {
        assert_eq!(rows.as_slice(), &all[labels][..rows.len()], "{what}: {labels}");
    }
}

/// Series by labels, points by time.
pub(crate) type Matrix = BTreeMap<String, BTreeMap<i64, f64>>;

/// Sums `value` of the entries of `(t − range, t]` at each step, by `key`.
pub(crate) fn windows(
    entries: &[Pushed],
    (start, end, step): (i64, i64, i64),
    range: i64,
    key: impl Fn(&Pushed) -> Option<Labels>,
    value: impl Fn(&Pushed) -> f64,
) -> Matrix {
    let mut matrix = Matrix::new();
    let mut time = start;
    while time <= end {
        for entry in entries.iter().filter(|entry| time - range < entry.time && entry.time <= time) {
            if let Some(key) = key(entry) {
                *matrix.entry(key.to_string()).or_default().entry(time).or_default() += value(entry);
            }
        }
        time += step;
    }
    matrix
}

pub(crate) fn matrix(result: &MetricResult) -> Matrix {
    let MetricResult::Matrix(series) = result else { panic!("a matrix was asked for: {result:?}") };
    series
        .iter()
        .map(|series| {
            let points = series.samples.iter().map(|sample| (sample.timestamp, sample.value)).collect();
            (series.labels.to_string(), points)
        })
        .collect()
}

/// Stream labels and metadata together.
pub(crate) fn all_labels(entry: &Pushed) -> Labels {
    let metadata = entry.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::from_pairs(entry.labels.iter().chain(metadata))
}
