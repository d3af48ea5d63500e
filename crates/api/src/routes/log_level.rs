//! `/log_level`: read or change how much the process logs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use sigyn_model::labels::GoQuoted;

use crate::state::App;
use crate::{Result, reply, request};

const JSON: &str = "application/json";

pub(crate) async fn get_level(State(app): State<Arc<App>>) -> Response {
    let message = format!("Current log level is {}", app.state.log_level.get());
    reply::plain(JSON, json!({ "message": message }).to_string())
}

pub(crate) async fn set_level(State(app): State<Arc<App>>, request: Request) -> Result<Response> {
    let params = request::params(request, &app).await?;
    let level = params.get("log_level");
    if app.state.log_level.set(level) {
        let message = format!("Log level set to {level}");
        return Ok(reply::plain(JSON, json!({ "status": "success", "message": message }).to_string()));
    }
    let message = format!("unrecognized log level {}", GoQuoted(level));
    let body = json!({ "status": "failed", "message": message }).to_string();
    Ok((StatusCode::BAD_REQUEST, reply::plain(JSON, body)).into_response())
}
