//! Parsers and formats over whole queries: labels, lines and errors of the entries that stay.

use sigyn_model::TimeRange;

use crate::collector::{Direction, LogOptions};
use crate::error::Error;
use crate::series::{MetricResult, SeriesLimit, Steps};
use crate::testing::{Row, log_query, metric_query};

const JSON: &str = r#"{"level":"error","msg":"boom","code":500,"ok":false,"ratio":0.25,"nil":null,"nested":{"a":1,"b":{"c":"deep"}},"arr":[1,2,{"x":3}]}"#;
const COLLIDES: &str = r#"{"level":"info","app":"collides","trace_id":"new","empty":""}"#;
const LOGFMT: &str = r#"level=warn msg="quoted value" dur=1.5s empty= flag n=42"#;
const ACCESS: &str = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;

fn options() -> LogOptions {
    LogOptions {
        limit: 100,
        direction: Direction::Forward,
        range: TimeRange::all(),
        interval_ns: 0,
        memory_max: usize::MAX,
    }
}

/// Each entry that stays of `lines`, all of stream `{app="a"}` with `trace_id="t"`: structured metadata and parsed labels,
/// and behind `=>` the line when it is a new one. Labels without `trace_id` are printed alone.
fn run(stages: &str, lines: &[&str]) -> Vec<String> {
    let rows: Vec<Row> =
        (0..).zip(lines).map(|(at, line)| Row::new(&[("app", "a")], at, line, &[("trace_id", "t")])).collect();
    let streams = log_query(&format!(r#"{{app=~".+"}} {stages}"#), &rows, 3, &options()).expect(stages);
    let mut entries: Vec<(i64, String)> = Vec::new();
    for stream in streams {
        for entry in &stream.entries {
            let mut text: Vec<String> = [&stream.labels, &entry.structured_metadata, &entry.parsed]
                .into_iter()
                .flat_map(|labels| labels.iter())
                .filter(|pair| ![("app", "a"), ("trace_id", "t")].contains(pair))
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            for (name, labels) in [("app", &stream.labels), ("trace_id", &entry.structured_metadata)] {
                if labels.get(name).is_none() {
                    text.push(format!("-{name}"));
                }
            }
            let line = String::from_utf8_lossy(&entry.line);
            if !lines.contains(&&*line) {
                text.push(format!("=> {line}"));
            }
            entries.push((entry.timestamp, text.join(" ")));
        }
    }
    entries.sort();
    entries.into_iter().map(|(_, text)| text).collect()
}

fn check(stages: &str, line: &str, expected: &str) {
    assert_eq!(run(stages, &[line]), [expected], "{stages} on {line}");
}

fn gone(stages: &str, line: &str) {
    assert_eq!(run(stages, &[line]), [""; 0], "{stages} on {line}");
}

#[test]
fn json_flattens_and_renames() {
    check("| json", JSON, "code=500 level=error msg=boom nested_a=1 nested_b_c=deep ok=false ratio=0.25");
    check("| json", COLLIDES, "app_extracted=collides empty= level=info trace_id_extracted=new");
    check(
        "| json",
        "plain",
        "__error__=JSONParserErr __error_details__=Value looks like object, but can't find closing '}' symbol",
    );
    check("| json", r#"{"bad json": "#, "__error__=JSONParserErr __error_details__=Malformed JSON error");
    check("| json", r#"{"dup":1,"dup":2}"#, "dup=1");
    check("| json", r#"{"":"empty key"}"#, "");
    check("| drop trace_id | json", COLLIDES, "app_extracted=collides empty= level=info trace_id=new -trace_id");
}

#[test]
fn json_paths() {
    check("| json code, msg", JSON, "code=500 msg=boom");
    check("| json code, msg", "{}", "code= msg=");
    check("| json code", "", "");
    check("| json code", "plain", "__error__=JSONParserErr");
    check("| json code", r#""just a string""#, "code=");
    check(r#"| json first="arr[0]", obj="arr[2].x", all="arr""#, JSON, r#"all=[1,2,{"x":3}] first=1 obj=3"#);
    check(r#"| json nested, nil"#, JSON, r#"nested={"a":1,"b":{"c":"deep"}} nil="#);
    check(r#"| json app"#, COLLIDES, "app_extracted=collides");
    check(r#"| json app, trace_id"#, "{}", "");
}

#[test]
fn empty_labels_are_chosen_by_value() {
    check(r#"| json level, empty | drop empty="""#, COLLIDES, "level=info");
    check(r#"| json level, empty | drop empty=~".+", level=~".*""#, COLLIDES, "empty=");
    check(r#"| json level, empty | keep app, trace_id, empty=~".+""#, COLLIDES, "");
}

#[test]
fn logfmt_pairs() {
    check("| logfmt", LOGFMT, "dur=1.5s level=warn msg=quoted value n=42");
    check("| logfmt --keep-empty", LOGFMT, "dur=1.5s empty= flag= level=warn msg=quoted value n=42");
    check("| logfmt", "a=1 b=2 a=3", "a=1 b=2");
    check("| logfmt", "a==1 b=2", "b=2");
    let error = "__error__=LogfmtParserErr __error_details__=logfmt syntax error at pos 7 : unexpected '='";
    check("| logfmt --strict", "b=2 a==1 c=3", &format!("{error} b=2"));
    check("| logfmt app, level", "app=x level=y", "app_extracted=x level=y");
    check(r#"| logfmt l="level", d="dur", e="nope""#, LOGFMT, "d=1.5s e= l=warn");
    check("| logfmt level", "plain", "level=");
}

#[test]
fn regexp_pattern_and_unpack() {
    check(r#"| regexp "(?P<rep>zzz)?user=(?P<app>\\w+)""#, "user=alice", "app_extracted=alice rep=");
    check(r#"| regexp "(?P<x>\\d+)""#, "none", "");
    check(
        r#"| pattern "<ip> - <user> [<_>] \"<method> <path> <_>\" <status> <_>""#,
        ACCESS,
        "ip=127.0.0.1 method=GET path=/apache_pb.gif status=200 user=frank",
    );
    check(r#"| pattern "<a> - <b>""#, "nothing", "a=nothing");
    check(r#"| pattern "x<a>""#, "nothing", "");
    let packed = r#"{"_entry":"inner","pod":"p","app":"x","count":3}"#;
    check("| unpack", packed, "app_extracted=x pod=p => inner");
    check("| unpack", r#"{"pod":"p"}"#, "");
    check("| unpack", r#"{"_entry":42,"pod":"p"}"#, "");
    check("| unpack", "", "");
    check("| unpack", "[1]", "__error__=JSONParserErr __error_details__=expecting json object(6), but it is not");
    check(r#"| unpack |= "inner""#, packed, "app_extracted=x pod=p => inner");
    gone(r#"| unpack | pod="q""#, packed);
}

#[test]
fn the_first_parser_wins() {
    let line = r#"{"a":"json","b":"1"} a=logfmt c=2"#;
    check("| json | logfmt", line, "a=json b=1 c=2");
    check(r#"| json | label_format a="new" | logfmt"#, line, "a=new b=1 c=2");
    check("| json | drop a | logfmt", line, "b=1 c=2");
    check(r#"| label_format a="new" | json"#, line, "a=new b=1");
}

#[test]
fn filters_of_one_label_stop_parsers() {
    gone(r#"| json | level="info""#, JSON);
    gone(r#"| json | nested_b_c="x""#, JSON);
    gone(r#"| logfmt | n=42 | level="info""#, LOGFMT);
    check("| logfmt | n=42 | n>1", LOGFMT, "dur=1.5s level=warn msg=quoted value n=42");
    check(
        r#"| json | level="error""#,
        r#"{"level":"error","x":1"#,
        &[
            "__error__=JSONParserErr __error_details__=Value looks like object, but can't find closing '}' symbol",
            "level=error x=1",
        ]
        .join(" "),
    );
    gone(r#"| json | level="info""#, r#"{"level":"error","x":1"#);
    check("| json | code>=500", JSON, "code=500 level=error msg=boom nested_a=1 nested_b_c=deep ok=false ratio=0.25");
    gone("| json | code=500", "plain");
    check(
        "| json | code=500",
        r#"{"code":500"#,
        &[
            "__error__=JSONParserErr __error_details__=Value looks like object, but can't find closing '}' symbol",
            "code=500",
        ]
        .join(" "),
    );
    // As Loki does, filters count although another stage stands between, or they stand in front.
    gone(r#"| json | label_format level="x" | level="x""#, JSON);
    gone(r#"| level="" | json"#, JSON);
}

#[test]
fn line_format_changes_the_line() {
    check("| json | line_format `{{.level}}: {{.msg}}`| drop level, msg | keep app, trace_id", JSON, "=> error: boom");
    check("| line_format `{{.app}}`", "x", "=> a");
    check("| line_format `{{.nope}}`", "x", "=> ");
    check("| line_format `{{__line__ | ToUpper}}` |= `X` | line_format `<{{__line__}}>`", "x", "=> <X>");
    gone("| line_format `{{__line__ | ToUpper}}` |= `x`", "x");
    check("| line_format `{{__timestamp__ | unixEpochNanos}} {{ now | unixEpoch }}`", "x", "=> 0 0");
    check(
        "| line_format `{{ div 1 0 }}`",
        "x",
        "__error__=TemplateFormatErr __error_details__=template: line:1:3: executing \"line\" at <div 1 0>: error calling div: runtime error: integer divide by zero",
    );
    assert_eq!(run("|= `b` | line_format `{{__line__}}!`", &["a", "b", "ab", "c", "b"]), ["=> b!", "=> ab!", "=> b!"]);
}

#[test]
fn label_format_renames_and_formats() {
    check("| logfmt | label_format who=user", "user=bob", "who=bob");
    check("| logfmt | label_format who=nobody", "user=bob", "user=bob");
    check("| logfmt | label_format user=action,action=user", "user=bob action=buy", "action=buy");
    check("| label_format b=app", "x", "b=a -app");
    check("| label_format app=app", "x", "-app");
    check("| logfmt | label_format user=app", "user=bob", "user=bob -app");
    check("| logfmt | label_format x=user, user=`{{.x}}{{.user}}`, y=`{{.user}}`", "user=bob", "user=bob x=bob y=");
    check("| label_format app=`{{.app}}2`", "x", "app=a2 -app");
    check(
        "| label_format x=`{{ div 1 0 }}`, y=`1`",
        "x",
        "__error__=TemplateFormatErr __error_details__=template: label:1:3: executing \"label\" at <div 1 0>: error calling div: runtime error: integer divide by zero y=1",
    );
}

#[test]
fn stages_that_cannot_be_built_are_refused() {
    for (stages, expected) in [
        (
            r#"| line_format "{{nofunc .x}}""#,
            r#"invalid line template: template: line:1: function "nofunc" not defined"#,
        ),
        ("| label_format x=y,x=z", "multiple label name 'x' not allowed in a single format operation"),
        ("| label_format __error__=y", "__error__ cannot be formatted"),
        (r#"| label_format x="{{""#, "invalid template for label 'x': template: label:1: unclosed action"),
        (r#"| logfmt x="a.b""#, "cannot parse expression [a.b]: unexpected char ."),
    ] {
        let error = log_query(&format!(r#"{{app="a"}} {stages}"#), &[], 3, &options()).expect_err(stages);
        assert_eq!(error.to_string(), format!("parse error : stage '{stages}' : {expected}"));
    }
}

fn metric(query: &str) -> Result<MetricResult, Error> {
    let lines = [JSON, "plain", r#"{"level":"info","n":"1"}"#];
    let rows: Vec<Row> = (1..).zip(lines).map(|(at, line)| Row::new(&[("app", "a")], at, line, &[])).collect();
    let steps = Steps { start: 10, end: 10, step: 1 };
    metric_query(query, &rows, 2, steps, SeriesLimit { series: 100, memory: 1 << 20 })
}

fn values(query: &str) -> Vec<String> {
    let Ok(MetricResult::Matrix(series)) = metric(query) else { panic!("{query}: {:?}", metric(query)) };
    let mut text: Vec<String> =
        series.iter().map(|series| format!("{} {}", series.labels, series.samples[0].value)).collect();
    text.sort();
    text
}

#[test]
fn metric_queries_extract_what_they_need() {
    assert_eq!(values(r#"sum(count_over_time({app="a"} | json [1s]))"#), ["{} 3"]);
    let query = r#"sum by (level) (count_over_time({app="a"} | json | __error__="" [1s]))"#;
    assert_eq!(values(query), [r#"{level="error"} 1"#, r#"{level="info"} 1"#]);
    let query = r#"sum by (level, __error__) (count_over_time({app="a"} | json [1s]))"#;
    assert_eq!(values(query), [r#"{__error__="JSONParserErr"} 1"#, r#"{level="error"} 1"#, r#"{level="info"} 1"#]);
    let query = r#"sum by (l) (count_over_time({app="a"} | json | level="info" | label_format l=level [1s]))"#;
    assert_eq!(values(query), [r#"{l="info"} 1"#]);
    let query = r#"sum(bytes_over_time({app="a"} |= "info" | json | line_format "{{.level}}" [1s]))"#;
    assert_eq!(values(query), ["{} 4"]);
}

#[test]
fn ungrouped_queries_test_values_early() {
    let query = |group: &str| {
        format!(
            r#"sum {group} (count_over_time({{app="a"}} | json | label_format level="x" | level="x" | __error__="" [1s]))"#
        )
    };
    assert_eq!(values(&query("")), [""; 0]);
    assert_eq!(values(&query("by (level)")), [r#"{level="x"} 2"#]);
}

#[test]
fn metric_queries_fail_on_failed_entries() {
    let error = metric(r#"count_over_time({app="a"} | json [1s])"#).expect_err("a broken line").to_string();
    let expected = "pipeline error: 'JSONParserErr' for series: '{__error__=\"JSONParserErr\", __error_details__=\"Value looks like object, but can't find closing '}' symbol\", app=\"a\"}'.";
    assert!(error.starts_with(expected), "{error}");
    assert!(metric(r#"sum by (level) (count_over_time({app="a"} | json [1s]))"#).is_err());
}
