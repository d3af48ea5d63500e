//! The client commands of the binary, against the server in the same binary.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::support::{JSON, PUSH, Server, json_push, now, post};

const SECOND: i64 = 1_000_000_000;

/// A command that knows the server and nothing of whoever runs the tests.
pub(crate) fn sigyn(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sigyn"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LOKI_") || name.starts_with("SIGYN_")) {
        command.env_remove(name);
    }
    command.env_remove("NO_COLOR").env_remove("COLUMNS").env("TZ", "UTC").env("RUST_BACKTRACE", "0");
    command.env("SIGYN_ADDR", format!("http://127.0.0.1:{port}"));
    command
}

/// Exit status, standard output, standard error.
#[track_caller]
fn run(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sigyn(server.port, arguments).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// Standard output of a command that succeeds.
#[track_caller]
fn answered(server: &Server, arguments: &[&str]) -> String {
    let (code, out, notes) = run(server, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {notes}");
    out
}

#[track_caller]
pub(crate) fn push(server: &Server, labels: &Value, entries: &[(i64, String)]) {
    let entries: Vec<_> = entries.iter().map(|(time, line)| (*time, line.clone(), json!({}))).collect();
    let answer = post(server, PUSH, &[JSON], &json_push(labels, &entries)).expect("push");
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// Twenty lines of `api`, one a second, five of `db`; the time of the first.
fn filled(server: &Server) -> i64 {
    let t = (now() / SECOND - 120) * SECOND;
    let level = |at: i64| if at % 10 == 0 { "error" } else { "info" };
    let api: Vec<_> = (0..20).map(|at| (t + at * SECOND, format!("level={} n={at}", level(at)))).collect();
    push(server, &json!({ "app": "api", "env": "prod" }), &api);
    let db: Vec<_> = (0..5).map(|at| (t + at * SECOND + 1, format!("slow query {at}"))).collect();
    push(server, &json!({ "app": "db", "env": "prod" }), &db);
    t
}

#[test]
fn lines_are_printed_for_people_and_programs() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let t = filled(&server);
    let (code, out, notes) = run(&server, &["query", r#"{app="api"}"#, "--limit=2", "--stats"]);
    assert_eq!(code, Some(0), "{notes}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with("Z {} level=info n=19") && lines[1].ends_with("n=18") && lines.len() == 2, "{out}");
    assert!(notes.starts_with("Common labels: {app=\"api\","), "{notes}");
    assert!(notes.contains("summary.totalEntriesReturned"), "{notes}");
    let (_, _, notes) = run(&server, &["query", r#"{app="api"}"#, "--quiet"]);
    assert_eq!(notes, "");

    let raw = answered(&server, &["query", r#"{app="api"} |= "error""#, "--forward", "-o", "raw"]);
    assert_eq!(raw, "level=error n=0\nlevel=error n=10\n");
    let jsonl = answered(&server, &["query", r#"{app="db"}"#, "--forward", "--output=jsonl", "--limit=1"]);
    let object: Value = serde_json::from_str(jsonl.trim_end()).expect(&jsonl);
    assert_eq!((&object["line"], &object["labels"]["app"]), (&json!("slow query 0"), &json!("db")), "{object}");
    let chosen = answered(&server, &["query", r#"{env="prod"}"#, "--include-label=app", "--limit=1", "--color=always"]);
    assert!(chosen.contains("{app=\"api\"}") && chosen.contains("\u{1b}["), "{chosen:?}");

    let (from, to) = (t.to_string(), (t + 5 * SECOND).to_string());
    let range = ["query", r#"{app="api"}"#, "--from", &from, "--to", &to, "-o", "raw", "--limit=0"];
    assert_eq!(answered(&server, &range).lines().count(), 5);
}

#[test]
fn an_export_has_everything_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    let mut expected = Vec::new();
    for app in ["a", "b", "c"] {
        // Hundreds share one time, in each of the streams.
        let entries: Vec<_> = (0..700).map(|at| (t + at / 300, format!("{app} {at}"))).collect();
        expected.extend(entries.iter().map(|(_, line)| line.clone()));
        push(&server, &json!({ "app": app }), &entries);
    }
    expected.sort();
    for batch in ["100", "1000", "100000"] {
        for direction in [&[][..], &["--forward"]] {
            let arguments = ["query", r#"{app=~".+"}"#, "--limit=0", "--batch", batch, "-o", "raw"];
            let out = answered(&server, &[&arguments, direction].concat());
            let mut lines: Vec<&str> = out.lines().collect();
            lines.sort();
            assert_eq!(lines, expected, "batch {batch}, {direction:?}");
        }
    }
    let some = answered(&server, &["query", r#"{app=~".+"}"#, "--limit=1234", "-o", "raw"]);
    assert_eq!(some.lines().count(), 1234);
}

#[test]
fn metrics_are_tables() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    filled(&server);
    let count = r#"sum by (app) (count_over_time({env="prod"}[10m]))"#;
    for arguments in [&["instant-query", count][..], &["query", count, "--instant"]] {
        assert_eq!(answered(&server, arguments), "20  {app=\"api\"}\n 5  {app=\"db\"}\n");
    }
    let table = answered(&server, &["query", count, "--since=1m", "--step=30s"]);
    let header: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(header, ["{app=\"api\"}", "{app=\"db\"}"], "{table}");
    let row: Vec<&str> = table.lines().next_back().unwrap_or_default().split_whitespace().collect();
    assert_eq!(row[1..], ["20", "5"], "{table}");
    let jsonl = answered(&server, &["instant-query", "vector(1)", "-o", "jsonl"]);
    let object: Value = serde_json::from_str(jsonl.trim_end()).expect(&jsonl);
    assert_eq!((&object["value"], &object["metric"]), (&json!("1"), &json!({})), "{object}");
}

#[test]
fn labels_and_series_are_listed() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    filled(&server);
    assert_eq!(answered(&server, &["labels"]), "app\nenv\nservice_name\n");
    assert_eq!(answered(&server, &["labels", "app", "--since=2h"]), "api\ndb\n");
    assert_eq!(answered(&server, &["labels", "app", r#"--query={app=~"d.*"}"#, "-o", "jsonl"]), "\"db\"\n");
    assert_eq!(answered(&server, &["labels", "nothing"]), "");
    let series = answered(&server, &["series", r#"{app="db"}"#, r#"{app="none"}"#]);
    assert_eq!(series, "{app=\"db\", env=\"prod\", service_name=\"db\"}\n");
    let (_, table, note) = run(&server, &["series", "--analyze-labels"]);
    assert!(table.starts_with("label         values  streams\napp                2        2\n"), "{table}");
    assert_eq!(note, "2 streams, 3 labels\n");
}

#[test]
fn failures_are_told_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start_with(dir.path(), "auth_enabled: true\n");
    for (arguments, code, text) in [
        (
            &["query", r#"{app="a""#, "--org-id=t"][..],
            1,
            "sigyn: the server answered 400: parse error at line 1, col 9",
        ),
        (&["labels"], 1, "the server answered 401: no org id; name a tenant with --org-id"),
        (&["--tenant=t", "labels"], 0, ""),
        (&["query"], 2, "Usage: sigyn query"),
        (&["qeury", "x"], 2, "a similar subcommand exists: 'query'"),
        (&["query", "{}", "--from=later"], 1, "'later' is not a time"),
        (&["query", "{}", "--since=soon"], 2, "'soon' is not a duration"),
        (&["labels", "--addr=http://127.0.0.1:1"], 1, "cannot reach http://127.0.0.1:1"),
        (&["labels", "--addr=127.0.0.1:1"], 1, "must start with http:// or https://"),
        (&["tail", "rate({a=\"b\"}[1m])", "--org-id=t"], 1, "only log selector is supported"),
        (&["tail", "{a=", "--org-id=t"], 1, "the server answered 400: parse error"),
    ] {
        let (got, out, notes) = run(&server, arguments);
        assert_eq!((got, out.as_str()), (Some(code), ""), "{arguments:?}: {notes}");
        assert!(notes.contains(text), "{arguments:?}: {notes}");
    }
}

#[test]
fn a_query_is_explained() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    filled(&server);
    let query = r#"{app="api"}|="error""#;
    let page = answered(&server, &["explain", query]);
    assert!(page.starts_with("query  {app=\"api\"} |= \"error\"\ntype   log\n"), "{page}");
    assert!(page.contains("To be read\n  parts ") && !page.contains("The run"), "{page}");
    assert!(answered(&server, &["explain", query, "--analyze"]).contains("\nThe run\n"));
    let jsonl = answered(&server, &["explain", query, "-o", "jsonl"]);
    assert!(serde_json::from_str::<Value>(&jsonl).is_ok_and(|data| data["selectors"].is_array()), "{jsonl}");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["query", "instant-query", "labels", "series", "tail", "explain"] {
        for arguments in [&[command, "--help"][..], &["help", command]] {
            let output = sigyn(1, arguments).output().expect("the binary starts");
            let help = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && help.contains(&format!("Examples:\n  sigyn {command} ")), "{help}");
        }
    }
    let output = sigyn(1, &["help"]).output().expect("the binary starts");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\n  explain "));
}

#[test]
fn a_reader_may_leave() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    let t = now() - 60 * SECOND;
    // More than a pipe holds.
    let entries: Vec<_> = (0..4000).map(|at| (t + at, format!("{at} {}", "x".repeat(100)))).collect();
    push(&server, &json!({ "app": "a" }), &entries);
    let mut child = sigyn(server.port, &["query", r#"{app="a"}"#, "--limit=0", "--forward", "-o", "raw"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("0 x"), "{line}");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
