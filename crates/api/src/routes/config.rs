//! `/config`: the settings in force; `?mode=defaults` shows the defaults.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::params::Params;
use crate::state::App;
use crate::status;

pub(crate) async fn config(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or(""), b"");
    let text = if params.get("mode") == "defaults" { &app.state.default_config_text } else { &app.state.config_text };
    status::text(StatusCode::OK, text.clone())
}
