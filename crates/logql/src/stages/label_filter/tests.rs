//! Label filters over stream labels and structured metadata.

use sigyn_model::TimeRange;

use crate::collector::{Direction, LogOptions};
use crate::testing::{Row, log_query};

fn rows() -> Vec<Row> {
    let row =
        |at, app: &'static str, metadata: &[(&str, &str)]| Row::new(&[("app", app)], at, &at.to_string(), metadata);
    vec![
        row(0, "api", &[("status", "200"), ("took", "250ms"), ("size", "1KB"), ("addr", "10.0.0.1")]),
        row(1, "api", &[("status", "404"), ("took", "1.5s"), ("size", "2KiB"), ("addr", "192.168.1.1")]),
        row(2, "web", &[("status", "abc"), ("took", "x"), ("size", "big"), ("addr", "host")]),
        row(3, "web", &[]),
        row(4, "web", &[("status", "200"), ("level", "ERROR")]),
    ]
}

fn options() -> LogOptions {
    LogOptions {
        limit: 100,
        direction: Direction::Forward,
        range: TimeRange::all(),
        interval_ns: 0,
        memory_max: usize::MAX,
    }
}

/// Line and, if any, error of each entry that stays.
fn kept(stages: &str) -> Vec<String> {
    let streams = log_query(&format!(r#"{{app=~".+"}} {stages}"#), &rows(), 2, &options()).expect(stages);
    let mut kept: Vec<String> = streams
        .iter()
        .flat_map(|stream| &stream.entries)
        .map(|entry| {
            let line = String::from_utf8_lossy(&entry.line);
            match (entry.parsed.get("__error__"), entry.parsed.get("__error_details__")) {
                (Some(error), Some(details)) => format!("{line} {error} {details}"),
                _ => line.into_owned(),
            }
        })
        .collect();
    kept.sort();
    kept
}

#[test]
fn compares_values() {
    for (stages, expected) in [
        (r#"| app="api""#, vec!["0", "1"]),
        (r#"| app!="api""#, vec!["2", "3", "4"]),
        (r#"| level="""#, vec!["0", "1", "2", "3"]),
        (r#"| level=~"(?i)error""#, vec!["4"]),
        (r#"| level!~"E.*""#, vec!["0", "1", "2", "3"]),
        (r#"| status="200" or status="404""#, vec!["0", "1", "4"]),
        (r#"| status="200" and app="api""#, vec!["0"]),
        ("| took > 1s", vec!["1", r#"2 LabelFilterErr time: invalid duration "x""#]),
        ("| size >= 2KB", vec!["1", r#"2 LabelFilterErr strconv.ParseFloat: parsing "": invalid syntax"#]),
        (r#"| status != 200"#, vec!["1", r#"2 LabelFilterErr strconv.ParseFloat: parsing "abc": invalid syntax"#]),
        (r#"| status >= 400 | __error__="""#, vec!["1"]),
        (
            r#"| status >= 400 | __error__!="""#,
            vec![r#"2 LabelFilterErr strconv.ParseFloat: parsing "abc": invalid syntax"#],
        ),
        (r#"| addr=ip("10.0.0.0/8")"#, vec!["0"]),
        (r#"| addr!=ip("10.0.0.0/8")"#, vec!["1"]),
        (
            r#"| status >= 400 or app="web""#,
            vec!["1", r#"2 LabelFilterErr strconv.ParseFloat: parsing "abc": invalid syntax"#, "3", "4"],
        ),
        (
            r#"| status >= 400 and took > 2s"#,
            vec![r#"2 LabelFilterErr strconv.ParseFloat: parsing "abc": invalid syntax"#],
        ),
    ] {
        assert_eq!(kept(stages), expected, "{stages}");
    }
}

#[test]
fn simplifies_regexes_as_loki_does() {
    for (pattern, expected) in [
        ("p", false),
        ("api", true),
        ("p.*", true),
        (".*p", true),
        (".*p.*", true),
        ("(?i)P.*", true),
        ("(p|q).*", false),
        ("p(i|xx).*", true),
        ("p[hi].*", false),
        ("a.+", true),
        ("p.+", false),
        ("x|p.*", true),
        ("x|api", true),
    ] {
        let matched = !kept(&format!(r#"| app=~"{pattern}""#)).is_empty();
        assert_eq!(matched, expected, "{pattern}");
        let refused = kept(&format!(r#"| app!~"{pattern}" | app="api""#)).is_empty();
        assert_eq!(refused, expected, "not {pattern}");
    }
}

fn labels(stages: &str) -> Vec<String> {
    let query = format!(r#"{{app=~".+"}} {stages}"#);
    let streams = log_query(&query, &rows(), 2, &options()).expect(stages);
    let merged = crate::merge_categories(streams, Direction::Forward);
    merged.iter().map(|stream| stream.labels.to_string()).collect()
}

#[test]
fn drops_and_keeps_labels() {
    for (stages, expected) in [
        (r#"|= "4" | drop status"#, vec![r#"{app="web", level="ERROR"}"#]),
        (r#"|= "4" | drop app, nope"#, vec![r#"{level="ERROR", status="200"}"#]),
        (
            r#"| app="web" | drop status="200", level=~"E.*", app="x", took, size, addr"#,
            vec![r#"{app="web", status="abc"}"#, r#"{app="web"}"#],
        ),
        (r#"|= "4" | keep level"#, vec![r#"{level="ERROR"}"#]),
        (
            r#"| keep app, status="200""#,
            vec![r#"{app="api", status="200"}"#, r#"{app="api"}"#, r#"{app="web", status="200"}"#, r#"{app="web"}"#],
        ),
        (
            r#"|= "2" | took > 1s | keep app"#,
            vec![r#"{__error__="LabelFilterErr", __error_details__="time: invalid duration \"x\"", app="web"}"#],
        ),
        (
            r#"|= "2" | took > 1s | drop __error__ | keep app"#,
            vec![r#"{__error_details__="time: invalid duration \"x\"", app="web"}"#],
        ),
        (r#"| drop status | status="200""#, vec![]),
    ] {
        let mut expected: Vec<&str> = expected;
        let mut actual = labels(stages);
        expected.sort_unstable();
        actual.sort();
        assert_eq!(actual, expected, "{stages}");
    }
}

#[test]
fn decolorizes_after_filters_that_came_later() {
    let coloured =
        [Row::new(&[("app", "a")], 0, "\x1b[31mred\x1b[0m one", &[]), Row::new(&[("app", "a")], 1, "plain", &[])];
    let lines = |query: &str| -> Vec<String> {
        let streams = log_query(query, &coloured, 9, &options()).expect(query);
        let entries = streams.iter().flat_map(|stream| &stream.entries);
        entries.map(|entry| String::from_utf8_lossy(&entry.line).into_owned()).collect()
    };
    assert_eq!(lines(r#"{app="a"} | decolorize"#), ["red one", "plain"]);
    assert_eq!(lines(r#"{app="a"} | decolorize |= "[31m""#), ["red one"]);
    assert_eq!(lines(r#"{app="a"} | decolorize | app="a" |= "red one""#), ["red one"]);
}
