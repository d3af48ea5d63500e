//! Detected labels and fields, patterns, and the limits that clients may know.

use serde_json::{Value, json};
use sigyn_model::Limits;
use sigyn_model::duration::Span;

use super::harness::{ENTRY, Server, server, start};

const LABELS: &str = "/loki/api/v1/detected_labels";
const FIELDS: &str = "/loki/api/v1/detected_fields";
const PATTERNS: &str = "/loki/api/v1/patterns";

async fn loaded() -> Server {
    let server = server().await;
    let at = |seconds: i64| (ENTRY + seconds * 1_000_000_000).to_string();
    server
        .push(json!([
            {"stream": {"app": "api", "shard": "0"}, "values": [
                [at(0), r#"{"status":200,"took":"5ms","user":{"name":"ann"},"app":"x"}"#, {"trace_id": "t1"}],
                [at(1), r#"{"status":404,"took":"7ms","size":"1.5MiB"}"#],
            ]},
            {"stream": {"app": "db", "shard": "1"}, "values": [
                [at(2), "level=error query failed id=1"], [at(3), "level=error query failed id=2"],
            ]},
        ]))
        .await;
    server
}

#[tokio::test]
async fn labels_without_ids() {
    let server = loaded().await;
    let both = json!({"detectedLabels": [
        {"label": "app", "cardinality": 2}, {"label": "service_name", "cardinality": 2},
    ]});
    assert_eq!(server.get(LABELS, &[]).await.json(), both);
    assert_eq!(server.get(LABELS, &[("query", "{}")]).await.json(), both);
    let one = json!({"detectedLabels": [
        {"label": "app", "cardinality": 1}, {"label": "service_name", "cardinality": 1},
    ]});
    assert_eq!(server.get(LABELS, &[("query", r#"{app="db"}"#)]).await.json(), one);
    assert_eq!(server.get(LABELS, &[("query", r#"{app="nope"}"#)]).await.json(), json!({}));
    let refused = server.get(LABELS, &[("query", r#"{app="db"} |= "x""#)]).await;
    assert_eq!(refused.refusal(), (400, "only label matchers are supported".to_owned()));
}

#[tokio::test]
async fn fields_with_types_and_parsers() {
    let server = loaded().await;
    assert_eq!(
        server.get(FIELDS, &[("query", r#"{app="api"}"#)]).await.json(),
        json!({"fields": [
            {"label": "app_extracted", "type": "string", "cardinality": 1, "parsers": ["json"], "jsonPath": ["app"]},
            {"label": "detected_level", "type": "string", "cardinality": 1, "parsers": null},
            {"label": "size", "type": "bytes", "cardinality": 1, "parsers": ["json"], "jsonPath": ["size"]},
            {"label": "status", "type": "int", "cardinality": 2, "parsers": ["json"], "jsonPath": ["status"]},
            {"label": "took", "type": "duration", "cardinality": 2, "parsers": ["json"], "jsonPath": ["took"]},
            {"label": "trace_id", "type": "string", "cardinality": 1, "parsers": null},
            {"label": "user_name", "type": "string", "cardinality": 1, "parsers": ["json"], "jsonPath": ["user", "name"]},
        ], "limit": 1000})
    );
    let names = |answer: &Value| -> Vec<String> {
        let fields = answer["fields"].as_array().into_iter().flatten();
        fields.map(|field| field["label"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let newest = server.get(FIELDS, &[("query", r#"{app="api"}"#), ("line_limit", "1")]).await.json();
    assert_eq!(names(&newest), ["detected_level", "size", "status", "took"]);
    let few = server.get(FIELDS, &[("query", r#"{app="api"}"#), ("field_limit", "2")]).await.json();
    assert_eq!((names(&few).len(), &few["limit"]), (2, &json!(2)));
    let filtered = server.get(FIELDS, &[("query", r#"{app="db"} |= "id=2""#)]).await.json();
    assert_eq!(names(&filtered), ["detected_level", "id", "level"]);
    // Parsed by the query and again from the line: the same fields, not two of each.
    let parsed = server.get(FIELDS, &[("query", r#"{app="api"} | json | status > 300"#)]).await.json();
    assert_eq!(names(&parsed), ["detected_level", "size", "status", "took"]);
    let made = server.get(FIELDS, &[("query", r#"{app="db"} | pattern "<_> <what> <_>" | label_format x="1""#)]).await;
    assert_eq!(names(&made.json()), ["detected_level", "id", "level", "what", "x"]);
    assert_eq!(server.get(FIELDS, &[("query", r#"{app="nope"}"#)]).await.json(), json!({}));
}

#[tokio::test]
async fn values_of_a_field() {
    let server = loaded().await;
    for (name, query, expected) in [
        ("status", r#"{app="api"}"#, json!({"values": ["200", "404"], "limit": 1000})),
        ("size", r#"{app="api"}"#, json!({"values": ["1.6MB"], "limit": 1000})),
        ("trace_id", r#"{app="api"}"#, json!({"values": ["t1"], "limit": 1000})),
        ("id", r#"{app=~".+"}"#, json!({"values": ["1", "2"], "limit": 1000})),
        ("nope", r#"{app="api"}"#, json!({})),
    ] {
        let path = format!("/loki/api/v1/detected_field/{name}/values");
        assert_eq!(server.get(&path, &[("query", query)]).await.json(), expected, "{name}");
    }
}

#[tokio::test]
async fn what_field_requests_get_wrong() {
    let server = loaded().await;
    for (parameters, message) in [
        (vec![("query", r#"rate({app="api"}[1m])"#)], "only log selector is supported"),
        (vec![("query", r#"{app="api"}"#), ("line_limit", "0")], "limit must be a positive value"),
        (vec![("query", r#"{app="api"}"#), ("limit", "x")], "strconv.Atoi: parsing \"x\": invalid syntax"),
        (
            vec![("query", r#"{app="api"}"#), ("line_limit", "5001")],
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
        (
            vec![("query", r#"{app="api"}"#), ("start", "20"), ("end", "10")],
            "end timestamp must not be before or equal to start time",
        ),
        (
            vec![("query", "{")],
            "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }",
        ),
    ] {
        for path in [FIELDS, "/loki/api/v1/detected_field/status/values"] {
            let (status, text) = server.get(path, &parameters).await.refusal();
            assert_eq!(status, 400);
            assert!(text == message || parameters == [("query", "{")], "{text}");
        }
    }
    assert_eq!(server.get("/loki/api/v1/detected_field//values", &[]).await.status, 404);
}

#[tokio::test]
async fn patterns_by_level_and_time() {
    let server = loaded().await;
    let seconds = ENTRY / 1_000_000_000;
    let answer = server.get(PATTERNS, &[("query", r#"{app="db"}"#), ("step", "60")]).await.json();
    assert_eq!(
        answer,
        json!({"status": "success", "data": [
            {"pattern": "level=error query failed id=<_>", "level": "error", "samples": [[seconds, 2]]},
        ]})
    );
    let fine = server.get(PATTERNS, &[("query", r#"{app="db"}"#), ("step", "1")]).await.json();
    assert_eq!(fine["data"][0]["samples"], json!([[seconds + 2, 1], [seconds + 3, 1]]));
    let none = server.get(PATTERNS, &[("query", r#"{app="nope"}"#)]).await.json();
    assert_eq!(none, json!({"status": "success", "data": []}));
    for (parameters, message) in [
        (vec![], "query string is empty"),
        (vec![("query", r#"{app="db"} |= "x""#)], "only label matchers are supported"),
    ] {
        assert_eq!(server.get(PATTERNS, &parameters).await.refusal(), (400, message.to_owned()));
    }
}

/// What a pattern says can be asked for.
#[tokio::test]
async fn patterns_are_filters() {
    let server = loaded().await;
    let answer = server.get(PATTERNS, &[("query", r#"{app=~".+"}"#)]).await.json();
    for pattern in answer["data"].as_array().into_iter().flatten() {
        let samples = pattern["samples"].as_array().into_iter().flatten();
        let count: u64 = samples.filter_map(|sample| sample[1].as_u64()).sum();
        let query =
            format!("sum(count_over_time({{app=~\".+\"}} |> `{}` [5m]))", pattern["pattern"].as_str().unwrap_or(""));
        let counted = server.get("/loki/api/v1/query", &[("query", &query)]).await.json();
        assert_eq!(counted["data"]["result"][0]["value"][1], count.to_string(), "{query}");
    }
}

#[tokio::test]
async fn limits_that_clients_may_know() {
    let limits = Limits { max_query_series: 7, retention_period: Span::seconds(31 * 86_400), ..Limits::default() };
    let server = start(true, limits).await;
    let headers = [("x-scope-orgid", "a")];
    let answer = server.get_with("/loki/api/v1/drilldown-limits", &[], &headers).await.json();
    assert_eq!((&answer["pattern_ingester_enabled"], &answer["version"]), (&json!(true), &json!("1.2.3")));
    let limits = &answer["limits"];
    for (name, value) in [
        ("max_query_series", json!(7)),
        ("max_query_length", json!("30d1h")),
        ("max_query_bytes_read", json!("0B")),
        ("query_timeout", json!("1m")),
        ("retention_period", json!("31d")),
        ("volume_enabled", json!(true)),
        ("pattern_persistence_enabled", json!(false)),
    ] {
        assert_eq!(limits[name], value, "{name}");
    }
    assert_eq!(limits.get("ingestion_rate_mb"), None);
    let text = server.get_with("/config/tenant/v1/limits", &[], &headers).await.text();
    assert!(text.contains("max_query_series: 7\n") && text.contains("log_level_fields:\n  - \"level\"\n"), "{text}");
    for path in ["/loki/api/v1/drilldown-limits", "/config/tenant/v1/limits"] {
        assert_eq!(server.get(path, &[]).await.refusal(), (401, "no org id\n".to_owned()));
    }
}
