//! Around every request: a span, the duration histogram, and panics turned into 500.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::metrics::RequestLabels;
use crate::state::App;
use crate::status;

/// Numbers requests, so that the log lines of one can be found.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let metrics = &app.state.metrics;
    let method = method_name(request.method());
    let route = route_name(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    let query_id = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let span = tracing::info_span!("request", query_id, route = %route, tenant = tracing::field::Empty);
    let started = Instant::now();

    metrics.inflight.inc();
    let answer = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
    metrics.inflight.dec();

    let response = answer.unwrap_or_else(|_| {
        metrics.panics.inc();
        span.in_scope(|| tracing::error!("a request's handler panicked"));
        status::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the request's handler panicked")
    });
    let elapsed = started.elapsed();
    let status_code = response.status().as_u16();
    span.in_scope(|| {
        tracing::debug!(method, status_code, duration_ms = elapsed.as_millis() as u64, "request answered")
    });
    metrics
        .request_duration
        .get_or_create(&RequestLabels { method, route, status_code })
        .observe(elapsed.as_secs_f64());
    response
}

/// `/loki/api/v1/label/{name}/values` becomes `loki_api_v1_label_name_values`, as on Loki's dashboards.
fn route_name(path: Option<&str>) -> String {
    let Some(path) = path else { return "other".to_owned() };
    path.trim_start_matches('/')
        .chars()
        .filter(|c| !matches!(c, '{' | '}' | '*'))
        .map(|c| if c == '/' { '_' } else { c })
        .collect()
}

/// Clients choose the method, so only the known ones become label values.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_named_as_on_dashboards() {
        assert_eq!(route_name(Some("/loki/api/v1/push")), "loki_api_v1_push");
        assert_eq!(route_name(Some("/loki/api/v1/label/{name}/values")), "loki_api_v1_label_name_values");
        assert_eq!(route_name(None), "other");
    }
}
