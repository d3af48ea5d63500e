use sigyn_model::{Labels, Limits};

use super::*;

/// Labels, structured metadata, line, level.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a str, &'a str);

fn level_of(labels: &[(&str, &str)], metadata: &[(&str, &str)], line: &str) -> String {
    let limits = Limits::default();
    let detector = Detector::new(&limits);
    let labels = Labels::from_pairs(labels.iter().copied());
    let pairs = metadata.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let level = detector.in_labels(&labels).unwrap_or_else(|| detector.in_entry(pairs, line.as_bytes()));
    match level {
        Level::Known(known) => LEVELS[known.0 as usize].to_owned(),
        Level::Verbatim(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

fn check(cases: &[Case<'_>]) {
    for (labels, metadata, line, expected) in cases {
        assert_eq!(level_of(labels, metadata, line), *expected, "{labels:?} {metadata:?} {line}");
    }
}

#[test]
fn lines_speak_for_themselves() {
    let lines = [
        (r#"{"_entry":"inner log line","pod":"p-1","level":"debug"}"#, "debug"),
        ("UPPER lower MiXeD Error ERROR error eRRor", "error"),
        ("ts=2026-11-22T00:00:00Z level=INFO caller=main.go:42 msg=started", "info"),
        (r#"{"_entry":42}"#, "unknown"),
        ("\x1b[31mred error\x1b[0m and \x1b[1;32mgreen\x1b[0m", "unknown"),
        ("level=warn msg=\"quoted value\" dur=1.5s flag n=42", "warn"),
        ("dur=bad bytes=bad pct= temp=Inf", "unknown"),
        ("=novalue x=1", "unknown"),
        ("x==2 y=\"a=b\"", "unknown"),
        (r#"{"level":"info","msg":"with \"quotes\" and \u00e9\n newline"}"#, "info"),
        ("", "unknown"),
        (" ", "unknown"),
        ("level=trace n=0", "trace"),
        (r#"{"level": "DEBUG", "n": 1}"#, "debug"),
        ("[info] n 2", "info"),
        (r#"{"severity":"warn","n":3}"#, "warn"),
        ("level=warning n=4", "warn"),
        (r#"{"level": "ERROR", "n": 5}"#, "error"),
        ("[err] n 6", "error"),
        (r#"{"severity":"critical","n":7}"#, "critical"),
        ("level=fatal n=8", "fatal"),
        (r#"{"level": "UNKNOWN", "n": 9}"#, "unknown"),
        ("[trace] n 10", "trace"),
        (r#"{"severity":"debug","n":11}"#, "debug"),
        ("level=info n=12", "info"),
        (r#"{"level": "WARN", "n": 13}"#, "warn"),
        ("[warning] n 14", "warn"),
        (r#"{"severity":"error","n":15}"#, "error"),
        ("level=err n=16", "error"),
        (r#"{"level": "CRITICAL", "n": 17}"#, "critical"),
        ("[fatal] n 18", "fatal"),
        (r#"{"severity":"unknown","n":19}"#, "unknown"),
        ("user=alice action=login status=ok latency=0.120", "unknown"),
        ("127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 2326", "unknown"),
        ("level=TRC n=0", "trace"),
    ];
    for (line, expected) in lines {
        assert_eq!(level_of(&[], &[], line), expected, "{line}");
    }
}

#[test]
fn json_fields_count_in_the_order_written_and_to_depth_two() {
    let lines = [
        (r#"{"severity":"critical","level":"error"}"#, "critical"),
        (r#"{"level":"error","severity":"critical"}"#, "error"),
        (r#" { "a" : { "lvl" : "WARNING" } } "#, "warn"),
        (r#"{"a":{"b":{"level":"warn"}},"level":"error"}"#, "error"),
        (r#"{"a":{"b":{"level":"warn"}}}"#, "warn"), // the word itself
        (r#"{"a":{"b":{"level":"wrn"}}}"#, "unknown"),
        (r#"{"a":[{"level":"wrn"}],"n":1.5,"t":true,"level":"dbg"}"#, "debug"),
        (r#"{"level":30,"msg":"x"}"#, "unknown"),
        (r#"{"level":"loud","msg":"an error came"}"#, "error"),
        (r#"{"LEVEL":"Fatal"}"#, "fatal"),
        (r#"{"lEvel":"inf"}"#, "unknown"),
        (r#"{"s":"\"}{","level":"inf"}"#, "info"),
        (r#"{"level":"inf", broken }"#, "info"),
        (r#"{"a"}"#, "unknown"),
        (r#"{"a":"\"#, "unknown"),
        (r"{{{}", "unknown"),
    ];
    for (line, expected) in lines {
        assert_eq!(level_of(&[], &[], line), expected, "{line}");
    }
}

#[test]
fn logfmt_fields_count_in_the_order_of_the_list_and_in_any_case() {
    let lines = [
        ("severity=wrn level=err", "error"),
        ("SEVERITY=fatal x=1", "fatal"),
        ("lEvEl=inf", "info"),
        ("level=\"dbg\" x=1", "debug"),
        ("level=\"a \\\" b\" severity=inf", "unknown"),
        ("a=\"b\"c level=inf", "info"),
        ("a=b\"c level=inf", "unknown"),
        ("\"q\" level=inf", "unknown"),
        ("time=\"unterminated level=inf", "unknown"),
        ("level=loud an error: x=1", "error"),
        ("level= x=1", "unknown"),
    ];
    for (line, expected) in lines {
        assert_eq!(level_of(&[], &[], line), expected, "{line}");
    }
}

#[test]
fn words_count_when_they_stand_alone() {
    let lines = [
        ("warn before error", "warn"),
        ("an error before warn", "error"),
        ("information terror errors", "unknown"),
        ("[ERROR] x", "error"),
        ("debug: x", "debug"),
        ("misc:error", "unknown"),
        ("(warning)", "warn"),
        ("critical!", "critical"),
        ("fatal.", "unknown"),
        ("x info", "info"),
        ("err", "error"),
        ("é error é", "error"),
        ("éerror", "unknown"),
    ];
    for (line, expected) in lines {
        assert_eq!(level_of(&[], &[], line), expected, "{line}");
    }
}

#[test]
fn labels_come_before_metadata_and_metadata_before_the_line() {
    check(&[
        (&[("level", "WARN")], &[("level", "info")], "error", "warn"),
        (&[("severity", "x"), ("level", "inf")], &[], "error", "info"),
        (&[("level", "Loud")], &[], "error", "Loud"),
        (&[], &[("lvl", "trc"), ("severity_text", "fatal")], "error", "trace"),
        (&[], &[("severity_number", "17")], "info", "error"),
        (&[], &[("severity_number", "0")], "info", "unknown"),
        (&[], &[("severity_number", "99")], "info", "unknown"),
        (&[], &[("severity_number", "x")], "error", "info"),
        (&[], &[("trace_id", "1")], "error", "error"),
    ]);
}
