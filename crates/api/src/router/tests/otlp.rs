//! `/otlp/v1/logs`: what is stored, and how refusals are worded.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sigyn_model::Limits;

use super::harness::{Answer, ENTRY, Server, server, start};

async fn send(server: &Server, headers: &[(&str, &str)], body: String) -> Answer {
    let mut request = Request::builder().method("POST").uri("/otlp/v1/logs");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body)).expect("a request")).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn logs(service: &str, record: &Value) -> String {
    json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}},
            {"key": "host.name", "value": {"stringValue": "h1"}}]},
        "scopeLogs": [{"scope": {"name": "lib"}, "logRecords": [record]}]}]})
    .to_string()
}

/// The message of a `google.rpc.Status` below 128 bytes.
fn message(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.body[0], 0x12);
    let digits = if answer.body[1] < 0x80 { 1 } else { 2 };
    String::from_utf8_lossy(&answer.body[1 + digits..]).into_owned()
}

#[tokio::test]
async fn logs_are_stored_as_loki_stores_them() {
    let server = server().await;
    let record = json!({"timeUnixNano": ENTRY.to_string(), "severityNumber": 18, "severityText": "ERROR2",
        "body": {"stringValue": "disk full"}, "attributes": [{"key": "disk.id", "value": {"intValue": "7"}}]});
    let answer = send(&server, &[JSON], logs("shop", &record)).await;
    assert_eq!(answer.refusal(), (204, String::new()));

    let parameters = [("query", r#"{service_name="shop"} | disk_id="7""#), ("limit", "5")];
    let flags = [("x-loki-response-encoding-flags", "categorize-labels")];
    let found = server.get_with("/loki/api/v1/query_range", &parameters, &flags).await.json();
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"], json!({"service_name": "shop"}));
    assert_eq!(
        stream["values"][0],
        json!([ENTRY.to_string(), "disk full", {"structuredMetadata": {
            "detected_level": "ERROR2", "disk_id": "7", "host_name": "h1", "scope_name": "lib",
            "severity_number": "18", "severity_text": "ERROR2"}}])
    );
}

#[tokio::test]
async fn levels_come_from_the_severity_number() {
    let server = server().await;
    let record = json!({"timeUnixNano": ENTRY.to_string(), "severityNumber": 13, "body": {"stringValue": "error"}});
    assert_eq!(send(&server, &[JSON], logs("shop", &record)).await.status.as_u16(), 204);
    let query = r#"count_over_time({service_name="shop"} | detected_level="warn" [1h])"#;
    let found = server.get("/loki/api/v1/query", &[("query", query)]).await.json();
    assert_eq!(found["data"]["result"][0]["value"][1], json!("1"), "{found}");
}

#[tokio::test]
async fn refusals_are_statuses_with_a_message() {
    let server = start(true, Limits { max_line_size: sigyn_model::ByteSize(10), ..Limits::default() }).await;
    let tenant = ("x-scope-orgid", "a");
    let long = logs("shop", &json!({"timeUnixNano": ENTRY.to_string(), "body": {"stringValue": "x".repeat(11)}}));

    let answer = send(&server, &[JSON], long.clone()).await;
    assert_eq!(answer.refusal(), (401, "no org id\n".to_owned()));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");

    let answer = send(&server, &[JSON, tenant], long).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(message(&answer).contains("max entry size"), "{}", message(&answer));

    for (content_type, body, status, expected) in [
        ("application/json", "{}", 422, "error at least one valid stream is required for ingestion"),
        ("text/plain", "{}", 400, "content type: text/plain is not supported"),
        (
            "application/json",
            "{\"resourceLogs\": 1}",
            400,
            "json: invalid type: integer `1`, expected an array for resourceLogs at line 1 column 18",
        ),
        ("application/x-protobuf", "\n\u{5}x", 400, "unexpected EOF"),
    ] {
        let answer = send(&server, &[("content-type", content_type), tenant], body.to_owned()).await;
        assert_eq!((answer.status.as_u16(), message(&answer).as_str()), (status, expected));
    }
    let answer = send(&server, &[JSON, tenant], " ".repeat((1 << 20) + 1)).await;
    assert!(answer.status.as_u16() == 413 && message(&answer).starts_with("request body too large"));
}
