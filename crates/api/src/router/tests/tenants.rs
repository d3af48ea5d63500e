//! Queries of several tenants: each sees its own, together they see both, told apart by `__tenant_id__`.

use serde_json::{Value, json};
use sigyn_model::Limits;

use super::harness::{ENTRY, NOW, Server, start};

/// The same stream for tenants `a` (two entries) and `b` (one).
async fn loaded() -> Server {
    let server = start(true, Limits::default()).await;
    let at = |seconds: i64| (ENTRY + seconds * 1_000_000_000).to_string();
    for (tenant, values) in [("a", json!([[at(1), "a1"], [at(2), "a2"]])), ("b", json!([[at(1), "b1"]]))] {
        let answer = server.push_as(tenant, json!([{"stream": {"app": "x"}, "values": values}])).await;
        assert_eq!(answer.status, 204);
    }
    server
}

async fn ask(server: &Server, tenants: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = server.get_with(path, parameters, &[("x-scope-orgid", tenants)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn lines(answer: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let streams = answer["data"]["result"].as_array().into_iter().flatten();
    let lines = |stream: &Value| stream["values"].as_array().into_iter().flatten().map(|v| text(&v[1])).collect();
    streams.map(|stream| (text(&stream["stream"]["__tenant_id__"]), lines(stream))).collect()
}

#[tokio::test]
async fn logs() {
    let server = loaded().await;
    let path = "/loki/api/v1/query_range";
    let of = |tenant: &str, lines: &[&str]| (tenant.to_owned(), lines.iter().map(|&line| line.to_owned()).collect());
    let check = |tenants: &'static str, query: &'static str, expected: Vec<(String, Vec<String>)>| {
        let server = &server;
        async move {
            let answer = ask(server, tenants, path, &[("query", query)]).await;
            assert_eq!(lines(&answer), expected, "{tenants} {query}");
        }
    };
    check("a", r#"{app="x"}"#, vec![of("", &["a2", "a1"])]).await;
    check("a|b", r#"{app="x"}"#, vec![of("a", &["a2", "a1"]), of("b", &["b1"])]).await;
    check("b|a|b", r#"{app="x", __tenant_id__="b"}"#, vec![of("b", &["b1"])]).await;
    check("a|b", r#"{app="x", __tenant_id__=~"b|c"}"#, vec![of("b", &["b1"])]).await;
    check("a|b", r#"{app="x", __tenant_id__!="b"}"#, vec![of("a", &["a2", "a1"])]).await;
    check("a|b", r#"{app="x", __tenant_id__="c"}"#, vec![]).await;
    check("a|b", r#"{app="x"} | __tenant_id__="a" |= "1""#, vec![of("a", &["a1"])]).await;
    // The newest of both together.
    let newest = ask(&server, "a|b", path, &[("query", r#"{app="x"}"#), ("limit", "1")]).await;
    assert_eq!(lines(&newest), [of("a", &["a2"])]);
}

#[tokio::test]
async fn metrics() {
    let server = loaded().await;
    let vector = |answer: Value| answer["data"]["result"].clone();
    let by_tenant = [("query", r#"sum by (__tenant_id__) (count_over_time({app="x"}[1m]))"#)];
    assert_eq!(
        vector(ask(&server, "a|b", "/loki/api/v1/query", &by_tenant).await),
        json!([
            {"metric": {"__tenant_id__": "a"}, "value": [NOW, "2"]},
            {"metric": {"__tenant_id__": "b"}, "value": [NOW, "1"]},
        ])
    );
    let series = [("query", r#"count_over_time({app="x", __tenant_id__="b"} |= "b" [1m])"#)];
    assert_eq!(
        vector(ask(&server, "a|b", "/loki/api/v1/query", &series).await),
        json!([{
            "metric": {"__tenant_id__": "b", "app": "x", "service_name": "x", "detected_level": "unknown"},
            "value": [NOW, "1"],
        }])
    );
    let total = [("query", r#"sum(count_over_time({app="x"}[1m]))"#)];
    assert_eq!(
        vector(ask(&server, "a|b", "/loki/api/v1/query", &total).await),
        json!([{"metric": {}, "value": [NOW, "3"]}])
    );
}

#[tokio::test]
async fn names_values_and_series() {
    let server = loaded().await;
    for (path, parameters, expected) in [
        ("/loki/api/v1/labels", vec![], json!(["__tenant_id__", "app", "service_name"])),
        ("/loki/api/v1/label/__tenant_id__/values", vec![], json!(["a", "b"])),
        ("/loki/api/v1/label/__tenant_id__/values", vec![("query", r#"{__tenant_id__="b"}"#)], json!(["b"])),
        ("/loki/api/v1/label/app/values", vec![], json!(["x"])),
        (
            "/loki/api/v1/series",
            vec![("match[]", r#"{app="x"}"#)],
            json!([
                {"__tenant_id__": "a", "app": "x", "service_name": "x"},
                {"__tenant_id__": "b", "app": "x", "service_name": "x"},
            ]),
        ),
        (
            "/loki/api/v1/series",
            vec![("match[]", r#"{__tenant_id__="a"}"#)],
            json!([{"__tenant_id__": "a", "app": "x", "service_name": "x"}]),
        ),
    ] {
        assert_eq!(ask(&server, "a|b", path, &parameters).await["data"], expected, "{path} {parameters:?}");
    }
    let volume = ask(&server, "a|b", "/loki/api/v1/index/volume", &[("query", "{}")]).await;
    assert_eq!(volume["data"]["result"][0]["metric"], json!({"app": "x", "service_name": "x"}));
    let fields = ask(&server, "a|b", "/loki/api/v1/detected_fields", &[("query", r#"{app="x"}"#)]).await;
    assert_eq!(fields["fields"][0]["label"], "detected_level");
}

#[tokio::test]
async fn the_strictest_limits_hold() {
    let server = start(true, Limits { max_entries_limit_per_query: 10, ..Limits::default() }).await;
    let headers = [("x-scope-orgid", "a|b")];
    let parameters = [("query", r#"{app="x"}"#), ("limit", "11")];
    let refused = server.get_with("/loki/api/v1/query_range", &parameters, &headers).await.refusal();
    assert_eq!(refused.0, 400);
    assert!(refused.1.ends_with("(11 > 10)"), "{}", refused.1);
    let tail = server.get_with("/loki/api/v1/tail", &[("query", r#"{app="x"}"#)], &headers).await;
    assert_eq!(tail.refusal(), (400, "multiple org IDs present".to_owned()));
}
