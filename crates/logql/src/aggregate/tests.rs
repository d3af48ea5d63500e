//! Unwrapped values against a naive evaluator, and what `unwrap` makes of labels and errors.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sigyn_model::Labels;

use crate::series::{MetricResult, SeriesLimit, Steps};
use crate::testing::{Row, Schedule, metric_query, metric_query_scheduled};

const LIMIT: SeriesLimit = SeriesLimit { series: 500, memory: usize::MAX };
const SECOND: i64 = 1_000_000_000;

/// Points by the text of the labels.
type Answer = BTreeMap<String, Vec<(i64, f64)>>;

fn answer(result: MetricResult) -> Answer {
    match result {
        MetricResult::Matrix(series) => series
            .into_iter()
            .map(|series| {
                let points = series.samples.iter().map(|sample| (sample.timestamp, sample.value)).collect();
                (series.labels.to_string(), points)
            })
            .collect(),
        MetricResult::Vector(samples) => samples
            .into_iter()
            .map(|sample| (sample.labels.to_string(), vec![(sample.sample.timestamp, sample.sample.value)]))
            .collect(),
        MetricResult::Scalar(_) => panic!("a scalar"),
    }
}

/// Each operator from its definition; `samples` ascend in time and are not empty.
fn naive(op: &str, phi: f64, samples: &[(i64, f64)], range: f64) -> f64 {
    let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    let better = |is_better: fn(f64, f64) -> bool| {
        values
            .iter()
            .copied()
            .fold(f64::NAN, |best, value| if best.is_nan() || is_better(value, best) { value } else { best })
    };
    match op {
        "sum_over_time" => values.iter().sum(),
        "rate" => values.iter().sum::<f64>() / range,
        "avg_over_time" => mean(&values),
        "min_over_time" => better(|value, best| value < best),
        "max_over_time" => better(|value, best| value > best),
        "first_over_time" => values[0],
        "last_over_time" => values[values.len() - 1],
        "stdvar_over_time" => variance(&values),
        "stddev_over_time" => variance(&values).sqrt(),
        "quantile_over_time" => quantile(phi, values),
        "rate_counter" => rate_counter(samples, range),
        other => panic!("{other}"),
    }
}

fn mean(values: &[f64]) -> f64 {
    if values.iter().all(|value| value.is_finite()) {
        return values.iter().sum::<f64>() / values.len() as f64;
    }
    values.iter().copied().filter(|value| !value.is_finite()).sum()
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

fn quantile(phi: f64, mut values: Vec<f64>) -> f64 {
    if !(0.0..=1.0).contains(&phi) {
        return if phi < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(|a, b| (!a.is_nan(), a).partial_cmp(&(!b.is_nan(), b)).unwrap_or(std::cmp::Ordering::Equal));
    let rank = phi * (values.len() - 1) as f64;
    let (lower, weight) = (rank.floor() as usize, rank.fract());
    let upper = (lower + 1).min(values.len() - 1);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

fn rate_counter(samples: &[(i64, f64)], range: f64) -> f64 {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    if samples.len() < 2 {
        return 0.0;
    }
    let resets: f64 = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let increase = last.1 - first.1 + resets;
    let between = (last.0 - first.0) as f64 / 1000.0;
    if between == 0.0 {
        return f64::NAN;
    }
    let to_zero = between * first.1 / increase;
    let to_start = if increase > 0.0 && first.1 >= 0.0 && to_zero < range { to_zero } else { range };
    // Samples are whole seconds apart, so the start is always near.
    increase * (1.0 + to_start / between) / range
}

fn close(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[derive(Debug, Clone)]
struct Case {
    op: &'static str,
    phi: f64,
    grouping: Option<&'static str>,
    range: i64,
    offset: i64,
    steps: Steps,
    rows: Vec<Row>,
    rows_max: usize,
    schedule: Schedule,
}

const OPERATORS: [&str; 11] = [
    "sum_over_time",
    "rate",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "first_over_time",
    "last_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "rate_counter",
];

fn value() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(String::new())),
        9 => (-2000_i32..2000).prop_map(|n| Some(n.to_string())),
        9 => (-20_000_i32..20_000).prop_map(|n| Some(format!("{}.{:03}", n / 1000, n.abs() % 1000))),
        1 => prop_oneof![Just("NaN"), Just("+Inf"), Just("-Inf"), Just("1e3")].prop_map(|text| Some(text.to_owned())),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    (0..2_usize, 0..2_usize, 0..60_i64, value(), 0..3_usize).prop_map(|(app, pod, at, value, zone)| {
        let labels = [("app", ["a", "b"][app]), ("pod", ["1", "2"][pod])];
        let zone = ["", "x", "y"][zone];
        let mut metadata = vec![("zone", zone)];
        metadata.extend(value.as_deref().map(|value| ("v", value)));
        metadata.retain(|(_, value)| !value.is_empty());
        Row::new(&labels, at * SECOND, "line", &metadata)
    })
}

fn case() -> impl Strategy<Value = Case> {
    let grouping = prop_oneof![
        Just(None),
        Just(Some("by (app)")),
        Just(Some("without (pod)")),
        Just(Some("by ()")),
        Just(Some("without ()")),
        Just(Some("by (zone, v)")),
    ];
    let window = (1..40_i64, -5..10_i64, 0..60_i64, 0..70_i64, 0..25_i64);
    let phi = prop_oneof![Just(0.0), Just(0.5), Just(0.9), Just(0.99), Just(1.0), Just(1.5), Just(0.123)];
    let layout = (1..20_usize, proptest::collection::vec(0..9_u32, 1..6), 1..4_usize);
    let rows = proptest::collection::vec(row(), 0..120);
    (0..OPERATORS.len(), phi, grouping, window, rows, layout).prop_map(
        |(op, phi, grouping, (range, offset, start, length, step), rows, (rows_max, turns, lanes))| {
            let op = OPERATORS[op];
            let grouped = !matches!(op, "sum_over_time" | "rate" | "rate_counter");
            let steps = match step {
                0 => Steps::instant(start * SECOND),
                _ => Steps::range(start * SECOND, (start + length) * SECOND, step * SECOND),
            };
            let grouping = grouping.filter(|_| grouped);
            Case { op, phi, grouping, range, offset, steps, rows, rows_max, schedule: Schedule { turns, lanes } }
        },
    )
}

impl Case {
    fn query(&self) -> String {
        let parameter = if self.op == "quantile_over_time" { format!("{}, ", self.phi) } else { String::new() };
        let (op, range, offset) = (self.op, self.range, self.offset);
        let grouping = self.grouping.unwrap_or("");
        format!("{op}({parameter}{{app=~\".+\"}} | unwrap v [{range}s] offset {offset}s) {grouping}")
    }

    fn series(&self, row: &Row) -> String {
        let all = row.labels.iter().chain(row.metadata.iter());
        let labels = all.filter(|(name, _)| match self.grouping {
            None | Some("without ()") => *name != "v",
            Some("by (app)") => *name == "app",
            Some("without (pod)") => !["pod", "v"].contains(name),
            Some("by (zone, v)") => ["zone", "v"].contains(name),
            _ => false,
        });
        Labels::from_pairs(labels).to_string()
    }

    fn expected(&self) -> Answer {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| (&a.labels, a.timestamp).cmp(&(&b.labels, b.timestamp)));
        rows.sort_by_key(|row| row.timestamp);
        let mut answer = Answer::new();
        for step in 0..self.steps.count() {
            let time = self.steps.time(step);
            let end = time - self.offset * SECOND;
            let mut windows: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
            for row in rows.iter().filter(|row| end - self.range * SECOND < row.timestamp && row.timestamp <= end) {
                if let Some(value) = row.metadata.get("v").filter(|value| !value.is_empty()) {
                    let value: f64 = value.parse().expect("the strategy gives numbers");
                    windows.entry(self.series(row)).or_default().push((row.timestamp, value));
                }
            }
            for (series, samples) in windows {
                let value = naive(self.op, self.phi, &samples, self.range as f64);
                answer.entry(series).or_default().push((time, value));
            }
        }
        answer
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_operator_agrees_with_its_definition(case in case()) {
        let query = case.query();
        let found = metric_query_scheduled(&query, &case.rows, case.rows_max, case.steps, LIMIT, &case.schedule);
        let found = answer(found.expect("a good query"));
        let expected = case.expected();
        prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", query);
        for (series, points) in &expected {
            let found = &found[series];
            prop_assert_eq!(found.len(), points.len(), "{} {}", query, series);
            for (found, expected) in found.iter().zip(points) {
                let same = found.0 == expected.0 && close(found.1, expected.1);
                prop_assert!(same, "{} {}: {:?}, expected {:?}", query, series, found, expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Multiplying by one keeps the outer aggregation out of the inner one.
    #[test]
    fn aggregating_on_the_way_changes_nothing(case in case(), which in 0..4_usize, by in 0..5_usize) {
        let (outer, inner) =
            [("sum", "sum_over_time"), ("sum", "rate"), ("max", "max_over_time"), ("min", "min_over_time")][which];
        let grouping = ["", "by (app)", "by (zone, pod)", "without (pod)", "without (zone, app)"][by];
        let inner = Case { op: inner, grouping: None, ..case.clone() }.query();
        let run = |query: String| {
            let result = metric_query_scheduled(&query, &case.rows, case.rows_max, case.steps, LIMIT, &case.schedule);
            answer(result.expect("a good query"))
        };
        let (found, expected) = (run(format!("{outer} {grouping} ({inner})")), run(format!("{outer} {grouping} (1 * {inner})")));
        prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (found, expected) in found.values().flatten().zip(expected.values().flatten()) {
            prop_assert!(found.0 == expected.0 && close(found.1, expected.1), "{:?}, expected {:?}", found, expected);
        }
    }
}

#[test]
fn values_come_out_of_lines() {
    let lines = [
        (0, "i0", "total=11 gauge=12.383 dur=292ms size=939B"),
        (60, "i0", "total=20 gauge=3.5 dur=1.5s size=2KB"),
        (120, "i0", "total=4 gauge=NaN dur=0 size=1.5KiB"),
        (180, "i1", "total=7 gauge=-1 dur=2m size=0"),
        (240, "i1", "up=1"),
    ];
    let rows: Vec<Row> = lines
        .iter()
        .map(|(at, instance, line)| Row::new(&[("app", "counter"), ("instance", instance)], at * SECOND, line, &[]))
        .collect();
    for (query, expected) in [
        ("sum by (instance) (sum_over_time({app=\"counter\"} | logfmt | unwrap bytes(size) [5m]))", "i0=4475 i1=0"),
        ("max_over_time({app=\"counter\"} | logfmt | unwrap gauge [5m]) by (instance)", "i0=12.383 i1=-1"),
        ("quantile_over_time(0.5, {app=\"counter\"} | logfmt | unwrap gauge [5m]) by (instance)", "i0=3.5 i1=-1"),
        ("last_over_time({app=\"counter\"} | logfmt | unwrap duration(dur) [5m]) by (instance)", "i0=0 i1=120"),
        ("avg_over_time({app=\"counter\"} | logfmt | unwrap total | gauge > 0 [5m]) by (instance)", "i0=15.5"),
        ("sum by (instance) (rate({app=\"counter\"} | logfmt | unwrap total [350s]))", "i0=0.1 i1=0.02"),
        ("sum by (instance) (count_over_time({app=\"counter\"} | logfmt | total > 4 [5m]))", "i0=2 i1=1"),
    ] {
        let result = metric_query(query, &rows, 2, Steps::instant(299 * SECOND), LIMIT).expect(query);
        let found: Vec<String> = answer(result)
            .into_iter()
            .map(|(labels, points)| {
                format!("{}={}", labels.replace("{instance=\"", "").replace("\"}", ""), points[0].1)
            })
            .collect();
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

fn rows() -> Vec<Row> {
    let row = |pod: &str, at: i64, metadata: &[(&str, &str)]| {
        Row::new(&[("app", "a"), ("pod", pod)], at * SECOND, "line", metadata)
    };
    vec![
        row("1", 1, &[("v", "3"), ("zone", "x")]),
        row("1", 2, &[("v", "5"), ("zone", "y")]),
        row("1", 2, &[("v", "7"), ("zone", "y")]),
        row("2", 3, &[("v", "3"), ("size", "2kB")]),
        row("2", 4, &[("zone", "x"), ("took", "1.5s")]),
        row("2", 5, &[("bad", "abc"), ("took", "never")]),
    ]
}

fn instant(query: &str) -> Result<Vec<String>, String> {
    let result =
        metric_query(query, &rows(), 2, Steps::instant(10 * SECOND), LIMIT).map_err(|error| error.to_string())?;
    Ok(answer(result).into_iter().map(|(labels, points)| format!("{labels} {}", points[0].1)).collect())
}

#[test]
fn unwrapped_labels_leave_the_series_unless_grouped_by() {
    for (query, expected) in [
        (
            r#"sum_over_time({app="a"} | unwrap v [1m])"#,
            &[
                r#"{app="a", pod="1", zone="x"} 3"#,
                r#"{app="a", pod="1", zone="y"} 12"#,
                r#"{app="a", pod="2", size="2kB"} 3"#,
            ][..],
        ),
        (r#"max_over_time({app="a"} | unwrap v [1m]) by (pod)"#, &[r#"{pod="1"} 7"#, r#"{pod="2"} 3"#]),
        (
            r#"max_over_time({app="a"} | unwrap v [1m]) without (app, zone, size)"#,
            &[r#"{pod="1"} 7"#, r#"{pod="2"} 3"#],
        ),
        (r#"avg_over_time({app="a"} | unwrap v [1m]) by (v)"#, &[r#"{v="3"} 3"#, r#"{v="5"} 5"#, r#"{v="7"} 7"#]),
        (r#"avg_over_time({app="a"} | unwrap v [1m]) by ()"#, &["{} 4.5"]),
        (
            r#"avg_over_time({app="a"} | unwrap v [1m]) without ()"#,
            &[
                r#"{app="a", pod="1", zone="x"} 3"#,
                r#"{app="a", pod="1", zone="y"} 6"#,
                r#"{app="a", pod="2", size="2kB"} 3"#,
            ],
        ),
        (r#"sum by (v) (sum_over_time({app="a"} | unwrap v [1m]))"#, &[r#"{v="3"} 6"#, r#"{v="5"} 5"#, r#"{v="7"} 7"#]),
        (r#"max by (v, pod) (max_over_time({app="a"} | unwrap v [1m]))"#, &[r#"{pod="1"} 7"#, r#"{pod="2"} 3"#]),
        (
            r#"min without (zone, size) (min_over_time({app="a"} | unwrap v [1m]))"#,
            &[r#"{app="a", pod="1"} 3"#, r#"{app="a", pod="2"} 3"#],
        ),
        (r#"sum(sum_over_time({app="a"} | unwrap v [1m]))"#, &["{} 18"]),
        (r#"sum without (app, pod, zone, size) (rate({app="a"} | unwrap v [1m]))"#, &["{} 0.3"]),
        (r#"sum without () (rate({app="a", pod="2"} | unwrap v [1m]))"#, &[r#"{app="a", pod="2", size="2kB"} 0.05"#]),
        (r#"last_over_time({app="a"} | unwrap v [1m]) by (app)"#, &[r#"{app="a"} 3"#]),
        (r#"first_over_time({app="a", pod="1"} | unwrap v [8500ms]) by (zone)"#, &[r#"{zone="y"} 5"#]),
        (r#"last_over_time({app="a", pod="1"} | unwrap v [8500ms]) by (zone)"#, &[r#"{zone="y"} 7"#]),
        (r#"sum(sum_over_time({app="a"} | unwrap bytes(size) [1m]))"#, &["{} 2000"]),
        (r#"sum(sum_over_time({app="a"} | zone="x" | unwrap duration(took) [1m]))"#, &["{} 1.5"]),
        (r#"absent_over_time({app="a"} | unwrap v [1m])"#, &[]),
        (r#"absent_over_time({app="a"} | unwrap w [1m])"#, &[r#"{app="a"} 1"#]),
        (r#"absent_over_time({app="a"} | unwrap v | v="4" [1m])"#, &[r#"{app="a"} 1"#]),
    ] {
        assert_eq!(
            instant(query).as_deref(),
            Ok(expected.iter().map(|&text| text.to_owned()).collect::<Vec<_>>().as_slice()),
            "{query}"
        );
    }
}

#[test]
fn values_that_are_none_fail_the_query_unless_filtered() {
    let failed = |error: &str| {
        format!(
            "pipeline error: 'SampleExtractionErr' for series: '{{__error__=\"SampleExtractionErr\", \
             __error_details__=\"{error}\", app=\"a\", bad=\"abc\", pod=\"2\", took=\"never\"}}'.\n"
        )
    };
    for (query, details) in [
        (r#"sum_over_time({app="a"} | unwrap bad [1m])"#, r#"strconv.ParseFloat: parsing \"abc\": invalid syntax"#),
        (r#"max_over_time({app="a"} | unwrap duration(took) [1m])"#, r#"time: invalid duration \"never\""#),
        (r#"sum_over_time({app="a"} | unwrap bytes(bad) [1m])"#, r#"strconv.ParseFloat: parsing \"\": invalid syntax"#),
        (r#"absent_over_time({app="a"} | unwrap bad [1m])"#, r#"strconv.ParseFloat: parsing \"abc\": invalid syntax"#),
    ] {
        let message = instant(query).expect_err(query);
        assert!(message.starts_with("pipeline error: 'SampleExtractionErr' for series: "), "{message}");
        assert!(message.contains(details), "{message}");
    }
    assert!(
        instant(r#"sum_over_time({app="a"} | unwrap bad [1m])"#)
            .expect_err("abc is no number")
            .starts_with(&failed(r#"strconv.ParseFloat: parsing \"abc\": invalid syntax"#))
    );
    let grouped = r#"sum by (__error__) (sum_over_time({app="a"} | unwrap bad [1m]))"#;
    assert!(instant(grouped).is_err(), "grouping by the error does not help");
    let none: Vec<String> = Vec::new();
    assert_eq!(instant(r#"sum_over_time({app="a"} | unwrap bad | __error__="" [1m])"#), Ok(none));
    let filtered = r#"sum(sum_over_time({app="a"} | unwrap duration(took) | __error__!="SampleExtractionErr" [1m]))"#;
    assert_eq!(instant(filtered), Ok(vec!["{} 1.5".to_owned()]));
    assert!(
        instant(r#"sum_over_time({app="a"} | unwrap v | pod=ip("x") [1m])"#).expect_err("no address").contains("ip:")
    );
}

#[test]
fn many_values_hit_the_memory_limit() {
    let rows: Vec<Row> = (0..5000).map(|at| Row::new(&[("app", "a")], at, "line", &[("v", &at.to_string())])).collect();
    let run = |op: &str, memory| {
        let query = format!(r#"{op}{{app="a"}} | unwrap v [1m])"#);
        let limit = SeriesLimit { series: 500, memory };
        metric_query(&query, &rows, 1000, Steps::instant(SECOND), limit).map(answer).map_err(|error| error.to_string())
    };
    let message = run("quantile_over_time(0.5, ", 20_000).expect_err("5000 values need 40 kB");
    assert!(message.contains("max_query_memory"), "{message}");
    assert!(run("rate_counter(", 50_000).is_err());
    for op in ["sum_over_time(", "first_over_time(", "stddev_over_time(", "max_over_time("] {
        assert_eq!(run(op, 20_000).map(|answer| answer.len()), Ok(1), "{op} keeps no values");
    }
}
