//! The paths of old clients.

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::harness::{ENTRY, Server, server};
use super::tail::connect_to;

async fn loaded() -> Server {
    let server = server().await;
    let at = |seconds: i64| (ENTRY + seconds * 1_000_000_000).to_string();
    server.push(json!([{"stream": {"app": "x"}, "values": [[at(0), "one"], [at(1), "two", {"id": "7"}]]}])).await;
    server
}

#[tokio::test]
async fn queries_and_lists() {
    let server = loaded().await;
    let mut answer = server.get("/api/prom/query", &[("query", r#"{app="x"}"#), ("regexp", "t.o")]).await.json();
    let stats = answer.as_object_mut().and_then(|answer| answer.remove("stats")).expect("stats");
    assert_eq!(stats["summary"]["totalEntriesReturned"], 1);
    assert_eq!(
        answer,
        json!({"streams": [{
            "labels": r#"{app="x", detected_level="unknown", id="7", service_name="x"}"#,
            "entries": [{"ts": "2026-11-22T00:59:01Z", "line": "two"}],
        }]})
    );
    let none = server.get("/api/prom/query", &[("query", r#"{app="y"}"#)]).await.json();
    assert_eq!(none["streams"], json!([]));
    for (path, expected) in [
        ("/api/prom/label", json!({"values": ["app", "service_name"]})),
        ("/api/prom/label/app/values", json!({"values": ["x"]})),
        ("/api/prom/label/nope/values", json!({"values": []})),
        ("/api/prom/series", json!({"status": "success", "data": [{"app": "x", "service_name": "x"}]})),
    ] {
        assert_eq!(server.get(path, &[]).await.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn refusals() {
    let server = loaded().await;
    for (parameters, message) in [
        (vec![("query", r#"rate({app="x"}[1m])"#)], "legacy endpoints only answer log queries"),
        (vec![("query", r#"{app="x"}"#), ("limit", "5001")], "max entries limit per query exceeded"),
        (vec![("query", r#"{app="x"}"#), ("regexp", "(")], "parse error : stage '|~ \"(\"'"),
    ] {
        let (status, text) = server.get("/api/prom/query", &parameters).await.refusal();
        assert!(status == 400 && text.starts_with(message), "{text}");
    }
}

#[tokio::test]
async fn tails() {
    let server = loaded().await;
    let mut socket = connect_to(&server, "/api/prom/tail", &[("query", r#"{app="x"}"#), ("regexp", "one")]).await;
    let frame = socket.next().await.expect("open").expect("a message");
    let frame: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
    assert_eq!(
        frame,
        json!({"streams": [{
            "labels": r#"{app="x", service_name="x"}"#,
            "entries": [{"ts": "2026-11-22T00:59:00Z", "line": "one"}],
        }], "dropped_entries": null})
    );
}
