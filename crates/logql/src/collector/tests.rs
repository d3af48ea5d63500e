//! Limits, directions, ties, intervals and categories of log queries.

use sigyn_model::{TimeRange, Timestamp};

use super::*;
use crate::batch::MetadataNeeds;
use crate::testing::{Row, log_query, log_query_skipping};

fn options(limit: usize, direction: Direction) -> LogOptions {
    LogOptions { limit, direction, range: TimeRange::all(), interval_ns: 0, memory_max: usize::MAX }
}

fn lines(streams: &[StreamEntries]) -> Vec<String> {
    let entries = streams.iter().flat_map(|stream| &stream.entries);
    entries.map(|entry| String::from_utf8_lossy(&entry.line).into_owned()).collect()
}

fn query(rows: &[Row], options: &LogOptions) -> Vec<String> {
    let answers: Vec<Vec<String>> = [1, 3, 1000]
        .iter()
        .map(|&size| lines(&log_query(r#"{app=~".+"}"#, rows, size, options).expect("a good query")))
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the answer depends on the block size: {answers:?}");
    answers.into_iter().next().expect("three answers")
}

/// Ten entries of one stream at one instant.
fn same_instant() -> Vec<Row> {
    (0..10).map(|n| Row::new(&[("app", "a")], 7, &n.to_string(), &[])).collect()
}

#[test]
fn equal_timestamps_keep_their_order_and_backward_reverses_it() {
    let rows = same_instant();
    assert_eq!(query(&rows, &options(3, Direction::Forward)), ["0", "1", "2"]);
    assert_eq!(query(&rows, &options(3, Direction::Backward)), ["9", "8", "7"]);
    assert_eq!(query(&rows, &options(99, Direction::Backward)).len(), 10);
    assert!(query(&rows, &options(0, Direction::Forward)).is_empty());
}

#[test]
fn a_later_part_comes_after_an_earlier_one_at_the_same_instant() {
    let plan = match crate::parse(r#"{app="a"}"#) {
        Ok(crate::ast::Expr::Log(log)) => {
            Arc::new(crate::plan_log(&log, sigyn_model::Timestamp(0)).expect("a good query"))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(plan.needs.metadata, MetadataNeeds::All);
    let blocks = crate::testing::blocks(&same_instant(), 5);
    for (direction, expected) in [(Direction::Forward, ["5", "6", "7"]), (Direction::Backward, ["4", "3", "2"])] {
        let mut collector = LogCollector::new(Arc::clone(&plan), options(3, direction));
        for (block, sequence) in blocks.iter().zip([9, 2]) {
            let run = &block.runs[0];
            let batch = Batch {
                labels: &run.labels,
                stream_id: 0,
                timestamps: &block.timestamps,
                lines: Some(&block.lines),
                line_lengths: None,
                metadata: &[],
                rows: run.rows.clone(),
            };
            collector.add(&batch, None, RunOrder { sequence, first_row: 0 }).expect("room");
        }
        assert_eq!(lines(&collector.finish()), expected);
    }
}

#[test]
fn the_range_is_half_open() {
    let rows: Vec<Row> = (0..10).map(|n| Row::new(&[("app", "a")], n, &n.to_string(), &[])).collect();
    let within = |start, end| LogOptions {
        range: TimeRange::new(Timestamp(start), Timestamp(end)),
        ..options(100, Direction::Forward)
    };
    assert_eq!(query(&rows, &within(3, 6)), ["3", "4", "5"]);
    assert!(query(&rows, &within(3, 3)).is_empty());
    assert_eq!(query(&rows, &within(9, 10)), ["9"]);
}

#[test]
fn limit_holds_over_all_streams() {
    let rows: Vec<Row> =
        (0..30).map(|n| Row::new(&[("app", ["a", "b", "c"][n % 3])], n as i64, &n.to_string(), &[])).collect();
    let mut newest = query(&rows, &options(4, Direction::Backward));
    newest.sort();
    assert_eq!(newest, ["26", "27", "28", "29"]);
    let mut oldest = query(&rows, &options(4, Direction::Forward));
    oldest.sort();
    assert_eq!(oldest, ["0", "1", "2", "3"]);
}

#[test]
fn interval_thins_over_all_streams() {
    let rows: Vec<Row> = [0, 1, 4, 5, 6, 10, 11]
        .iter()
        .enumerate()
        .map(|(at, &time)| Row::new(&[("app", ["a", "b"][at % 2])], time, &time.to_string(), &[]))
        .collect();
    let thinned = |direction, limit| {
        let mut lines = query(&rows, &LogOptions { interval_ns: 5, ..options(limit, direction) });
        lines.sort_by_key(|line| line.parse::<i64>().expect("a number"));
        lines
    };
    assert_eq!(thinned(Direction::Forward, 100), ["0", "5", "10"]);
    assert_eq!(thinned(Direction::Backward, 100), ["1", "6", "11"]);
    assert_eq!(thinned(Direction::Forward, 2), ["0", "5"]);
}

#[test]
fn duplicates_named_by_the_caller_are_left_out() {
    let skip = RowSet::new(vec![0, 9, 4]);
    let kept = log_query_skipping(r#"{app="a"} != "5""#, &same_instant(), &skip, &options(99, Direction::Forward));
    assert_eq!(lines(&kept.expect("a good query")), ["1", "2", "3", "6", "7", "8"]);
}

#[test]
fn the_threshold_is_the_last_entry_that_counts() {
    let plan = match crate::parse(r#"{app="a"}"#) {
        Ok(crate::ast::Expr::Log(log)) => {
            Arc::new(crate::plan_log(&log, sigyn_model::Timestamp(0)).expect("a good query"))
        }
        other => panic!("{other:?}"),
    };
    let rows: Vec<Row> = (0..10).map(|n| Row::new(&[("app", "a")], n, "", &[])).collect();
    let blocks = crate::testing::blocks(&rows, 100);
    let mut collector = LogCollector::new(plan, options(3, Direction::Backward));
    assert_eq!(collector.threshold(), None);
    let batch = |rows| Batch {
        labels: &blocks[0].runs[0].labels,
        stream_id: 0,
        timestamps: &blocks[0].timestamps,
        lines: Some(&blocks[0].lines),
        line_lengths: None,
        metadata: &[],
        rows,
    };
    collector.add(&batch(0..2), None, RunOrder { sequence: 0, first_row: 0 }).expect("room");
    assert_eq!(collector.threshold(), None);
    collector.add(&batch(2..6), None, RunOrder { sequence: 0, first_row: 2 }).expect("room");
    assert_eq!(collector.threshold(), Some(3));
    assert!(collector.memory() > 0);
}

#[test]
fn categories_are_kept_apart_until_merged() {
    let rows = [
        Row::new(&[("app", "a")], 1, "x", &[("trace", "1"), ("app", "other")]),
        Row::new(&[("app", "a")], 2, "y", &[("trace", "2")]),
        Row::new(&[("app", "a")], 3, "z", &[("trace", "1"), ("app", "other")]),
    ];
    let streams = log_query(r#"{app="a"}"#, &rows, 2, &options(10, Direction::Backward)).expect("a good query");
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0].labels.to_string(), r#"{app="a"}"#);
    let metadata: Vec<String> = streams[0].entries.iter().map(|entry| entry.structured_metadata.to_string()).collect();
    assert_eq!(metadata[1], r#"{trace="2"}"#);
    assert_eq!(metadata[2], r#"{app_extracted="other", trace="1"}"#);
    let merged = merge_categories(streams, Direction::Backward);
    let labels: Vec<String> = merged.iter().map(|stream| stream.labels.to_string()).collect();
    assert_eq!(labels, [r#"{app="a", app_extracted="other", trace="1"}"#, r#"{app="a", trace="2"}"#]);
    assert_eq!(lines(&merged), ["z", "x", "y"]);
}

#[test]
fn memory_is_bounded() {
    let rows: Vec<Row> = (0..100).map(|n| Row::new(&[("app", "a")], n, &"x".repeat(1000), &[])).collect();
    let options = LogOptions { memory_max: 50_000, ..options(100, Direction::Forward) };
    let refused = log_query(r#"{app="a"}"#, &rows, 10, &options).expect_err("too much");
    assert!(refused.to_string().contains("max_query_memory (50000B)"), "{refused}");
    assert!(log_query(r#"{app="a"}"#, &rows, 10, &LogOptions { limit: 10, ..options }).is_ok());
}
