//! One life of a server as its users see it: push, ask, watch, stop, start, ask again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use super::support::{
    Header, JSON, PROTOBUF, PUSH, QUERY, QUERY_RANGE, Server, entries, get, gzip, json_push, now, number,
};
use super::support::{pause, post, post_form, protobuf_push};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

#[track_caller]
fn push(server: &Server, labels: &Value, lines: &[(i64, &str)]) {
    let entries: Vec<_> = lines.iter().map(|(time, line)| (*time, (*line).to_owned(), json!({}))).collect();
    let answer = post(server, PUSH, &[JSON], &json_push(labels, &entries)).expect("push");
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// `start` and `end` around the hour before `now`.
fn around(now: i64) -> (String, String) {
    ((now - HOUR).to_string(), (now + SECOND).to_string())
}

#[track_caller]
fn ask(server: &Server, path: &str, now: i64, more: &[(&str, &str)]) -> Value {
    let (start, end) = around(now);
    let parameters: Vec<_> =
        [("start", start.as_str()), ("end", &end)].into_iter().chain(more.iter().copied()).collect();
    get(server, path, &parameters).expect("ask").json()
}

/// All lines of all streams, oldest first; of one instant as the answer has them.
fn lines(data: &Value) -> Vec<String> {
    let mut entries = entries(data);
    entries.sort_by_key(|(time, _)| *time);
    entries.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn what_is_pushed_is_found_before_and_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    let api = json!({ "app": "api", "env": "prod" });
    push(&server, &api, &[(t, "GET /a 200"), (t + SECOND, "GET /b 500 error"), (t + 2 * SECOND, "GET /c 200")]);
    push(&server, &json!({ "app": "db", "env": "prod" }), &[(t + SECOND, "slow statement")]);
    check_queries(&server, t);
    check_metadata(&server, t);
    server.stop();
    let server = Server::start(dir.path());
    check_queries(&server, t);
    check_metadata(&server, t);
}

fn check_queries(server: &Server, t: i64) {
    let newest = ask(server, QUERY_RANGE, t + 10 * SECOND, &[("query", r#"{app="api"}"#), ("limit", "2")]);
    assert_eq!(lines(&newest["data"]), ["GET /b 500 error", "GET /c 200"], "{newest}");
    let oldest = [("query", r#"{app="api"} |= "200""#), ("direction", "forward")];
    let oldest = ask(server, QUERY_RANGE, t + 10 * SECOND, &oldest);
    assert_eq!(lines(&oldest["data"]), ["GET /a 200", "GET /c 200"], "{oldest}");
    let labels = &oldest["data"]["result"][0]["stream"];
    assert_eq!((&labels["app"], &labels["service_name"]), (&json!("api"), &json!("api")), "{labels}");
    assert_eq!(number(server, r#"sum(count_over_time({env="prod"}[5m]))"#, t + 10 * SECOND), 4.0);
    let by_app = [("query", r#"sum by (app) (count_over_time({env="prod"}[1m]))"#), ("step", "30")];
    let by_app = ask(server, QUERY_RANGE, t + 10 * SECOND, &by_app);
    assert_eq!(by_app["data"]["resultType"], "matrix");
    assert_eq!(by_app["data"]["result"].as_array().map(Vec::len), Some(2), "{by_app}");
    assert!(by_app["data"]["stats"]["summary"]["totalLinesProcessed"].is_u64(), "{by_app}");
}

fn check_metadata(server: &Server, t: i64) {
    let list = |path: &str, more: &[(&str, &str)]| ask(server, path, t + 10 * SECOND, more)["data"].clone();
    assert_eq!(list("/loki/api/v1/labels", &[]), json!(["app", "env", "service_name"]));
    assert_eq!(list("/loki/api/v1/label/app/values", &[]), json!(["api", "db"]));
    assert_eq!(list("/loki/api/v1/label/app/values", &[("query", r#"{app=~"d.*"}"#)]), json!(["db"]));
    let series = list("/loki/api/v1/series", &[("match[]", r#"{app="db"}"#)]);
    assert_eq!(series, json!([{ "app": "db", "env": "prod", "service_name": "db" }]));
    let stats = ask(server, "/loki/api/v1/index/stats", t + 10 * SECOND, &[("query", r#"{env="prod"}"#)]);
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(2), &json!(4)), "{stats}");
    let volume = ask(server, "/loki/api/v1/index/volume", t + 10 * SECOND, &[("query", r#"{env="prod"}"#)]);
    assert_eq!(volume["data"]["resultType"], "vector", "{volume}");
}

#[test]
fn every_way_to_push_arrives() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    let one = |way: &str| json_push(&json!({ "way": way }), &[(t, format!("by {way}"), json!({ "trace_id": "t1" }))]);
    let protobuf = protobuf_push(r#"{way="protobuf"}"#, &[(t, b"by protobuf")]);
    let legacy = json!({ "streams": [{ "labels": "{way=\"legacy\"}", "entries": [{ "ts": rfc3339(t), "line": "by legacy" }] }] });
    let pushes: [(&str, &[Header], Vec<u8>); 5] = [
        (PUSH, &[JSON], one("json")),
        (PUSH, &[JSON, ("Content-Encoding", "gzip")], gzip(&one("gzip"))),
        (PUSH, &[PROTOBUF], protobuf),
        ("/api/prom/push", &[JSON], legacy.to_string().into_bytes()),
        (PUSH, &[("Content-Type", "application/json; charset=utf-8")], one("charset")),
    ];
    for (path, headers, body) in pushes {
        let answer = post(&server, path, headers, &body).expect("push");
        assert_eq!(answer.status, 204, "{headers:?}: {}", answer.text());
        assert!(answer.body.is_empty(), "{}", answer.text());
    }
    let (start, end) = around(now());
    let form = [("query", r#"{way=~".+"}"#), ("start", &start), ("end", &end)];
    let found = post_form(&server, QUERY_RANGE, &form).expect("ask").data();
    let mut found = lines(&found);
    found.sort();
    assert_eq!(found, ["by charset", "by gzip", "by json", "by legacy", "by protobuf"]);
    let labels = ask(&server, QUERY_RANGE, now(), &[("query", r#"{way="gzip"}"#)]);
    assert_eq!(labels["data"]["result"][0]["stream"]["trace_id"], "t1", "{labels}");
}

/// Seconds are enough here.
fn rfc3339(nanos: i64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", nanos / SECOND), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .expect("run date");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn an_entry_pushed_twice_is_one_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    for _ in 0..3 {
        push(&server, &json!({ "app": "twice" }), &[(t, "same"), (t, "other"), (t, "same")]);
    }
    assert_eq!(number(&server, r#"sum(count_over_time({app="twice"}[5m]))"#, now()), 2.0);
    let found = ask(&server, QUERY_RANGE, now(), &[("query", r#"{app="twice"}"#), ("direction", "forward")]);
    assert_eq!(lines(&found["data"]), ["same", "other"]);
}

#[test]
fn tail_shows_lines_as_they_come() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set a timeout");
    let url =
        format!("ws://127.0.0.1:{}/loki/api/v1/tail?query=%7Bapp%3D%22live%22%7D%20%7C%3D%20%22yes%22", server.port);
    let (mut socket, _) = tungstenite::client(url, stream).expect("open the tail");
    push(&server, &json!({ "app": "live" }), &[(now(), "no"), (now(), "yes, this one")]);
    push(&server, &json!({ "app": "other" }), &[(now(), "yes, but of another stream")]);
    let frame = loop {
        match socket.read().expect("a frame within the time") {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["streams"].as_array().is_some_and(|streams| !streams.is_empty()) {
                    break frame;
                }
            }
            Message::Close(reason) => panic!("closed: {reason:?}"),
            _ => {}
        }
    };
    assert_eq!(frame["streams"].as_array().map(Vec::len), Some(1), "{frame}");
    assert_eq!(frame["streams"][0]["stream"]["app"], "live", "{frame}");
    assert_eq!(frame["streams"][0]["values"][0][1], "yes, this one", "{frame}");
}

#[test]
fn a_stop_answers_what_it_has_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    let mut waiting = Vec::new();
    for i in 0..8 {
        let body = json_push(&json!({ "app": "late" }), &[(t + i, format!("line {i}"), json!({}))]);
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connect");
        let head = format!(
            "POST {PUSH} HTTP/1.1\r\nHost: sigyn\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("send a push");
        waiting.push(stream);
    }
    // Long enough to be taken from the socket, shorter than a flush and its fsync take together.
    pause(20);
    server.ask_to_stop();
    for mut stream in waiting {
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set a timeout");
        stream.read_to_string(&mut answer).expect("an answer, then the end");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    assert!(server.wait().success(), "{}", server.log());
    let server = Server::start(dir.path());
    assert_eq!(number(&server, r#"sum(count_over_time({app="late"}[5m]))"#, now()), 8.0);
}

#[test]
fn operators_see_what_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    push(&server, &json!({ "app": "x" }), &[(now(), "line")]);
    let text = |path: &str, parameters: &[(&str, &str)]| {
        let answer = get(&server, path, parameters).expect("ask");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    };
    assert_eq!(text("/ready", &[]).trim(), "ready");
    let metrics = text("/metrics", &[]);
    assert!(metrics.contains("sigyn_write_") && metrics.contains("# TYPE "), "{metrics}");
    let config = text("/config", &[]);
    assert!(config.contains("http_listen_port") && config.contains("max_line_size"), "{config}");
    let build: Value = serde_json::from_str(&text("/loki/api/v1/status/buildinfo", &[])).expect("JSON");
    assert!(build["version"].as_str().is_some_and(|version| !version.is_empty()), "{build}");
    let formatted = text("/loki/api/v1/format_query", &[("query", r#"sum(rate({a="b"}[5m]))by(c)"#)]);
    assert!(formatted.contains(r#"sum by (c)(rate({a=\"b\"}[5m]))"#), "{formatted}");
    let health = ask(&server, QUERY, now(), &[("query", "1+1")]);
    assert_eq!(health["status"], "success");
    assert_eq!(get(&server, "/nope", &[]).expect("ask").status, 404);
}
