//! Whole queries over a few fixed rows: end inside their limits, never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigyn_logql::testing::{self, Row};
use sigyn_logql::{Direction, LogOptions, SeriesLimit, Steps};
use sigyn_model::{TimeRange, Timestamp};

fuzz_target!(|text: &str| {
    let rows = [
        Row::new(&[("a", "b")], 1_000, r#"{"x":1,"y":{"z":"5s"},"w":"10KB"}"#, &[("level", "info")]),
        Row::new(&[("a", "b")], 2_000, r#"x=1 y="q r" z=10.0.0.1 w=3ms"#, &[]),
        Row::new(&[("a", "c")], 2_000, "\u{1b}[31mred\u{1b}[0m plain 404", &[]),
    ];
    let options = LogOptions {
        limit: 10,
        direction: Direction::Backward,
        range: TimeRange::new(Timestamp(0), Timestamp(10_000)),
        interval_ns: 0,
        memory_max: 1 << 24,
    };
    let _ = testing::log_query(text, &rows, 100, &options);
    for steps in [Steps::instant(3_000), Steps::range(1_000, 5_000, 500)] {
        let _ = testing::metric_query(text, &rows, 100, steps, SeriesLimit { series: 100, memory: 1 << 24 });
    }
});
