//! Queries that want too much end with an error that says so, in bounded time and memory.

use sigyn_logql::testing::{Row, log_query, metric_query};
use sigyn_logql::{Direction, Error, LogOptions, SeriesLimit, Steps};
use sigyn_model::TimeRange;

const LIMIT: SeriesLimit = SeriesLimit { series: 500, memory: 64 << 20 };

fn rows(count: i64, line: impl Fn(i64) -> String) -> Vec<Row> {
    (0..count).map(|at| Row::new(&[("app", "a")], at, &line(at), &[])).collect()
}

fn logs(stages: &str, rows: &[Row]) -> Result<usize, Error> {
    let options = LogOptions {
        limit: 100,
        direction: Direction::Forward,
        range: TimeRange::all(),
        interval_ns: 0,
        memory_max: 64 << 20,
    };
    log_query(&format!("{{app=\"a\"}} {stages}"), rows, 1000, &options).map(|streams| streams.len())
}

fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T, Error>, words: &str) {
    let error = answer.expect_err(what).to_string();
    assert!(error.contains(words), "{what}: {error}");
}

#[test]
fn labels_and_lines_that_double_are_refused() {
    let rows = rows(3, |_| format!("x={}", "y".repeat(1000)));
    // Past a template's bound the entry fails and keeps what it had; past the batch's, the query is refused.
    for stages in ["| label_format x=`{{.x}}{{.x}}` ", "| line_format `{{__line__}}{{__line__}}` "] {
        match logs(&format!("| logfmt {} | __error__=``", stages.repeat(30)), &rows) {
            Ok(streams) => assert_eq!(streams, 0, "{stages}"),
            Err(error) => assert!(matches!(error, Error::Limit { .. }), "{stages}: {error}"),
        }
    }
}

#[test]
fn templates_that_loop_or_grow_fail_their_entries() {
    let rows = rows(3, |_| "n=1".to_owned());
    for template in [
        "{{ repeat 1000000000 __line__ }}",
        "{{ range 1000000000 }}{{ range 1000000000 }}x{{ end }}{{ end }}",
        "{{ define `t` }}{{ template `t` . }}{{ end }}{{ template `t` . }}",
        "{{ printf `%999999999d` 1 }}",
    ] {
        let quoted = format!("{template:?}");
        let stages = format!("| line_format {quoted} | __error__=\"TemplateFormatErr\"");
        assert_eq!(logs(&stages, &rows).expect(template), 1, "{template}");
    }
}

#[test]
fn regexes_that_explode_are_refused() {
    let rows = rows(1, |_| "a".to_owned());
    let bomb = "((a{1000}){1000}){1000}";
    for stages in [format!("|~ `{bomb}`"), format!("| app=~`{bomb}`"), format!("| regexp `(?P<x>{bomb})`")] {
        assert!(logs(&stages, &rows).is_err(), "{stages}");
    }
    let replace = format!("label_replace(rate({{app=\"a\"}}[1s]), \"x\", \"$1\", \"app\", \"{bomb}\")");
    assert!(metric_query(&replace, &rows, 10, Steps::instant(0), LIMIT).is_err());
}

#[test]
fn a_million_series_are_refused() {
    let rows = rows(100_000, |at| format!("id={at}"));
    let steps = Steps::instant(1_000_000);
    let query = "count_over_time({app=\"a\"} | logfmt [1s])";
    refused(
        "more series than allowed",
        metric_query(query, &rows, 1000, steps, LIMIT),
        "maximum number of series (500)",
    );
    // Not limited in number, but in memory.
    let tight = SeriesLimit { memory: 1 << 20, ..LIMIT };
    let query = "topk(1, sum by (id) (count_over_time({app=\"a\"} | logfmt [1s])))";
    assert!(metric_query(query, &rows, 1000, steps, tight).is_err());
}

#[test]
fn a_huge_number_of_steps_is_refused() {
    let rows = rows(10, |at| format!("id={at}"));
    let steps = Steps::range(0, i64::MAX / 2, 1_000);
    for query in [
        "count_over_time({app=\"a\"}[1s])",
        "avg_over_time({app=\"a\"} | logfmt | unwrap id [1s])",
        "vector(1)",
        "1 + vector(1)",
    ] {
        assert!(metric_query(query, &rows, 10, steps, LIMIT).is_err(), "{query}");
    }
}
