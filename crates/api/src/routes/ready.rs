//! `/ready`: whether to send this process requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::state::App;
use crate::status;

pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.state.stopping.is_cancelled() {
        return status::text(StatusCode::SERVICE_UNAVAILABLE, "Application is stopping\n");
    }
    status::text(StatusCode::OK, "ready\n")
}
