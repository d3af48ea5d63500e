use proptest::prelude::*;

use super::*;

/// The batch as text: labels, then each entry's time, line and metadata.
fn show(batch: &PushBatch) -> Vec<String> {
    let text = |span: Span32| String::from_utf8_lossy(batch.slice(span)).into_owned();
    let mut shown = Vec::new();
    for stream in &batch.streams {
        shown.push(stream.labels.to_string());
        for entry in &batch.entries[stream.entries.start as usize..stream.entries.end as usize] {
            let pairs = &batch.metadata[entry.metadata.start as usize..entry.metadata.end as usize];
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!(" {}={}", text(*name), text(*value))).collect();
            shown.push(format!("{} {}{}", entry.ts, text(entry.line), pairs.concat()));
        }
    }
    shown
}

fn check(kind: PathKind, body: &str, expected: &[&str]) {
    match decode(kind, Bytes::copy_from_slice(body.as_bytes())) {
        Ok(batch) => assert_eq!(show(&batch), expected, "{body}"),
        Err(error) => assert_eq!([error.message.as_str()], expected, "{body}"),
    }
}

#[test]
fn todays_form() {
    let v1 = |body: &str, expected: &[&str]| check(PathKind::V1, body, expected);
    v1(
        r#"{"streams":[{"stream":{"app":"x"},"values":[["17","line",{"trace_id":"1"}],["18"]]}]}"#,
        &[r#"{app="x"}"#, "17 line trace_id=1", "18 "],
    );
    v1(
        r#" { "x" : [1, {"y": [[]]}], "streams" : [ null, { "values" : [ null, [ "-5" , "a" , {} , 1, [2], {"z":null} ] ] , "stream" : { "n" : 1.5 , "t":true, "q":"a\"b" } } ] , "z":"" } "#,
        &[r#"{n="1.5", q="a\"b", t="true"}"#, "-5 a"],
    );
    v1(r#"{"streams":[{"stream":{},"values":[[]]}]}"#, &["{}", "-9223372036854775808 "]);
    v1(
        r#"{"streams":[{"stream":{"a":"1"},"values":null},{"stream":{"a":"2"},"values":[]}]}"#,
        &[r#"{a="1"}"#, r#"{a="2"}"#],
    );
    v1(r#"{"streams":null}"#, &[]);
    v1("null", &[]);
    v1("{}", &[]);
    // The last of several wins.
    v1(
        r#"{"streams":[{"stream":{"a":"1"},"values":[["1","x"]]}],"streams":[{"stream":{"a":"1","a":"2"},"stream":{"b":"1","b":"2"},"values":[["1","x",{"k":"v"}]],"values":[["2","y",{"m":"1","m":"2"}]]}]}"#,
        &[r#"{b="2"}"#, "2 y m=1 m=2"],
    );
}

#[test]
fn strings_are_unescaped_in_place() {
    let body = r#"{"streams":[{"stream":{"a\u0070p":"\u00e9\n"},"values":[["1","\"q\" \\ \/ \b\f\n\r\t \u00e9\u65e5 \ud83d\udd25 \ud83d \udd25x \ud83d\u0041",{"k":"v\"w"}],["2","plain"]]}]}"#;
    check(
        PathKind::V1,
        body,
        &[r#"{app="é\n"}"#, "1 \"q\" \\ / \x08\x0c\n\r\t é日 🔥 \u{fffd} \u{fffd}x \u{fffd}A k=v\"w", "2 plain"],
    );
    let batch = decode(
        PathKind::V1,
        Bytes::from_static(b"{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"a\xff\\n\xfe\"]]}]}"),
    );
    assert!(batch.is_ok_and(|batch| batch.slice(batch.entries[0].line) == b"a\xff\n\xfe"));
}

#[test]
fn what_is_not_a_push_says_so() {
    let in_streams = |values: &str| format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[{values}]}}]}}"#);
    for (values, problem) in [
        ("[17]", "found '1' where a string is expected, at byte 43"),
        (r#"["x"]"#, "'x' is not a timestamp in nanoseconds, at byte 44"),
        (r#"[""]"#, "'' is not a timestamp in nanoseconds, at byte 44"),
        (r#"["9223372036854775808"]"#, "'9223372036854775808' is not a timestamp in nanoseconds, at byte 44"),
        (r#"["1",2]"#, "found '2' where a string is expected, at byte 47"),
        (r#"["1",null]"#, "found 'n' where a string is expected, at byte 47"),
        (r#"["1","x",null]"#, "found 'n' where an object is expected, at byte 51"),
        (r#"["1","x",["a"]]"#, "found '[' where an object is expected, at byte 51"),
        (r#"["1","x",{"a":1}]"#, "found '1' where a string is expected, at byte 56"),
        (r#"["1","x",{"a":{}}]"#, "found '{' where a string is expected, at byte 56"),
        (r#"["1","x\q"]"#, "wrong escape in a string, at byte 49"),
        (r#"["1" "x"]"#, "found '\\\"' where ',' or ']' is expected, at byte 47"),
        (r#"["1","x"],"#, "found ']' where a value is expected, at byte 52"),
        ("1", "found '1' where an array is expected, at byte 42"),
    ] {
        let message = format!("loghttp.PushRequest.Streams: {problem}");
        check(PathKind::V1, &in_streams(values), &[&message]);
    }
    for (body, message) in [
        ("", "loghttp.PushRequest: unexpected end of the body, at byte 0"),
        ("[]", "loghttp.PushRequest: found '[' where an object is expected, at byte 0"),
        (r#"{"streams":[}"#, "loghttp.PushRequest.Streams: found '}' where a value is expected, at byte 12"),
        (r#"{"streams":[{"stream":{}"#, "loghttp.PushRequest.Streams: unexpected end of the body, at byte 24"),
        (r#"{"streams":[{"stream":{"a"#, "loghttp.PushRequest.Streams: a string is not closed, at byte 24"),
        (
            r#"{"streams":[{"stream":{"a-b":"x"},"values":[]}]}"#,
            "couldn't parse labels: 1:3: parse error: unexpected character inside braces: '-'",
        ),
        (r#"{"streams":[{"values":[["1","x"]]}]}"#, "couldn't parse labels: 1:1: parse error: unexpected end of input"),
        (r#"{"a":truth}"#, "loghttp.PushRequest: found 't' where a value is expected, at byte 5"),
        (r#"{"a":-}"#, "loghttp.PushRequest: found '-' where a value is expected, at byte 5"),
    ] {
        check(PathKind::V1, body, &[message]);
    }
}

#[test]
fn the_older_form() {
    check(
        PathKind::Legacy,
        r#"{"streams":[{"labels":"{app=\"x\"}","entries":[{"ts":"2024-01-01T00:00:00.5Z","line":"a","structuredMetadata":{"k":"v"}},{"line":null,"ts":"2024-01-01T01:00:00+01:00","other":[1]},{}]}]}"#,
        &[r#"{app="x"}"#, "1704067200500000000 a k=v", "1704067200000000000 ", "-9223372036854775808 "],
    );
    for (body, message) in [
        (
            r#"{"streams":[{"labels":"cat","entries":[{"ts":"yesterday"}]}]}"#,
            "push request.Streams: \"yesterday\" is not an RFC 3339 time, at byte 46",
        ),
        (
            r#"{"streams":[{"labels":"{a=x}","entries":[]}]}"#,
            "couldn't parse labels: 1:4: parse error: unexpected identifier \"x\" in label set, expected string",
        ),
        (
            r#"{"streams":[{"labels":1,"entries":[]}]}"#,
            "push request.Streams: found '1' where a string is expected, at byte 22",
        ),
    ] {
        check(PathKind::Legacy, body, &[message]);
    }
    check(
        PathKind::Legacy,
        r#"{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"9999-01-01T00:00:00Z"}]}]}"#,
        &[r#"{a="b"}"#, "9223372036854775807 "],
    );
}

#[test]
fn depth_and_width_are_bounded() {
    for deep in ["[".repeat(1_000_000), r#"{"a":"#.repeat(1_000_000)] {
        check(
            PathKind::V1,
            &format!(r#"{{"x":{deep}"#),
            &[&format!(
                "loghttp.PushRequest: values nest deeper than 128, at byte {}",
                5 + 128 * if deep.starts_with('[') { 1 } else { 5 }
            )],
        );
    }
    let nested = format!(r#"{{"x":{}1{}}}"#, "[".repeat(128), "]".repeat(128));
    check(PathKind::V1, &nested, &[]);
    let labels: Vec<String> = (0..1_000_000).map(|at| format!(r#""l{at}":"v""#)).collect();
    let wide = format!(r#"{{"streams":[{{"stream":{{{}}},"values":[]}}]}}"#, labels.join(","));
    check(PathKind::V1, &wide, &["couldn't parse labels: more than 10000 labels"]);
}

proptest! {
    #[test]
    fn decodes_what_others_encode(
        lines in proptest::collection::vec((any::<i64>(), ".{0,40}", proptest::collection::btree_map("[a-z]{1,4}", ".{0,8}", 0..3)), 0..6),
        app in ".{1,8}",
    ) {
        let values: Vec<_> = lines.iter().map(|(ts, line, pairs)| serde_json::json!([ts.to_string(), line, pairs])).collect();
        let body = serde_json::json!({"streams": [{"stream": {"app": app}, "values": values}]}).to_string();
        let batch = decode(PathKind::V1, body.into()).map_err(|error| TestCaseError::fail(error.message))?;
        let mut expected = vec![Labels::from_pairs([("app", app)]).to_string()];
        expected.extend(lines.iter().map(|(ts, line, pairs)| {
            let pairs: String = pairs.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{ts} {line}{pairs}")
        }));
        prop_assert_eq!(show(&batch), expected);
    }

    #[test]
    fn arbitrary_text_never_panics(body in r#"[\[\]{}",:\\u0-9a-f ntlstreamvu-]{0,80}"#) {
        let _ = decode(PathKind::V1, body.clone().into());
        let _ = decode(PathKind::Legacy, body.into());
    }

    #[test]
    fn damaged_pushes_never_panic(at in 0..90_usize, byte in any::<u8>(), cut in 0..90_usize) {
        let mut body = br#"{"streams":[{"stream":{"app":"x"},"values":[["17","li\ud83d\udd25ne",{"trace_id":"1"}],["18"]]}]}"#.to_vec();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        body.truncate(body.len().saturating_sub(cut));
        if let Ok(batch) = decode(PathKind::V1, body.into()) {
            let _ = show(&batch);
        }
    }
}
