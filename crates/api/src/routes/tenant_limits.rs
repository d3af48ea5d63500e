//! `/loki/api/v1/drilldown-limits` and `/config/tenant/v1/limits`: the limits that a client may know.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use sigyn_model::Limits;

use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, reply, status};

/// The keys that Loki publishes and Sigyn has.
const PUBLISHED: [&str; 14] = [
    "discover_log_levels",
    "discover_service_name",
    "log_level_fields",
    "max_entries_limit_per_query",
    "max_line_size_truncate",
    "max_query_bytes_read",
    "max_query_length",
    "max_query_lookback",
    "max_query_range",
    "max_query_series",
    "query_timeout",
    "retention_period",
    "volume_enabled",
    "volume_max_series",
];

pub(crate) async fn drilldown_limits(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let mut limits = published(first(&request)?)?;
    // What Loki can switch and Sigyn does not have.
    for name in ["metric_aggregation_enabled", "pattern_persistence_enabled"] {
        limits.insert(name.to_owned(), Value::Bool(false));
    }
    limits.insert("otlp_config".to_owned(), json!({}));
    let body = json!({
        "limits": limits,
        "pattern_ingester_enabled": true,
        "version": app.state.build.version,
    });
    Ok(reply::plain("application/json", body.to_string()))
}

pub(crate) async fn tenant_limits(request: ReadRequest) -> Result<Response> {
    let limits = published(first(&request)?)?;
    Ok(status::text(StatusCode::OK, yaml(&limits)))
}

/// The limits of the request's only tenant; of several, the first's.
fn first(request: &ReadRequest) -> Result<&Limits> {
    request.limits.first().map(|limits| &**limits).ok_or_else(|| Error::Internal { message: "no tenant".to_owned() })
}

fn published(limits: &Limits) -> Result<Map<String, Value>> {
    let all = serde_json::to_value(limits)
        .map_err(|e| Error::Internal { message: format!("writing the limits failed: {e}") })?;
    let Value::Object(all) = all else { return Ok(Map::new()) };
    Ok(all.into_iter().filter(|(name, _)| PUBLISHED.contains(&name.as_str())).collect())
}

/// Scalars and lists of scalars; a JSON scalar is a YAML scalar too.
fn yaml(limits: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (name, value) in limits {
        match value {
            Value::Array(items) if items.is_empty() => out.push_str(&format!("{name}: []\n")),
            Value::Array(items) => {
                out.push_str(&format!("{name}:\n"));
                for item in items {
                    out.push_str(&format!("  - {item}\n"));
                }
            }
            scalar => out.push_str(&format!("{name}: {scalar}\n")),
        }
    }
    out
}
