//! `/loki/api/v1/format_query`: a query's canonical text. Needs no tenant; errors are JSON.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::state::App;
use crate::{Error, Result, json, reply, request};

const JSON: &str = "application/json; charset=utf-8";

pub(crate) async fn format_query(State(app): State<Arc<App>>, request: Request) -> Response {
    let formatted: Result<String> = async {
        let params = request::params(request, &app).await?;
        let expr = sigyn_logql::parse(params.get("query"))?;
        Ok(sigyn_logql::format::pretty(&expr))
    }
    .await;
    match formatted {
        Ok(text) => reply::plain(JSON, object("success", "data", &text)),
        Err(Error::Query(problem)) => {
            let body = object("invalid-query", "error", &problem.to_string());
            (StatusCode::BAD_REQUEST, reply::plain(JSON, body)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn object(status: &str, name: &str, text: &str) -> Vec<u8> {
    let mut out = vec![b'{'];
    json::key(&mut out, "status");
    json::string(&mut out, status.as_bytes());
    json::key(&mut out, name);
    json::string(&mut out, text.as_bytes());
    out.extend_from_slice(b"}\n");
    out
}
