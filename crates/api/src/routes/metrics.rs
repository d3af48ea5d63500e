//! `/metrics`: everything that is counted, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::state::App;
use crate::{Error, Result, prometheus_text, reply};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &app.state.registry)
        .map_err(|e| Error::Internal { message: format!("writing metrics failed: {e}") })?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.contains("application/openmetrics-text") {
        return Ok(reply::plain(OPEN_METRICS, text));
    }
    Ok(reply::plain(PLAIN, prometheus_text::from_open_metrics(&text)))
}
