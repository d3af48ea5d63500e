use super::*;

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Entries of line, structured metadata and parsed labels.
fn stream(entries: &[(&str, Pairs<'_>, Pairs<'_>)]) -> StreamEntries {
    let entry = |(line, metadata, parsed): &(&str, Pairs<'_>, Pairs<'_>)| Entry {
        timestamp: 0,
        line: line.as_bytes().to_vec(),
        structured_metadata: Labels::from_pairs(metadata.iter().copied()),
        parsed: Labels::from_pairs(parsed.iter().copied()),
    };
    StreamEntries { labels: Labels::from_pairs([("app", "x")]), entries: entries.iter().map(entry).collect() }
}

fn shown(fields: &[DetectedField]) -> Vec<String> {
    let parsers = |field: &DetectedField| field.parsers.iter().map(|p| p.name()).collect::<Vec<_>>().join("+");
    fields.iter().map(|f| format!("{} {} {} {}", f.label, f.kind.name(), f.cardinality, parsers(f))).collect()
}

#[test]
fn fields_of_metadata_and_lines() {
    let streams = [stream(&[
        (r#"{"n":1,"dur":"5ms"}"#, &[("trace", "a")], &[]),
        (r#"{"n":2,"nested":{"ok":true}}"#, &[("trace", "b")], &[]),
        ("n=2 size=10KB", &[("trace", "b")], &[]),
        ("", &[], &[]),
    ])];
    let fields = fields(&streams, 1000);
    assert_eq!(
        shown(&fields),
        [
            "dur duration 1 json",
            "n int 2 json+logfmt",
            "nested_ok boolean 1 json",
            "size bytes 1 logfmt",
            "trace string 2 "
        ]
    );
    assert_eq!(fields[2].json_path, ["nested", "ok"]);
}

#[test]
fn what_the_query_parsed_is_there_too() {
    let streams = [stream(&[("GET /x", &[], &[("method", "GET"), ("__error__", "E")]), ("a=1", &[], &[("a", "2")])])];
    assert_eq!(shown(&fields(&streams, 1000)), ["a int 2 logfmt", "method string 1 logfmt"]);
    assert_eq!(values(&streams, "a", 10), ["1", "2"]);
    assert_eq!(values(&streams, "__error__", 10), [""; 0]);
}

#[test]
fn the_last_value_decides_the_type() {
    let streams = [stream(&[("a=x", &[], &[]), ("a=1.5", &[], &[])])];
    assert_eq!(shown(&fields(&streams, 1000)), ["a float 2 logfmt"]);
}

#[test]
fn fields_and_values_are_limited() {
    let streams = [stream(&[("a=1 b=2", &[], &[]), ("a=3 c=4", &[], &[])])];
    assert_eq!(fields(&streams, 1).len(), 1);
    assert_eq!(shown(&fields(&streams, 2)), ["a int 2 logfmt", "b int 1 logfmt"]);
    assert_eq!(values(&streams, "a", 1), ["1"]);
}

#[test]
fn values_are_sorted_and_sizes_written_again() {
    let streams = [stream(&[("s=1.5MiB n=42", &[("s", "k")], &[]), ("s=abc", &[], &[])])];
    assert_eq!(values(&streams, "s", 10), ["1.6MB", "abc", "k"]);
    assert_eq!(values(&streams, "n", 10), ["42"]);
    assert_eq!(values(&streams, "nope", 10), [""; 0]);
}

#[test]
fn messages_of_json_lines() {
    for (line, expected) in [
        (r#"{"level":"info","msg":"a \"b\"","message":"c"}"#, Some(r#"a \"b\""#)),
        (r#"{"msg":5,"log":"x"}"#, Some("x")),
        (r#"{"level":"info"}"#, None),
        (r#"{"broken"#, None),
        ("msg=x", None),
    ] {
        assert_eq!(message(line.as_bytes()), expected.map(str::as_bytes), "{line}");
    }
}
