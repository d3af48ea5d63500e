//! Explanations: what is said before a query is run, and after.

use serde_json::{Value, json};

use super::harness::{ENTRY, Server, server};

const PATH: &str = "/sigyn/api/v1/explain";

async fn loaded() -> Server {
    let server = server().await;
    let at = |seconds: i64| (ENTRY + seconds * 1_000_000_000).to_string();
    for app in ["api", "db"] {
        let values = json!([[at(0), "level=info a=1", {"pod": "p"}], [at(1), "level=error a=2"]]);
        server.push(json!([{"stream": {"app": app}, "values": values}])).await;
    }
    // Two hours before.
    server.push(json!([{"stream": {"app": "api"}, "values": [[at(-7200), "old"]]}])).await;
    server
}

async fn explain(server: &Server, parameters: &[(&str, &str)]) -> Value {
    let answer = server.get(PATH, parameters).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json; charset=UTF-8"));
    let answer = answer.json();
    assert_eq!(answer["status"], "success");
    answer["data"].clone()
}

#[tokio::test]
async fn log_queries_before_they_run() {
    let server = loaded().await;
    let found = explain(&server, &[("query", r#"{app="api"}|="error"|logfmt|a>1"#)]).await;
    assert_eq!((&found["query"], &found["type"]), (&json!(r#"{app="api"} |= "error" | logfmt | a>1"#), &json!("log")));
    assert_eq!(found["run"], Value::Null);
    // One part outside the range; the other app's is ruled out by its label filter or its footer.
    assert_eq!(found["parts"], json!({"matched": 3, "pruned_by_time": 1, "pruned_by_labels": 1, "to_read": 1}),);
    assert_eq!((&found["streams"], &found["blocks"], &found["rows"]), (&json!(1), &json!(1), &json!(2)));
    assert!(found["bytes"]["stored"].as_u64() > Some(0) && found["bytes"]["raw"].as_u64() > Some(0));
    let selector = &found["selectors"][0];
    assert_eq!(selector["selector"], r#"{app="api"}"#);
    assert_eq!(
        selector["columns"],
        json!(["timestamps", "line lengths", "lines", "metadata:detected_level", "metadata:pod"])
    );
    assert_eq!(
        selector["stages"][0],
        json!({"stage": "|= \"error\"", "reads": ["lines"], "extracts": [], "note": "literal search over whole blocks"})
    );
    assert_eq!(selector["stages"][1]["extracts"], "all");
    assert!(selector["pruning"].as_array().is_some_and(|sentences| sentences.iter().all(Value::is_string)));
}

#[tokio::test]
async fn metric_queries_say_what_footers_answer() {
    let server = loaded().await;
    let count =
        explain(&server, &[("query", r#"sum by (app) (count_over_time({app=~".+"}[1h]))"#), ("step", "3600")]).await;
    assert_eq!(count["type"], "metric");
    assert_eq!((&count["blocks"], &count["bytes"]), (&json!(0), &json!({"stored": 0, "raw": 0})));
    assert_eq!(count["selectors"][0]["columns"], json!([]));
    let pods =
        explain(&server, &[("query", r#"sum by (pod) (count_over_time({app=~".+"}[1h]))"#), ("step", "3600")]).await;
    assert_eq!(pods["selectors"][0]["columns"], json!(["timestamps", "metadata:pod"]));
    let two = r#"rate({app="api"} |= "x" [1m]) / rate({app="db"}[1m])"#;
    assert_eq!(explain(&server, &[("query", two)]).await["selectors"].as_array().map(Vec::len), Some(2));
    assert_eq!(explain(&server, &[("query", "vector(1)")]).await["selectors"], json!([]));
}

#[tokio::test]
async fn analyzed_queries_have_run() {
    let server = loaded().await;
    let query = [("query", r#"{app="api"} |= "error""#), ("analyze", "true")];
    let run = &explain(&server, &query).await["run"];
    assert_eq!(
        (&run["lines_processed"], &run["post_filter_lines"], &run["entries_returned"]),
        (&json!(2), &json!(1), &json!(1))
    );
    for name in ["exec_ms", "queue_ms", "bytes_fetched", "object_gets", "cache_hits"] {
        assert!(run[name].is_number(), "{name}");
    }
    assert_eq!(run["stages"], json!([{"stage": "|= \"error\"", "rows_in": 2, "rows_out": 1}]));
    let sum = [("query", r#"sum(count_over_time({app="api"}[1h]))"#), ("analyze", "true"), ("step", "3600")];
    assert_eq!(explain(&server, &sum).await["run"]["lines_summarised"], 2);
}

#[tokio::test]
async fn what_cannot_be_explained() {
    let server = loaded().await;
    for (parameters, message) in [
        (vec![("query", r#"{app="api"}"#), ("analyze", "maybe")], "invalid analyze 'maybe': true or false"),
        (vec![("query", "{}")], "parse error : queries require at least one regexp or equality matcher"),
        (vec![("query", r#"{app="api"}"#), ("limit", "5001")], "max entries limit per query exceeded"),
    ] {
        let (status, text) = server.get(PATH, &parameters).await.refusal();
        assert!(status == 400 && text.starts_with(message), "{status} {text}");
    }
}
