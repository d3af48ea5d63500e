use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Value, json};
use sigyn_logql::{Entry, MatrixSeries, MetricResult, Sample, StreamEntries, VectorSample};
use sigyn_model::{Labels, Timestamp};
use sigyn_read::{DroppedEntry, IndexStats, QueryStats, TailEntry, TailFrame, VolumeSeries};

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}

#[test]
fn strings_are_escaped_as_go_does() {
    for (text, expected) in [
        ("plain", r#""plain""#),
        ("a\"b\\c\n\r\t\u{1}", r#""a\"b\\c\n\r\t\u0001""#),
        ("<a>&", r#""\u003ca\u003e\u0026""#),
        ("x\u{2028}y\u{2029}z\u{2027}", "\"x\\u2028y\\u2029z\u{2027}\""),
        ("日本 €🔥", "\"日本 €🔥\""),
    ] {
        let json = written(|out| string(out, text.as_bytes()));
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(text));
    }
    assert_eq!(written(|out| string(out, b"a\xff\xe2\x28b")), r#""a\ufffd\ufffd(b""#);
    assert!(is_plain("abc") && !is_plain("<"));
}

#[test]
fn values_are_shortest_without_exponent() {
    for (value, expected) in [
        (0.0, "\"0\""),
        (-0.0, "\"-0\""),
        (7.5, "\"7.5\""),
        (1e21, "\"1000000000000000000000\""),
        (1e-7, "\"0.0000001\""),
        (0.1 + 0.2, "\"0.30000000000000004\""),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"+Inf\""),
        (f64::NEG_INFINITY, "\"-Inf\""),
    ] {
        assert_eq!(written(|out| sample_value(out, value)), expected);
    }
}

#[test]
fn seconds_have_at_most_three_decimals() {
    for (nanos, expected) in [
        (1_795_403_113_181_000_000, "1795403113.181"),
        (1_795_403_113_181_999_999, "1795403113.181"),
        (1_795_309_200_000_000_000, "1795309200"),
        (1_500_000_000, "1.5"),
        (10_000_000, "0.01"),
        (-500_000_000, "-0.5"),
    ] {
        assert_eq!(written(|out| seconds(out, nanos)), expected);
    }
}

/// The answer as a value, after checking that `stats` has every key, and without it.
fn answer(result: QueryResult, flags: &str, warnings: &[&str]) -> Value {
    let headers = HeaderMap::from_iter([(
        axum::http::HeaderName::from_static("x-loki-response-encoding-flags"),
        flags.parse().expect("a value"),
    )]);
    let answer = QueryAnswer {
        result,
        stats: QueryStats { bytes_processed: 10, exec_time: Duration::from_millis(500), ..QueryStats::default() },
        warnings: warnings.iter().map(|&w| w.to_owned()).collect(),
        flags: EncodingFlags::from_headers(&headers),
    };
    let text = written(|out| query_answer(out, &answer));
    assert!(text.ends_with("}\n"));
    let mut value: Value = serde_json::from_str(&text).expect("an answer is JSON");
    let stats = value["data"].as_object_mut().and_then(|data| data.remove("stats")).expect("stats are there");
    assert_eq!(stats["summary"]["bytesProcessedPerSecond"], 20);
    assert_eq!(stats["cache"].as_object().map(serde_json::Map::len), Some(8));
    assert_eq!(stats["querier"]["store"]["dataobj"].as_object().map(serde_json::Map::len), Some(13));
    value
}

fn labels_of(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn entry(timestamp: i64, line: &str, metadata: &[(&str, &str)], parsed: &[(&str, &str)]) -> Entry {
    Entry {
        timestamp,
        line: line.as_bytes().to_vec(),
        structured_metadata: labels_of(metadata),
        parsed: labels_of(parsed),
    }
}

#[test]
fn streams_plain_and_categorized() {
    let streams = || {
        QueryResult::Streams(vec![StreamEntries {
            labels: labels_of(&[("app", "x")]),
            entries: vec![entry(2, "b", &[("id", "1")], &[("n", "4")]), entry(1, "a", &[], &[])],
        }])
    };
    assert_eq!(
        answer(streams(), "", &[]),
        json!({"status": "success", "data": {"resultType": "streams", "result": [
            {"stream": {"app": "x"}, "values": [["2", "b"], ["1", "a"]]},
        ]}})
    );
    assert_eq!(
        answer(streams(), "categorize-labels, other", &["partial"]),
        json!({"status": "success", "data": {"resultType": "streams", "encodingFlags": ["categorize-labels", "other"], "result": [
            {"stream": {"app": "x"}, "values": [
                ["2", "b", {"structuredMetadata": {"id": "1"}, "parsed": {"n": "4"}}],
                ["1", "a", {}],
            ]},
        ]}, "warnings": ["partial"]})
    );
    assert_eq!(
        answer(QueryResult::Streams(Vec::new()), "", &[]),
        json!({"status": "success", "data": {"resultType": "streams", "result": []}})
    );
}

#[test]
fn metric_results() {
    let sample = |timestamp, value| Sample { timestamp, value };
    let matrix = MetricResult::Matrix(vec![MatrixSeries {
        labels: labels_of(&[("app", "x")]),
        samples: vec![sample(1_000_000_000, 1.0), sample(1_500_000_000, f64::NAN)],
    }]);
    assert_eq!(
        answer(QueryResult::Metric(matrix), "", &[])["data"],
        json!({"resultType": "matrix", "result": [{"metric": {"app": "x"}, "values": [[1, "1"], [1.5, "NaN"]]}]})
    );
    let vector =
        MetricResult::Vector(vec![VectorSample { labels: Labels::default(), sample: sample(1_000_000_000, 0.5) }]);
    assert_eq!(
        answer(QueryResult::Metric(vector), "", &[])["data"],
        json!({"resultType": "vector", "result": [{"metric": {}, "value": [1, "0.5"]}]})
    );
    let scalar = MetricResult::Scalar(sample(1_795_309_200_000_000_000, 7.5));
    assert_eq!(
        answer(QueryResult::Metric(scalar), "", &[])["data"],
        json!({"resultType": "scalar", "result": [5_975_024_850_173_u64, "7.5"]})
    );
}

#[test]
fn volumes_are_a_vector_until_a_series_has_two_points() {
    let series = |points: &[(i64, u64)]| VolumeSeries {
        metric: vec![("app".to_owned(), "x".to_owned())],
        points: points.iter().map(|(time, bytes)| (Timestamp(*time), *bytes)).collect(),
    };
    assert_eq!(
        answer(QueryResult::Volume(vec![series(&[(1_000_000_000, 5)])]), "", &[])["data"],
        json!({"resultType": "vector", "result": [{"metric": {"app": "x"}, "value": [1, "5"]}]})
    );
    let two = vec![series(&[(999_000_000, 5), (2_000_000_000, 6)]), series(&[(999_000_000, 1)])];
    assert_eq!(
        answer(QueryResult::Volume(two), "", &[])["data"],
        json!({"resultType": "matrix", "result": [
            {"metric": {"app": "x"}, "values": [[0.999, "5"], [2, "6"]]},
            {"metric": {"app": "x"}, "values": [[0.999, "1"]]},
        ]})
    );
    assert_eq!(answer(QueryResult::Volume(Vec::new()), "", &[])["data"], json!({"resultType": "vector", "result": []}));
}

#[test]
fn lists() {
    assert_eq!(written(|out| strings(out, &[])), "{\"status\":\"success\"}\n");
    let names = ["a".to_owned(), "b\"".to_owned()];
    assert_eq!(written(|out| strings(out, &names)), "{\"status\":\"success\",\"data\":[\"a\",\"b\\\"\"]}\n");
    assert_eq!(written(|out| series(out, &[])), "{\"status\":\"success\",\"data\":[]}\n");
    let streams = [labels_of(&[("app", "x"), ("env", "y")]), labels_of(&[])];
    assert_eq!(
        written(|out| series(out, &streams)),
        "{\"status\":\"success\",\"data\":[{\"app\":\"x\",\"env\":\"y\"},{}]}\n"
    );
    let stats = IndexStats { streams: 1, chunks: 2, bytes: 3, entries: 4 };
    assert_eq!(written(|out| index_stats(out, &stats)), "{\"streams\":1,\"chunks\":2,\"bytes\":3,\"entries\":4}\n");
}

#[test]
fn tail_frames() {
    let tailed =
        TailEntry { labels: labels_of(&[("app", "x")]), entry: entry(5, "l", &[("id", "1")], &[("app", "y")]) };
    let frame = |history, dropped| TailFrame { entries: vec![tailed.clone()], dropped, history };
    let shown = |frame: &TailFrame, flags: &EncodingFlags| -> Value {
        serde_json::from_str(&written(|out| tail_frame(out, frame, flags))).expect("a frame is JSON")
    };
    let none = EncodingFlags::default();
    assert_eq!(
        shown(&frame(true, Vec::new()), &none),
        json!({"streams": [{"stream": {"app": "y", "id": "1"}, "values": [["5", "l"]]}]})
    );
    let dropped = vec![DroppedEntry { timestamp: Timestamp(7), labels: labels_of(&[("app", "z")]) }];
    assert_eq!(
        shown(&frame(false, dropped), &none),
        json!({
            "streams": [{"stream": {"app": "x"}, "values": [["5", "l"]]}],
            "dropped_entries": [{"timestamp": "7", "labels": {"app": "z"}}],
        })
    );
    let headers = HeaderMap::from_iter([(
        axum::http::HeaderName::from_static("x-loki-response-encoding-flags"),
        axum::http::HeaderValue::from_static("categorize-labels"),
    )]);
    assert_eq!(
        shown(&frame(true, Vec::new()), &EncodingFlags::from_headers(&headers)),
        json!({
            "streams": [{"stream": {"app": "x"}, "values": [["5", "l", {"structuredMetadata": {"id": "1"}, "parsed": {"app": "y"}}]]}],
            "encodingFlags": ["categorize-labels"],
        })
    );
}
