//! The fixed set of queries, asked one after the other; the median of several times counts.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::payload::{ABSENT_TRACE, NEEDLE, Plan};
use crate::http::{self, Answer};
use crate::progress::Progress;

/// A query's name in the table, its path, and its parameters besides start and end.
struct Query {
    name: &'static str,
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
}

/// What one query took.
#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    pub name: &'static str,
    pub query: String,
    /// `ok`, `not supported yet`, or the refusal.
    pub outcome: String,
    pub first_ms: f64,
    pub median_ms: f64,
    pub worst_ms: f64,
    /// Series, entries or values of the answer.
    pub results: usize,
}

const RANGE: &str = "/loki/api/v1/query_range";

/// LogQL on `query_range`: metric queries with one step a minute, log queries with the newest 100.
const LOGQL: [(&str, &str); 17] = [
    ("count of everything, per minute", r#"sum(count_over_time({cluster=~".+"}[1m]))"#),
    ("count by app, per minute", r#"sum by (app) (count_over_time({cluster=~".+"}[1m]))"#),
    ("bytes by namespace, per 5 minutes", r#"sum by (namespace) (bytes_over_time({cluster=~".+"}[5m]))"#),
    ("newest 100 of one app", r#"{app="checkout"}"#),
    ("newest 100 of a namespace", r#"{namespace="payments"}"#),
    ("needle in everything (one hit)", r#"{cluster=~".+"} |= "NEEDLE""#),
    ("needle absent from one app", r#"{app="cart"} |= "NEEDLE-nowhere""#),
    ("absent trace id (structured metadata)", r#"{cluster=~".+"} | trace_id="TRACE""#),
    ("rate of a common substring by app", r#"sum by (app) (rate({cluster=~".+"} |= "timeout" [1m]))"#),
    (
        "case-insensitive regex over three apps",
        r#"sum by (app) (count_over_time({app=~"ledger|checkout|query"} |~ "(?i)(refused|unavailable)" [1m]))"#,
    ),
    ("rare regex over a namespace, limit 100", r#"{namespace="data"} |~ "lock cycle .* transaction [0-9a-f]{8}""#),
    ("lines without a substring, one app", r#"sum(count_over_time({app="auth"} != "info" [1m]))"#),
    ("json filter and count, one app", r#"sum(count_over_time({app="api-gateway"} | json | status >= 500 [1m]))"#),
    (
        "quantile of a json number, one app",
        r#"quantile_over_time(0.99, {app="checkout"} | json | unwrap duration_ms [1m]) by (method)"#,
    ),
    ("logfmt sum, one app", r#"sum by (route) (sum_over_time({app="query"} | logfmt | unwrap bytes [1m]))"#),
    (
        "pattern and topk, one app",
        r#"topk(5, sum by (method, status) (count_over_time({app="nginx-ingress"} | pattern `<_> - - [<_>] "<method> <_>" <status> <_>` [1m])))"#,
    ),
    (
        "error share by namespace",
        r#"sum by (namespace) (rate({cluster=~".+"} |= "error" [5m])) / sum by (namespace) (rate({cluster=~".+"}[5m]))"#,
    ),
];

fn set() -> Vec<Query> {
    let logql = LOGQL.iter().map(|(name, text)| {
        let text = text.replace("NEEDLE", NEEDLE).replace("TRACE", ABSENT_TRACE);
        let parameters = vec![("query", text), ("step", "60".to_owned()), ("limit", "100".to_owned())];
        Query { name, path: RANGE, parameters }
    });
    let plain = |name, path, query: &str| {
        let parameters = if query.is_empty() { vec![] } else { vec![("query", query.to_owned())] };
        Query { name, path, parameters }
    };
    let series = vec![("match[]", r#"{namespace="shop"}"#.to_owned())];
    logql
        .chain([
            plain("label names", "/loki/api/v1/labels", ""),
            plain("label values (pod)", "/loki/api/v1/label/pod/values", ""),
            Query { name: "series of a namespace", path: "/loki/api/v1/series", parameters: series },
            plain("index stats", "/loki/api/v1/index/stats", r#"{cluster=~".+"}"#),
            plain("volume", "/loki/api/v1/index/volume", r#"{cluster=~".+"}"#),
        ])
        .collect()
}

pub(crate) fn run(url: &str, tenant: Option<&str>, plan: &Plan, repeat: usize) -> Result<Vec<Asked>> {
    let set = set();
    let progress = Progress::new();
    let mut asked = Vec::with_capacity(set.len());
    for (i, query) in set.iter().enumerate() {
        progress.show(|| format!("asking {} of {}: {}", i + 1, set.len(), query.name));
        asked.push(ask(url, tenant, plan, repeat, query)?);
    }
    progress.clear();
    Ok(asked)
}

fn ask(url: &str, tenant: Option<&str>, plan: &Plan, repeat: usize, query: &Query) -> Result<Asked> {
    let mut parameters: Vec<(String, String)> =
        query.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    parameters.push(("start".to_owned(), plan.start.to_string()));
    parameters.push(("end".to_owned(), plan.end.to_string()));
    let address = format!("{url}{}", query.path);
    let mut times = Vec::with_capacity(repeat);
    let mut last = None;
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        let answer = http::get_as(&address, &parameters, tenant)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let refused = answer.status != 200;
        last = Some(answer);
        if refused {
            break;
        }
    }
    let first_ms = times.first().copied().unwrap_or_default();
    times.sort_by(f64::total_cmp);
    let (outcome, results) = last.map_or((String::new(), 0), |answer| read(&answer));
    Ok(Asked {
        name: query.name,
        query: query.parameters.first().map_or(query.path, |(_, text)| text.as_str()).to_owned(),
        outcome,
        first_ms,
        median_ms: times[times.len() / 2],
        worst_ms: times.last().copied().unwrap_or_default(),
        results,
    })
}

fn read(answer: &Answer) -> (String, usize) {
    let text = answer.text();
    if answer.status != 200 {
        let known = text.starts_with("not supported yet");
        let outcome = if known { "not supported yet".to_owned() } else { format!("{}: {:.80}", answer.status, text) };
        return (outcome, 0);
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    ("ok".to_owned(), results(&body))
}

/// Entries of streams, series of metrics, elements of lists.
fn results(body: &Value) -> usize {
    let data = body.get("data").unwrap_or(body);
    let Some(result) = data.get("result").and_then(Value::as_array) else {
        return data.as_array().map_or(1, Vec::len);
    };
    let is_streams = data.get("resultType").and_then(Value::as_str) == Some("streams");
    let entries = |stream: &Value| stream.get("values").and_then(Value::as_array).map_or(0, Vec::len);
    if is_streams { result.iter().map(entries).sum() } else { result.len() }
}
