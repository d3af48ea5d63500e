//! `/services`: the parts that run in this process.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::state::App;
use crate::status;

pub(crate) async fn services(State(app): State<Arc<App>>) -> Response {
    let condition = if app.state.stopping.is_cancelled() { "Stopping" } else { "Running" };
    let lines: String = app.state.services.iter().map(|name| format!("{name} => {condition}\n")).collect();
    status::text(StatusCode::OK, lines)
}
