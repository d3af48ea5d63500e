//! `/loki/api/v1/status/buildinfo`: what runs here; Grafana looks at it to know what to offer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::state::App;
use crate::{Error, Result, reply};

pub(crate) async fn buildinfo(State(app): State<Arc<App>>) -> Result<Response> {
    let body = serde_json::to_string(&app.state.build)
        .map_err(|e| Error::Internal { message: format!("writing build information failed: {e}") })?;
    Ok(reply::plain("application/json", body))
}
