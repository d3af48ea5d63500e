//! What was pushed is answered, in Loki's shapes.

use std::io::Read as _;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sigyn_model::Limits;

use super::harness::{ENTRY, NOW, Server, server, start};

const SECOND: i64 = 1_000_000_000;

/// Two streams: three entries of `api`, one with metadata; one of `db`.
async fn loaded() -> Server {
    let server = server().await;
    let at = |seconds: i64| (ENTRY + seconds * SECOND).to_string();
    server
        .push(json!([
            {"stream": {"app": "api", "env": "prod"}, "values": [
                [at(0), "level=info msg=<one>"], [at(1), "level=error msg=two", {"trace_id": "t1"}], [at(2), "three"],
            ]},
            {"stream": {"app": "db", "env": "prod"}, "values": [[at(1), "four"]]},
        ]))
        .await;
    server
}

fn values(answer: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let streams = answer["data"]["result"].as_array().expect("a list of streams");
    let lines = |stream: &Value| stream["values"].as_array().map(|v| v.iter().map(|v| text(&v[1])).collect());
    streams.iter().map(|s| (text(&s["stream"]["detected_level"]), lines(s).unwrap_or_default())).collect()
}

#[tokio::test]
async fn log_queries() {
    let server = loaded().await;
    let path = "/loki/api/v1/query_range";
    let answer = server.get(path, &[("query", r#"{app="api"}"#)]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json; charset=UTF-8"));
    assert!(answer.text().ends_with("}\n") && answer.text().contains("msg=\\u003cone\\u003e"));
    let answer = answer.json();
    assert_eq!(answer["data"]["resultType"], "streams");
    assert_eq!(
        values(&answer),
        [
            ("error".to_owned(), vec!["level=error msg=two".to_owned()]),
            ("info".to_owned(), vec!["level=info msg=<one>".to_owned()]),
            ("unknown".to_owned(), vec!["three".to_owned()]),
        ]
    );
    assert_eq!(
        answer["data"]["result"][0]["stream"],
        json!({"app": "api", "env": "prod", "service_name": "api", "detected_level": "error", "trace_id": "t1"})
    );

    let forward = [("query", r#"{env="prod"} != "three""#), ("direction", "forward"), ("limit", "1")];
    let answer = server.get(path, &forward).await.json();
    assert_eq!(values(&answer), [("info".to_owned(), vec!["level=info msg=<one>".to_owned()])]);

    let none = server.get(path, &[("query", r#"{app="nope"}"#)]).await.json();
    assert_eq!(none, json!({"status": "success", "data": {"resultType": "streams", "result": []}}));
}

#[tokio::test]
async fn categorized_labels() {
    let server = loaded().await;
    let flags = [("x-loki-response-encoding-flags", "categorize-labels")];
    let answer = server.get_with("/loki/api/v1/query_range", &[("query", r#"{app="api"}"#)], &flags).await.json();
    let stamp = |seconds: i64| (ENTRY + seconds * SECOND).to_string();
    assert_eq!(
        answer["data"],
        json!({"resultType": "streams", "encodingFlags": ["categorize-labels"], "result": [{
            "stream": {"app": "api", "env": "prod", "service_name": "api"},
            "values": [
                [stamp(2), "three", {"structuredMetadata": {"detected_level": "unknown"}}],
                [stamp(1), "level=error msg=two", {"structuredMetadata": {"detected_level": "error", "trace_id": "t1"}}],
                [stamp(0), "level=info msg=<one>", {"structuredMetadata": {"detected_level": "info"}}],
            ],
        }]})
    );
}

#[tokio::test]
async fn metric_queries() {
    let server = loaded().await;
    let count = r#"sum by (app) (count_over_time({env="prod"}[1m]))"#;
    let instant = server.get("/loki/api/v1/query", &[("query", count)]).await.json();
    assert_eq!(
        instant["data"],
        json!({"resultType": "vector", "result": [
            {"metric": {"app": "api"}, "value": [NOW, "2"]}, {"metric": {"app": "db"}, "value": [NOW, "1"]},
        ]}),
        "the window is open at its start"
    );
    let (start, end) = ((NOW - 59).to_string(), (NOW - 1).to_string());
    let range = [("query", count), ("start", &start), ("end", &end), ("step", "60")];
    let matrix = server.get("/loki/api/v1/query_range", &range).await.json();
    assert_eq!(
        matrix["data"],
        json!({"resultType": "matrix", "result": [
            {"metric": {"app": "api"}, "values": [[NOW - 60, "1"], [NOW, "2"]]},
            {"metric": {"app": "db"}, "values": [[NOW, "1"]]},
        ]})
    );
    let health = server.get("/loki/api/v1/query", &[("query", "vector(1)+vector(1)")]).await.json();
    assert_eq!(health["data"], json!({"resultType": "vector", "result": [{"metric": {}, "value": [NOW, "2"]}]}));
    let scalar = server.get("/loki/api/v1/query", &[("query", "1 + 1")]).await.json();
    assert_eq!((&scalar["data"]["resultType"], &scalar["data"]["result"][1]), (&json!("scalar"), &json!("2")));
}

#[tokio::test]
async fn labels_values_and_series() {
    let server = loaded().await;
    for (path, parameters, expected) in [
        ("/loki/api/v1/labels", vec![], json!({"status": "success", "data": ["app", "env", "service_name"]})),
        (
            "/loki/api/v1/label",
            vec![("query", r#"{app="db"}"#)],
            json!({"status": "success", "data": ["app", "env", "service_name"]}),
        ),
        ("/loki/api/v1/label/app/values", vec![], json!({"status": "success", "data": ["api", "db"]})),
        (
            "/loki/api/v1/label/app/values",
            vec![("query", r#"{app="db"}"#)],
            json!({"status": "success", "data": ["db"]}),
        ),
        ("/loki/api/v1/label/trace_id/values", vec![], json!({"status": "success"})),
        ("/loki/api/v1/labels", vec![("start", "1"), ("end", "2")], json!({"status": "success"})),
        (
            "/loki/api/v1/series",
            vec![("match[]", r#"{app="db"}"#), ("match[]", r#"{app="nope"}"#)],
            json!({"status": "success", "data": [{"app": "db", "env": "prod", "service_name": "db"}]}),
        ),
        ("/loki/api/v1/series", vec![("match", r#"{app="nope"}"#)], json!({"status": "success", "data": []})),
    ] {
        assert_eq!(server.get(path, &parameters).await.json(), expected, "{path} {parameters:?}");
    }
    let all = server.get("/loki/api/v1/series", &[("match[]", "{}")]).await.json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn index_statistics_and_volume() {
    let server = loaded().await;
    let stats = server.get("/loki/api/v1/index/stats", &[("query", r#"{app="api"}"#)]).await.json();
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(3)));
    let volume = server.get("/loki/api/v1/index/volume", &[("query", r#"{app=~"api|db"}"#)]).await.json();
    assert_eq!(volume["data"]["resultType"], "vector");
    let names: Vec<_> =
        volume["data"]["result"].as_array().into_iter().flatten().map(|s| &s["metric"]["app"]).collect();
    assert_eq!(names, ["api", "db"]);
    let off = start(false, Limits { volume_enabled: false, ..Limits::default() }).await;
    let refused = off.get("/loki/api/v1/index/volume", &[("query", "{}")]).await;
    assert_eq!(refused.refusal(), (404, "not found".to_owned()));
}

#[tokio::test]
async fn a_form_works_like_a_query_string() {
    let server = loaded().await;
    let request = Request::builder()
        .method("POST")
        .uri("/loki/api/v1/label/app/values?query=ignored")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Body::from("query=%7Bapp%3D%22db%22%7D"))
        .expect("a request");
    assert_eq!(server.send(request).await.json()["data"], json!(["db"]));
}

#[tokio::test]
async fn large_answers_are_compressed_when_asked() {
    let server = server().await;
    let values: Vec<_> = (0..200).map(|i| json!([(ENTRY + i).to_string(), format!("line number {i}")])).collect();
    server.push(json!([{"stream": {"app": "x"}, "values": values}])).await;
    let parameters = [("query", r#"{app="x"}"#), ("limit", "200")];
    let plain = server.get("/loki/api/v1/query_range", &parameters).await;
    let gzip = server.get_with("/loki/api/v1/query_range", &parameters, &[("accept-encoding", "gzip")]).await;
    assert_eq!((plain.header("content-encoding"), gzip.header("content-encoding")), ("", "gzip"));
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_string(&mut unpacked).expect("valid gzip");
    let unpacked: Value = serde_json::from_str(&unpacked).expect("valid JSON");
    assert_eq!(unpacked["data"]["result"], plain.json()["data"]["result"]);
}

#[tokio::test]
async fn tenants_see_their_own() {
    let server = start(true, Limits::default()).await;
    for tenant in ["a", "b"] {
        let streams = json!([{"stream": {"app": tenant}, "values": [[ENTRY.to_string(), "l"]]}]);
        assert_eq!(server.push_as(tenant, streams).await.status, 204);
    }
    let values = |tenants: &'static str| {
        let server = &server;
        async move {
            server.get_with("/loki/api/v1/label/app/values", &[], &[("x-scope-orgid", tenants)]).await.json()["data"]
                .clone()
        }
    };
    assert_eq!(values("a").await, json!(["a"]));
    assert_eq!(values("b|a").await, json!(["a", "b"]));
    let names = server.get_with("/loki/api/v1/labels", &[], &[("x-scope-orgid", "a|b")]).await.json();
    assert_eq!(names["data"], json!(["__tenant_id__", "app", "service_name"]));
}

#[tokio::test]
async fn operations() {
    let server = server().await;
    for (path, parameters, expected) in [
        ("/ready", vec![], "ready\n"),
        ("/config", vec![], "target: all\n"),
        ("/config", vec![("mode", "defaults")], "target: default\n"),
        ("/services", vec![], "write => Running\nread => Running\n"),
        ("/log_level", vec![], r#"{"message":"Current log level is info"}"#),
    ] {
        assert_eq!(server.get(path, &parameters).await.refusal(), (200, expected.to_owned()), "{path}");
    }
    let build = server.get("/loki/api/v1/status/buildinfo", &[]).await;
    assert_eq!(build.header("content-type"), "application/json");
    assert_eq!(
        build.json(),
        json!({"version": "1.2.3", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""})
    );
    let metrics = server.get("/metrics", &[]).await.text();
    assert!(
        metrics.contains(r#"sigyn_api_request_duration_seconds_count{method="GET",route="ready",status_code="200"} 1"#),
        "{metrics}"
    );
    server.stopping.cancel();
    assert_eq!(server.get("/ready", &[]).await.refusal(), (503, "Application is stopping\n".to_owned()));
}

#[tokio::test]
async fn log_levels_change() {
    let server = server().await;
    for (level, expected) in [
        ("debug", (200, r#"{"message":"Log level set to debug","status":"success"}"#)),
        ("foo", (400, r#"{"message":"unrecognized log level \"foo\"","status":"failed"}"#)),
    ] {
        let answer = server.send(super::harness::request("POST", "/log_level", &[("log_level", level)], &[])).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()));
    }
}

#[tokio::test]
async fn queries_are_formatted() {
    let server = server().await;
    let answer = server.get("/loki/api/v1/format_query", &[("query", r#"{app="x"}|="a""#)]).await;
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.json(), json!({"status": "success", "data": "{app=\"x\"} |= \"a\""}));
    let wrong = server.get("/loki/api/v1/format_query", &[("query", "a")]).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(
        wrong.json(),
        json!({"status": "invalid-query", "error": "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"})
    );
}
