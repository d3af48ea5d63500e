//! Hostile lines through each parser stage, as logs and as a metric.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigyn_logql::testing::{self, Row};
use sigyn_logql::{Direction, LogOptions, SeriesLimit, Steps};
use sigyn_model::{TimeRange, Timestamp};

const STAGES: [&str; 14] = [
    "json",
    r#"json x="a.b[0]", y="[\"k\"]""#,
    "logfmt",
    "logfmt --strict --keep-empty",
    r#"logfmt x="a", y"#,
    r#"regexp "(?P<x>\\w+)=(?P<y>.*)""#,
    r#"pattern "<x> <_> [<y>] <z>""#,
    "unpack",
    "decolorize",
    r#"json | line_format "{{.a}} {{__line__}}""#,
    r#"logfmt | label_format x="{{.a}}", y=b | x > 5"#,
    r#"json | x > 1KB or y = 5s"#,
    r#"logfmt | keep a, b | drop a="1""#,
    r#"json | a = ip("10.0.0.0/8")"#,
];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, line) = input;
    let stage = STAGES[choice as usize % STAGES.len()];
    let line = String::from_utf8_lossy(line);
    let rows = [
        Row::new(&[("app", "x")], 1_000, &line, &[("level", "info")]),
        Row::new(&[("app", "x")], 2_000, &line, &[]),
    ];
    let options = LogOptions {
        limit: 10,
        direction: Direction::Forward,
        range: TimeRange::new(Timestamp(0), Timestamp(10_000)),
        interval_ns: 0,
        memory_max: 1 << 24,
    };
    let _ = testing::log_query(&format!(r#"{{app="x"}} | {stage}"#), &rows, 100, &options);
    let steps = Steps::instant(3_000);
    let query = format!(r#"sum by (x, a) (count_over_time({{app="x"}} | {stage} [1s]))"#);
    let _ = testing::metric_query(&query, &rows, 100, steps, SeriesLimit { series: 100, memory: 1 << 24 });
});
