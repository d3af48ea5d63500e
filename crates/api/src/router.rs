//! Which path goes where, and Loki's answers for paths and methods that go nowhere.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};

use crate::routes;
use crate::state::{App, AppState};
use crate::{observe, status};

/// Loki's API over the parts that `state` holds.
pub fn router(state: AppState) -> Router {
    let app = Arc::new(App::new(state));
    let mut router = operations();
    if app.state.writer.is_some() {
        router = router.merge(writing());
    }
    if app.state.reader.is_some() {
        router = router.merge(reading());
    }
    if app.state.cluster.is_some() {
        router = router.route("/sigyn/api/v1/members", get(routes::members::members));
    }
    router.fallback(not_found).layer(middleware::from_fn_with_state(Arc::clone(&app), observe::observe)).with_state(app)
}

fn operations() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/ready", get(routes::ready::ready))
        .route("/metrics", get(routes::metrics::metrics))
        .route("/config", get(routes::config::config))
        .route("/services", get(routes::services::services))
        .route("/log_level", get(routes::log_level::get_level).post(routes::log_level::set_level))
        .route("/loki/api/v1/status/buildinfo", get(routes::buildinfo::buildinfo))
        .route("/loki/api/v1/format_query", both(routes::format_query::format_query));
    for path in routes::unsupported::PATHS {
        router = router.route(path, any(routes::unsupported::unsupported));
    }
    router
}

fn writing() -> Router<Arc<App>> {
    Router::new()
        .route("/loki/api/v1/push", post(routes::push::push).fallback(not_found))
        .route("/api/prom/push", post(routes::push::push_legacy).fallback(not_found))
        .route("/otlp/v1/logs", post(routes::push::push_otlp).fallback(not_found))
}

fn reading() -> Router<Arc<App>> {
    Router::new()
        .route("/loki/api/v1/query", both(routes::query::query))
        .route("/loki/api/v1/query_range", both(routes::query_range::query_range).delete(not_found))
        .route("/loki/api/v1/labels", both(routes::labels::labels))
        .route("/loki/api/v1/label", both(routes::labels::labels))
        .route("/loki/api/v1/label/{name}/values", both(routes::label_values::label_values))
        .route("/loki/api/v1/series", both(routes::series::series))
        .route("/loki/api/v1/index/stats", both(routes::index_stats::index_stats))
        .route("/loki/api/v1/index/volume", both(routes::index_volume::volume))
        .route("/loki/api/v1/index/volume_range", both(routes::index_volume::volume_range))
        .route("/loki/api/v1/detected_labels", both(routes::detected_labels::detected_labels))
        .route("/loki/api/v1/detected_fields", both(routes::detected_fields::fields))
        .route("/loki/api/v1/detected_field/{name}/values", both(routes::detected_fields::values))
        .route("/loki/api/v1/patterns", both(routes::patterns::patterns))
        .route("/loki/api/v1/drilldown-limits", get(routes::tenant_limits::drilldown_limits))
        .route("/config/tenant/v1/limits", get(routes::tenant_limits::tenant_limits))
        .route("/loki/api/v1/tail", get(routes::tail::tail))
        .route("/api/prom/query", both(routes::legacy::query))
        .route("/api/prom/label", both(routes::legacy::label_names))
        .route("/api/prom/label/{name}/values", both(routes::legacy::label_values))
        .route("/api/prom/series", both(routes::series::series))
        .route("/api/prom/tail", get(routes::tail::tail_legacy))
        .route("/sigyn/api/v1/explain", both(routes::explain::explain))
}

/// GET and POST alike.
fn both<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: axum::handler::Handler<T, Arc<App>> + Clone,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

async fn not_found() -> Response {
    status::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

#[cfg(test)]
mod tests;
