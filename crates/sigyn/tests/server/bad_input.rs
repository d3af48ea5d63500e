//! Input that is wrong, hostile or absurd: a clear refusal, nothing lost beside it, no panic, bounded memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::{
    Answer, Header, JSON, PROTOBUF, PUSH, QUERY, QUERY_RANGE, Server, field, get, gzip, json_push, now,
};
use super::support::{number, post, post_form, protobuf_push, push_message, snappy};

const SECOND: i64 = 1_000_000_000;
const MEMORY_MIB_MAX: u64 = 640;

/// A refusal says why, with a status that tells the client not to try again (or to slow down).
#[track_caller]
fn assert_refused(what: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{what}: {} {:.300}", answer.status, answer.text());
    assert!(!answer.text().trim().is_empty(), "{what}: no reason given");
    assert!(answer.body.len() < 64 * 1024, "{what}: a reason of {} bytes", answer.body.len());
}

/// The server is alive, takes pushes, answers queries, and has not grown without bound.
#[track_caller]
fn assert_well(server: &mut Server) {
    assert!(server.is_running(), "{}", server.log());
    let t = now();
    let push = json_push(&json!({ "app": "after" }), &[(t, "still here".to_owned(), json!({}))]);
    let answer = post(server, PUSH, &[JSON], &push).expect("push");
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert!(number(server, r#"sum(count_over_time({app="after"}[1m]))"#, t + SECOND) >= 1.0);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    if let Some(memory) = server.peak_memory_mib() {
        println!("at most {memory} MiB of memory were used");
        assert!(memory < MEMORY_MIB_MAX, "{memory} MiB of memory were used");
    }
}

#[test]
fn malformed_bodies_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now();
    let good = push_message(br#"{app="x"}"#, &[(t, b"line")]);
    let good_json = json_push(&json!({ "app": "x" }), &[(t, "line".to_owned(), json!({}))]);
    let truncated = &good[..good.len() - 3];
    let gzipped = ("Content-Encoding", "gzip");
    let cases: Vec<(&str, Vec<Header>, Vec<u8>)> = vec![
        ("empty JSON", vec![JSON], b"".to_vec()),
        ("half of JSON", vec![JSON], good_json[..good_json.len() / 2].to_vec()),
        ("not JSON", vec![JSON], b"hello".to_vec()),
        ("JSON of another shape", vec![JSON], b"[1,2,3]".to_vec()),
        ("no streams", vec![JSON], b"{}".to_vec()),
        ("streams that are no list", vec![JSON], br#"{"streams":{"a":1}}"#.to_vec()),
        ("deeply nested JSON", vec![JSON], [b"[".repeat(200_000), b"]".repeat(200_000)].concat()),
        ("invalid UTF-8 in JSON", vec![JSON], b"{\"streams\":[{\"stream\":{\"a\":\"\xff\"},\"values\":[]}]}".to_vec()),
        ("a time that is a number", vec![JSON], br#"{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}"#.to_vec()),
        ("metadata that is a list", vec![JSON], metadata_push(t, &json!([1]))),
        ("metadata that is a number", vec![JSON], metadata_push(t, &json!({ "k": 1 }))),
        ("not gzip", vec![JSON, gzipped], good_json.clone()),
        ("half of gzip", vec![JSON, gzipped], gzip(&good_json)[..20].to_vec()),
        ("an unknown encoding", vec![JSON, ("Content-Encoding", "br")], good_json.clone()),
        ("no content type", vec![], good_json.clone()),
        ("JSON sent as protobuf", vec![PROTOBUF], good_json.clone()),
        ("empty protobuf", vec![PROTOBUF], Vec::new()),
        ("protobuf without snappy", vec![PROTOBUF], good.clone()),
        ("half of snappy", vec![PROTOBUF], snappy(&good)[..10].to_vec()),
        ("snappy of noise", vec![PROTOBUF], snappy(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        ("half of a message", vec![PROTOBUF], snappy(truncated)),
        ("a length past the end", vec![PROTOBUF], snappy(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])),
        ("invalid UTF-8 in labels", vec![PROTOBUF], snappy(&push_message(b"{app=\"\xff\xfe\"", &[(t, b"x")]))),
    ];
    for (what, headers, body) in &cases {
        let answer = post(&server, PUSH, headers, body).expect(what);
        assert_refused(what, &answer);
    }
    assert_well(&mut server);
}

fn metadata_push(t: i64, metadata: &Value) -> Vec<u8> {
    json!({ "streams": [{ "stream": { "a": "b" }, "values": [[t.to_string(), "x", metadata]] }] }).to_string().into()
}

#[test]
fn bombs_are_refused_in_bounded_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    // A snappy block that claims 4 GiB and holds a few bytes.
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, b'x'];
    assert_refused("a claim of 4 GiB", &post(&server, PUSH, &[PROTOBUF], &claim).expect("an answer"));
    // 400 MB of spaces inside JSON are 400 kB of gzip, and 20 MB of snappy.
    let spaces = [b"{\"streams\":[".as_slice(), &b" ".repeat(400_000_000)].concat();
    let answer = post(&server, PUSH, &[JSON, ("Content-Encoding", "gzip")], &gzip(&spaces)).expect("an answer");
    assert_refused("a gzip bomb", &answer);
    let answer = post(&server, PUSH, &[PROTOBUF], &snappy(&spaces)).expect("an answer");
    assert_refused("a snappy bomb", &answer);
    drop(spaces);
    assert_well(&mut server);
}

#[test]
fn absurd_streams_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now();
    let many = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("l{i}=\"v\"")).collect::<Vec<_>>().join(","));
    let labels: Vec<(&str, String)> = vec![
        ("no text", String::new()),
        ("an open brace", "{app=\"x\"".to_owned()),
        ("an open quote", "{app=\"x}".to_owned()),
        ("a name with a dash", "{a-b=\"x\"}".to_owned()),
        ("a name that starts with a digit", "{1a=\"x\"}".to_owned()),
        ("a matcher", "{app=~\"x\"}".to_owned()),
        ("a name twice", "{app=\"x\",app=\"y\"}".to_owned()),
        ("16 labels", many(16)),
        ("a million labels", many(1_000_000)),
        ("a name too long", format!("{{{}=\"v\"}}", "n".repeat(1025))),
        ("a value too long", format!("{{app=\"{}\"}}", "v".repeat(2049))),
    ];
    for (what, labels) in &labels {
        let answer = post(&server, PUSH, &[PROTOBUF], &protobuf_push(labels, &[(t, b"line")])).expect(what);
        assert_refused(what, &answer);
    }
    for (what, labels) in [
        // They become `unknown_service`.
        ("no labels", "{}".to_owned()),
        ("15 labels", many(15)),
        ("a longest name", format!("{{{}=\"v\"}}", "n".repeat(1024))),
        ("a longest value", format!("{{app=\"{}\"}}", "v".repeat(2048))),
    ] {
        let answer = post(&server, PUSH, &[PROTOBUF], &protobuf_push(&labels, &[(t, b"line")])).expect(what);
        assert_eq!(answer.status, 204, "{what}: {}", answer.text());
    }
    assert_well(&mut server);
}

#[test]
fn wrong_entries_are_refused_and_their_neighbours_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now();
    let line_bytes_max = 256 * 1024;
    let long = vec![b'x'; line_bytes_max + 1];
    let longest = vec![b'x'; line_bytes_max];
    let wrong: [(&str, i64, &[u8]); 6] = [
        ("the first instant", i64::MIN, b"early"),
        ("the last instant", i64::MAX, b"late"),
        ("before the epoch", -1, b"early"),
        ("older than a week", t - 8 * 24 * 3600 * SECOND, b"old"),
        ("an hour ahead", t + 3600 * SECOND, b"ahead"),
        ("a line too long", t, &long),
    ];
    for (i, (what, time, line)) in wrong.into_iter().enumerate() {
        let label = format!("{{case=\"c{i}\"}}");
        let body = protobuf_push(&label, &[(t, b"before"), (time, line), (t, b"after")]);
        let answer = post(&server, PUSH, &[PROTOBUF], &body).expect(what);
        assert_refused(what, &answer);
        let kept = number(&server, &format!("sum(count_over_time({label}[1m]))"), t + SECOND);
        assert_eq!(kept, 2.0, "{what}: the entries beside it");
    }
    let accepted: [(&str, &[u8]); 4] = [
        ("the longest line", &longest),
        ("an empty line", b""),
        ("bytes that are no UTF-8", b"\xff\xfe\x00"),
        ("a newline", b"a\nb"),
    ];
    for (what, line) in accepted {
        let answer = post(&server, PUSH, &[PROTOBUF], &protobuf_push("{ok=\"yes\"}", &[(t, line)])).expect(what);
        assert_eq!(answer.status, 204, "{what}: {}", answer.text());
    }
    // Seconds and nanoseconds that no clock has.
    let far = [field(1, &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 16, 1]), field(2, b"x")].concat();
    let body = field(1, &[field(1, b"{a=\"b\"}"), field(2, &far)].concat());
    assert_refused("a year past all years", &post(&server, PUSH, &[PROTOBUF], &snappy(&body)).expect("an answer"));
    assert_eq!(number(&server, r#"sum(count_over_time({ok="yes"}[1m]))"#, t + SECOND), 4.0);
    let found = get(&server, QUERY_RANGE, &[("query", r#"{ok="yes"}"#)]).expect("ask").data();
    assert_eq!(found["resultType"], "streams", "all of it is valid JSON");
    assert_well(&mut server);
}

#[test]
fn hostile_queries_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let line = (now(), "a".repeat(5000), json!({}));
    let answer = post(&server, PUSH, &[JSON], &json_push(&json!({ "app": "x" }), &[line])).expect("push");
    assert_eq!(answer.status, 204, "{}", answer.text());
    let nested = format!("{}1{}", "(".repeat(200_000), ")".repeat(200_000));
    let sum = format!("{}1", "1+".repeat(300_000));
    let long = format!("{{app=\"{}\"}}", "x".repeat(8_000_000));
    let filters = format!("{{app=\"x\"}}{}", "|=\"a\"".repeat(300_000));
    let refused: [(&str, &str); 9] = [
        ("nothing", ""),
        ("no query", "{"),
        ("no matcher that excludes", "{app=~\".*\"}"),
        ("a regex that does not close", "{app=\"x\"} |~ \"(a\""),
        ("a regex that explodes", "{app=\"x\"} |~ \"((((a{1000}){1000}){1000}){1000})\""),
        ("a matcher that explodes", "{app=~\"(x{1000}){1000}(x{1000}){1000}\"}"),
        ("repetition past the limit", "{app=\"x\"} |~ \"a{1001}\""),
        ("a range of nothing", "rate({app=\"x\"}[])"),
        ("deep nesting", &nested),
    ];
    for (what, query) in refused {
        let answer = post_form(&server, QUERY_RANGE, &[("query", query)]).expect(what);
        assert_refused(what, &answer);
    }
    // Long but not wrong: answered or refused, and the server lives.
    for (what, query) in [("a long sum", &sum), ("a long value", &long), ("many filters", &filters)] {
        match post_form(&server, QUERY_RANGE, &[("query", query)]) {
            Ok(answer) => assert!(answer.status < 500, "{what}: {} {:.200}", answer.status, answer.text()),
            // It may hang up before it has read all of a body that is too large.
            Err(_) => assert!(server.is_running(), "{what}: {}", server.log()),
        }
    }
    let slow = [("query", r#"{app="x"} |~ "(a*)*(a|aa)+b""#)];
    assert_eq!(get(&server, QUERY_RANGE, &slow).expect("ask").status, 200, "linear time whatever the pattern");
    assert_well(&mut server);
}

#[test]
fn wrong_parameters_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let cases: [(&str, &[(&str, &str)]); 13] = [
        (QUERY_RANGE, &[]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("start", "soon")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("end", "99999999999999999999999")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("start", "2000000000"), ("end", "1000000000")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("limit", "0")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("limit", "-1")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("limit", "5001")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("direction", "sideways")]),
        (QUERY_RANGE, &[("query", "rate({a=\"b\"}[1m])"), ("step", "0")]),
        (QUERY_RANGE, &[("query", "rate({a=\"b\"}[1m])"), ("step", "-5")]),
        (QUERY_RANGE, &[("query", "rate({a=\"b\"}[1m])"), ("step", "0.000001")]),
        (QUERY_RANGE, &[("query", "{a=\"b\"}"), ("start", "0"), ("end", "9999999999")]),
        (QUERY, &[("query", "{a=\"b\"}")]),
    ];
    for (path, parameters) in cases {
        assert_refused(&format!("{path} {parameters:?}"), &get(&server, path, parameters).expect("an answer"));
    }
    let ends = [("query", "sum(count_over_time({a=\"b\"}[1m]))"), ("time", "9223372036854775807")];
    assert!(get(&server, QUERY, &ends).expect("an answer").status < 500, "the last instant is a time");
    assert_well(&mut server);
}

#[test]
fn noise_instead_of_http_is_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let endless_header = [b"GET /ready HTTP/1.1\r\nX: ".to_vec(), b"x".repeat(10_000_000)].concat();
    let lying_length =
        b"POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nx".to_vec();
    let noise: [Vec<u8>; 4] =
        [b"\x16\x03\x01\x02\x00".repeat(1000), b"\r\n\r\n\0\0".to_vec(), endless_header, lying_length];
    for bytes in noise {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connect");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set a timeout");
        // The server may hang up while this is still being sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.read(&mut [0; 1024]);
    }
    assert_well(&mut server);
}
