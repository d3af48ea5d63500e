//! What a tenant's limits refuse, with Loki's texts; and parameters that thin and turn answers.

use serde_json::{Value, json};
use sigyn_model::duration::Span;
use sigyn_model::{ByteSize, Limits};

use super::harness::{ENTRY, NOW, Server, start};

const RANGE: &str = "/loki/api/v1/query_range";
const INSTANT: &str = "/loki/api/v1/query";

/// Ten streams of one entry each, one a second.
async fn loaded(limits: Limits) -> Server {
    let server = start(false, limits).await;
    let stream = |n: i64| {
        let at = (ENTRY + n * 1_000_000_000).to_string();
        json!({"stream": {"app": "x", "n": n.to_string()}, "values": [[at, format!("n={n} k=v")]]})
    };
    server.push((0..10).map(stream).collect()).await;
    server
}

async fn refused(limits: Limits, path: &str, parameters: &[(&str, &str)]) -> String {
    let server = loaded(limits).await;
    let answer = server.get(path, parameters).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    answer.text()
}

#[tokio::test]
async fn series() {
    let query = [("query", r#"count_over_time({app="x"}[5m])"#)];
    let text = refused(Limits { max_query_series: 9, ..Limits::default() }, INSTANT, &query).await;
    assert!(text.starts_with("maximum number of series (9) reached for a single query; "), "{text}");
    let enough = loaded(Limits { max_query_series: 10, ..Limits::default() }).await;
    assert_eq!(enough.get(INSTANT, &query).await.status, 200);
    let sum = [("query", r#"sum(count_over_time({app="x"}[5m]))"#)];
    let few = loaded(Limits { max_query_series: 1, ..Limits::default() }).await;
    assert_eq!(few.get(INSTANT, &sum).await.status, 200);
}

#[tokio::test]
async fn variants() {
    let query =
        r#"variants(sum(count_over_time({app="x"}[5m])), max(bytes_over_time({app="x"}[5m]))) of ({app="x"} [5m])"#;
    let text = refused(Limits::default(), INSTANT, &[("query", query)]).await;
    assert_eq!(text, "multi variant queries are disabled for this instance");
    let server = loaded(Limits { enable_multi_variant_queries: true, ..Limits::default() }).await;
    let answer = server.get(INSTANT, &[("query", query)]).await.json();
    let found: Vec<(&Value, &Value)> = answer["data"]["result"]
        .as_array()
        .map(|series| series.iter().map(|series| (&series["metric"]["__variant__"], &series["value"][1])).collect())
        .unwrap_or_default();
    assert_eq!(found, [(&json!("0"), &json!("10")), (&json!("1"), &json!("7"))]);
    assert_eq!(server.get(RANGE, &[("query", query)]).await.status, 200);
}

#[tokio::test]
async fn series_of_one_client_are_cut_off() {
    let server = loaded(Limits { max_query_series: 4, ..Limits::default() }).await;
    let query = [("query", r#"count_over_time({app="x"}[5m])"#)];
    let tags = [("x-query-tags", "feature=x,Source=grafana-lokiexplore-app")];
    let warning = "maximum number of series (4) reached for a single query; returning partial results";
    for path in [INSTANT, RANGE] {
        let answer = server.get_with(path, &query, &tags).await.json();
        assert_eq!(answer["data"]["result"].as_array().map(Vec::len), Some(4));
        assert_eq!(answer["warnings"], json!([warning]));
        assert_eq!(server.get_with(path, &query, &[("x-query-tags", "Source=other")]).await.status, 400);
    }
    let few = [("query", r#"sum(count_over_time({app="x"}[5m]))"#)];
    assert_eq!(server.get_with(INSTANT, &few, &tags).await.json().get("warnings"), None);
}

#[tokio::test]
async fn matchers_of_every_route() {
    let query = r#"{app="x", n=~"1|2", host!="y"}"#;
    let text = "max streams matchers per query exceeded, matchers-count > limit (3 > 2)";
    for (path, name) in [
        (RANGE, "query"),
        ("/loki/api/v1/labels", "query"),
        ("/loki/api/v1/label/app/values", "query"),
        ("/loki/api/v1/series", "match[]"),
        ("/loki/api/v1/index/stats", "query"),
        ("/loki/api/v1/index/volume", "query"),
        ("/loki/api/v1/detected_labels", "query"),
        ("/loki/api/v1/detected_fields", "query"),
        ("/loki/api/v1/patterns", "query"),
        ("/sigyn/api/v1/explain", "query"),
        ("/api/prom/query", "query"),
    ] {
        let limits = Limits { max_streams_matchers_per_query: 2, ..Limits::default() };
        assert_eq!(refused(limits, path, &[(name, query)]).await, text, "{path}");
    }
}

#[tokio::test]
async fn ranges_and_required_matchers() {
    let hours = |n: i64| Span::seconds(n * 3600);
    for (limits, parameters, text) in [
        (
            Limits { max_query_length: hours(2), ..Limits::default() },
            vec![("query", r#"{app="x"}"#), ("since", "3h")],
            "the query time range exceeds the limit (query length: 3h0m0s, limit: 2h)",
        ),
        (
            Limits { max_query_range: hours(1), ..Limits::default() },
            vec![("query", r#"sum(rate({app="x"}[2h]))"#)],
            "[interval] value exceeds limit: [2h] > [1h]",
        ),
        (
            Limits { required_labels: vec!["env".to_owned()], ..Limits::default() },
            vec![("query", r#"{app="x"}"#)],
            "stream selector is missing required matchers [env], labels present in the query were [app]",
        ),
        (
            Limits { minimum_labels_number: 2, ..Limits::default() },
            vec![("query", r#"{app="x"}"#)],
            "stream selector has less label matchers than required: (present: [app], number_present: 1, required_number_label_matchers: 2)",
        ),
        (
            Limits { max_query_bytes_read: ByteSize(1), ..Limits::default() },
            vec![("query", r#"{app="x"}"#)],
            "the query would read too many bytes (query: ",
        ),
        (
            Limits { max_query_memory: ByteSize(1), ..Limits::default() },
            vec![("query", r#"{app="x"}"#)],
            "the query needs more memory than max_query_memory allows (limit: 1B)",
        ),
    ] {
        let refused = refused(limits, RANGE, &parameters).await;
        assert!(refused.starts_with(text), "{refused}");
    }
}

#[tokio::test]
async fn lookback_moves_the_start() {
    let server = loaded(Limits { max_query_lookback: Span::seconds(55), ..Limits::default() }).await;
    let count = |answer: Value| answer["data"]["result"].as_array().map(Vec::len);
    let all = [("query", r#"{app="x"}"#), ("since", "1h")];
    assert_eq!(count(server.get(RANGE, &all).await.json()), Some(5));
    let (start, end) = ((NOW - 600).to_string(), (NOW - 300).to_string());
    let past = [("query", r#"{app="x"}"#), ("start", &*start), ("end", &*end)];
    for path in [RANGE, "/loki/api/v1/patterns", "/loki/api/v1/detected_fields"] {
        assert_eq!(server.get(path, &past).await.status, 200, "{path}");
    }
    assert_eq!(count(server.get(RANGE, &past).await.json()), Some(0));
}

fn stamps(answer: &Value) -> Vec<i64> {
    let streams = answer["data"]["result"].as_array().into_iter().flatten();
    let values = streams.flat_map(|stream| stream["values"].as_array().into_iter().flatten());
    let nanos = values.filter_map(|value| value[0].as_str()?.parse::<i64>().ok());
    let mut seconds: Vec<i64> = nanos.map(|nanos| (nanos - ENTRY) / 1_000_000_000).collect();
    seconds.sort_unstable();
    seconds
}

#[tokio::test]
async fn interval_thins_over_all_streams() {
    let server = loaded(Limits::default()).await;
    let ask = |more: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move {
            let mut parameters = vec![("query", r#"{app="x"}"#)];
            parameters.extend(more);
            stamps(&server.get(RANGE, &parameters).await.json())
        }
    };
    assert_eq!(ask(vec![("interval", "3s"), ("direction", "forward")]).await, [0, 3, 6, 9]);
    assert_eq!(ask(vec![("interval", "4s"), ("direction", "BACKWARD")]).await, [1, 5, 9]);
    assert_eq!(ask(vec![("interval", "4"), ("direction", "forward"), ("limit", "2")]).await, [0, 4]);
    assert_eq!(ask(vec![("direction", "forward"), ("limit", "3")]).await, [0, 1, 2]);
    assert_eq!(ask(vec![("limit", "3")]).await, [7, 8, 9]);
}

#[tokio::test]
async fn parsed_labels_are_told_apart() {
    let server = loaded(Limits::default()).await;
    let flags = [("x-loki-response-encoding-flags", "categorize-labels")];
    let query = [("query", r#"{n="3"} | logfmt | label_format kind="t" | drop service_name"#)];
    let answer = server.get_with(RANGE, &query, &flags).await.json();
    assert_eq!(
        answer["data"]["result"],
        json!([{"stream": {"app": "x", "n": "3"}, "values": [[
            (ENTRY + 3_000_000_000).to_string(), "n=3 k=v",
            {"structuredMetadata": {"detected_level": "unknown"}, "parsed": {"k": "v", "kind": "t", "n_extracted": "3"}},
        ]]}])
    );
    let merged = server.get(RANGE, &query).await.json();
    assert_eq!(
        merged["data"]["result"][0]["stream"],
        json!({"app": "x", "n": "3", "detected_level": "unknown", "k": "v", "kind": "t", "n_extracted": "3"})
    );
}

#[tokio::test]
async fn time_spent_waiting_is_told() {
    let server = loaded(Limits::default()).await;
    let answer = server.get(RANGE, &[("query", r#"{app="x"}"#)]).await;
    let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let summary = &answer["data"]["stats"]["summary"];
    assert!(summary["queueTime"].is_number() && summary["execTime"].is_number(), "{summary}");
}
