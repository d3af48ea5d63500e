use std::io::Write as _;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_795_309_200_000_000_000;

fn headers(content_type: &str, encoding: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).expect("a value"));
    if !encoding.is_empty() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).expect("a value"));
    }
    headers
}

fn decode_with(content_type: &str, encoding: &str, body: impl Into<Bytes>) -> Result<PushBatch, PushError> {
    decode(&headers(content_type, encoding), body.into(), &PushLimits::default(), &Rules, NOW)
}

fn decode_json(body: &Value) -> Result<PushBatch, PushError> {
    decode_with("application/json", "", body.to_string())
}

/// Streams as `labels`, then one line for each entry: time, line and metadata.
fn show(batch: &PushBatch) -> Vec<String> {
    let text = |span| String::from_utf8_lossy(batch.slice(span)).into_owned();
    let mut shown = Vec::new();
    for stream in &batch.streams {
        shown.push(stream.labels.to_string());
        for entry in &batch.entries[stream.entries.start as usize..stream.entries.end as usize] {
            let pairs = &batch.metadata[entry.metadata.start as usize..entry.metadata.end as usize];
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{}={}", text(*name), text(*value))).collect();
            shown.push(format!("{} {} [{}]", entry.ts, text(entry.line), pairs.join(" ")));
        }
    }
    shown
}

fn request(resource: Value, scope: Value, record: Value) -> Value {
    json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"scope": scope, "logRecords": [record]}]}]})
}

fn body_of(value: Value) -> Value {
    request(json!([]), json!({}), json!({"timeUnixNano": "1", "body": value}))
}

#[test]
fn resources_scopes_and_records_have_their_places() {
    let resource = json!([
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "k8s.pod.name", "value": {"stringValue": "shop-1"}},
        {"key": "host.name", "value": {"stringValue": "h"}},
        {"key": "host", "value": {"kvlistValue": {"values": [
            {"key": "cpu", "value": {"intValue": "8"}},
            {"key": "os", "value": {"kvlistValue": {"values": [{"key": "name", "value": {"stringValue": "linux"}}]}}}]}}},
    ]);
    let scope = json!({"name": "lib", "version": "1.0", "droppedAttributesCount": 3,
        "attributes": [{"key": "s", "value": {"boolValue": true}}]});
    let record = json!({"timeUnixNano": "1795309200000000001", "observedTimeUnixNano": 1795309200000000002_u64,
        "severityNumber": 17, "severityText": "Error", "body": {"stringValue": "boom"}, "flags": 1,
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "droppedAttributesCount": 2,
        "attributes": [{"key": "n", "value": {"doubleValue": 1.5}}, {"key": "l", "value": {"arrayValue": {"values": [
            {"stringValue": "a"}, {"intValue": 2}]}}}, {"key": "b", "value": {"bytesValue": "AAE"}}]});
    let batch = decode_json(&request(resource, scope, record)).expect("valid");
    assert_eq!(
        show(&batch),
        [
            r#"{k8s_pod_name="shop-1", service_name="shop"}"#,
            "1795309200000000001 boom [host.name=h host_cpu=8 host_os_name=linux s=true \
             scope_dropped_attributes_count=3 scope_name=lib scope_version=1.0 n=1.5 l=[\"a\",2] b=AAE= \
             observed_timestamp=1795309200000000002 severity_number=17 severity_text=Error dropped_attributes_count=2 \
             flags=1 trace_id=5b8efff798038103d269b633813fc60c span_id=eee19b7ec3c1b174]"
        ]
    );
}

#[test]
fn a_record_without_time_has_the_observed_one_or_now() {
    let record = |record| show(&decode_json(&request(json!([]), json!({}), record)).expect("valid")).pop();
    assert_eq!(record(json!({"observedTimeUnixNano": "5"})), Some("5  []".to_owned()));
    assert_eq!(record(json!({})), Some(format!("{NOW}  []")));
    assert_eq!(record(json!({"timeUnixNano": u64::MAX})), Some(format!("{}  []", i64::MAX)));
}

#[test]
fn bodies_become_lines() {
    for (value, line) in [
        (json!({"stringValue": "a\nb"}), "a\nb"),
        (json!({}), ""),
        (json!(null), ""),
        (json!({"intValue": -3}), "-3"),
        (json!({"boolValue": false}), "false"),
        (json!({"doubleValue": 1e21}), "1e+21"),
        (json!({"doubleValue": 1e-7}), "1e-7"),
        (json!({"doubleValue": 3.0}), "3"),
        (json!({"doubleValue": "NaN"}), "NaN"),
        (json!({"bytesValue": "aGk="}), "aGk="),
        (json!({"arrayValue": {"values": [{}, {"doubleValue": "Infinity"}]}}), r#"[null,"+Inf"]"#),
        (
            json!({"kvlistValue": {"values": [{"key": "z", "value": {"stringValue": "<\"\n\u{1}é>"}},
                {"key": "a", "value": {"intValue": "1"}}, {"key": "a", "value": {"intValue": "2"}}]}}),
            "{\"a\":2,\"z\":\"\\u003c\\\"\\n\\u0001é\\u003e\"}",
        ),
    ] {
        let shown = show(&decode_json(&body_of(value.clone())).expect("valid"));
        assert_eq!(shown[1], format!("1 {line} []"), "{value}");
    }
}

#[test]
fn names_may_be_those_of_the_proto_files_and_unknown_ones_are_passed_over() {
    let body = json!({"x": [1], "resource_logs": [{"schemaUrl": "u", "scope_logs": [{"log_records": [
        {"time_unix_nano": 7, "severity_number": "SEVERITY_NUMBER_WARN2", "body": {"string_value": "l"}}]}]}]});
    assert_eq!(show(&decode_json(&body).expect("valid")), ["{}", "7 l [severity_number=14]"]);
    // The resource counts wherever it stands.
    let text = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1}],"scope":{"name":"s"}}],
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]}}]}"#;
    let batch = decode_with("application/json", "", text).expect("valid");
    assert_eq!(show(&batch), [r#"{service_name="a"}"#, "1  [scope_name=s]"]);
}

#[test]
fn bad_bodies_are_refused_with_the_field() {
    let record = |record: Value| request(json!([]), json!({}), record).to_string();
    for (body, message) in [
        ("{".to_owned(), "json: EOF while parsing an object at line 1 column 1".to_owned()),
        ("[]".to_owned(), "json: invalid type: sequence, expected an object for ExportLogsServiceRequest".to_owned()),
        (
            record(json!({"timeUnixNano": "x"})),
            "json: timeUnixNano is \"x\", expected an integer from 0 to 18446744073709551615, or its text".to_owned(),
        ),
        (record(json!({"flags": -1})), "json: flags is -1, expected an integer from 0 to 4294967295".to_owned()),
        (record(json!({"traceId": "xyz"})), "json: traceId is \"xyz\", expected hexadecimal text".to_owned()),
        (record(json!({"traceId": "abcd"})), "proto: field traceId has 2 bytes, not 16".to_owned()),
        (record(json!({"severityNumber": "LOUD"})), "json: severityNumber is \"LOUD\"".to_owned()),
        (
            record(json!({"body": "text"})),
            "json: invalid type: string \"text\", expected an object for value".to_owned(),
        ),
        (record(json!({"attributes": {}})), "json: invalid type: map, expected an array for attributes".to_owned()),
        (
            record(json!({"attributes": [{"key": "..", "value": {"intValue": 1}}]})),
            "attribute name \"..\" has no letter or digit of ASCII".to_owned(),
        ),
    ] {
        let error = decode_with("application/json", "", body.clone()).expect_err(&message);
        assert_eq!(error.status, 400);
        assert!(error.message.starts_with(&message), "{body}: {error}");
    }
    let error = decode_with("application/x-protobuf", "", vec![0x0a, 0x05, 0x01]).expect_err("cut");
    assert_eq!((error.status, error.message.as_str()), (400, "unexpected EOF"));
    let error = decode_with("application/x-protobuf", "", vec![0x08, 0x01]).expect_err("a number");
    assert_eq!(error.message, "proto: wrong wireType = 0 for field resourceLogs");
}

#[test]
fn types_and_encodings_are_lokis() {
    let plain = body_of(json!({"stringValue": "x"})).to_string().into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let gzip = gzip.write_all(&plain).and_then(|()| gzip.finish()).expect("in memory");
    let zstd = zstd::encode_all(&*plain, 1).expect("in memory");
    for (encoding, body) in [("", &plain), ("identity", &plain), ("gzip", &gzip), ("zstd", &zstd)] {
        assert_eq!(show(&decode_with("application/json", encoding, body.clone()).expect(encoding))[1], "1 x []");
    }
    for (content_type, encoding, message) in [
        ("application/json; charset=utf-8", "", "content type: application/json; charset=utf-8 is not supported"),
        ("text/plain", "", "content type: text/plain is not supported"),
        ("application/json", "lz4", "unsupported content encoding lz4: only gzip and zstd are supported"),
    ] {
        let error = decode_with(content_type, encoding, plain.clone()).expect_err(message);
        assert_eq!((error.status, error.message.as_str()), (400, message));
    }
    for (encoding, body) in [("gzip", &plain), ("zstd", &plain), ("zstd", &zstd[..9].to_vec())] {
        let error = decode_with("application/json", encoding, body.clone()).expect_err(encoding);
        assert!(error.message.starts_with("couldn't decompress the body: "), "{error}");
    }
}

#[test]
fn small_bodies_that_mean_much_are_refused() {
    let limits = PushLimits { max_recv_msg_size: 1 << 20, max_decompressed_size: 1 << 20 };
    let sent = |body: Value| {
        decode(&headers("application/json", ""), body.to_string().into(), &limits, &Rules, NOW)
            .map(|batch| batch.memory_size())
            .map_err(|error| (error.status, error.message))
    };
    let attributes =
        |count| Value::from_iter((0..count).map(|at| json!({"key": format!("a{at}"), "value": {"intValue": 1}})));
    let records = |count| Value::from_iter(std::iter::repeat_n(json!({}), count));
    let spread = |pairs, entries| {
        json!({"resourceLogs": [{"resource": {"attributes": attributes(pairs)},
            "scopeLogs": [{"logRecords": records(entries)}]}]})
    };
    assert!(sent(spread(100, 100)).is_ok_and(|size| size < 2 << 20));
    let (status, message) = sent(spread(1000, 10_000)).expect_err("ten million pairs");
    assert!(status == 413 && message.contains("spread over its log records"), "{message}");

    // Names inside names: each level repeats all above it.
    let mut nested = json!({"intValue": 1});
    for _ in 0..20 {
        nested = json!({"kvlistValue": {"values": [{"key": "k".repeat(20_000), "value": nested}]}});
    }
    let record = json!({"attributes": [{"key": "a", "value": nested}]});
    assert_eq!(sent(request(json!([]), json!({}), record)).expect_err("long names").0, 413);

    let zeros = zstd::encode_all(&*vec![0; 2 << 20], 1).expect("in memory");
    let bomb = decode(&headers("application/x-protobuf", "zstd"), zeros.into(), &limits, &Rules, NOW);
    assert_eq!(bomb.expect_err("two MiB").status, 413);
}

#[test]
fn deep_values_are_refused() {
    let mut deep = json!({"intValue": 1});
    for _ in 0..45 {
        deep = json!({"arrayValue": {"values": [deep]}});
    }
    let error = decode_json(&body_of(deep)).expect_err("the JSON reader counts its own levels");
    assert!(error.message.contains("recursion limit"), "{error}");

    let mut list = vec![];
    for _ in 0..70 {
        // AnyValue.kvlist_value { values { key, value } }
        let mut pair = prefixed(0x0a, b"k");
        pair.extend(prefixed(0x12, &list));
        list = prefixed(0x32, &prefixed(0x0a, &pair));
    }
    for field in [prefixed(0x2a, &list), prefixed(0x32, &[prefixed(0x0a, b"k"), prefixed(0x12, &list)].concat())] {
        let body = prefixed(0x0a, &prefixed(0x12, &prefixed(0x12, &field)));
        let error = decode_with("application/x-protobuf", "", body).expect_err("70 levels");
        assert_eq!(error.message, "attribute or body has more than 64 values inside each other");
    }
}

/// A key, a length and bytes.
fn prefixed(key: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![key];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for content_type in ["application/x-protobuf", "application/json"] {
            let _ = decode_with(content_type, "", body.clone());
        }
    }

    #[test]
    fn nearly_valid_bodies_are_decoded_or_refused(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let value = request(
            json!([{"key": "service.name", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}}]),
            json!({"name": "s"}),
            json!({"timeUnixNano": "1", "traceId": "5B8EFFF798038103D269B633813FC60C", "body": {"arrayValue": {"values": [{"boolValue": true}]}}}),
        );
        let mut body = json::to_protobuf(value.to_string().as_bytes(), 1 << 20).expect("valid");
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(batch) = decode_with("application/x-protobuf", "", body) {
            show(&batch);
        }
    }
}
