//! `/loki/api/v1/detected_fields` and `/loki/api/v1/detected_field/{name}/values`: what the newest entries of a log query hold.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use sigyn_logql::ast::Expr;
use sigyn_read::FieldsRequest;

use crate::params::{self, Params};
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, json, query_limits};

const DEFAULT_LINE_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 1000;

pub(crate) async fn fields(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let limit = field_limit(&request.params)?;
    let fields = match parse(&app, &request)? {
        Some(asked) => app.reader()?.detected_fields(&request.tenants, asked).await?,
        None => Vec::new(),
    };
    request.reply.json(fields.len() * 128, move |out| json::detected_fields(out, &fields, limit)).await
}

pub(crate) async fn values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: ReadRequest,
) -> Result<Response> {
    if name.is_empty() {
        return Err(Error::NotFound { message: "404 page not found\n".to_owned() });
    }
    let limit = field_limit(&request.params)?;
    let values = match parse(&app, &request)? {
        Some(asked) => app.reader()?.detected_field_values(&request.tenants, asked, name).await?,
        None => Vec::new(),
    };
    request.reply.json(values.len() * 32, move |out| json::detected_values(out, &values, limit)).await
}

/// `None` when nothing of the range may be looked at.
fn parse(app: &App, request: &ReadRequest) -> Result<Option<FieldsRequest>> {
    let now = app.now();
    let params = &request.params;
    let range = params::ordered_bounds(params, now)?;
    let line_limit = params::positive(params, "line_limit", DEFAULT_LINE_LIMIT)?;
    let limit = field_limit(params)?;
    params::checked_step(params, range)?;
    let expr = sigyn_logql::parse(params.get("query"))?;
    for limits in &request.limits {
        query_limits::check_expr(&expr, limits)?;
        query_limits::check_entries(line_limit, limits)?;
    }
    let Expr::Log(expr) = expr else { return Err(Error::invalid("only log selector is supported")) };
    let range = query_limits::clamp_all(range, now, &request.limits)?;
    Ok(range.map(|range| FieldsRequest { expr, range, line_limit, limit }))
}

/// `limit`, by its older name `field_limit`.
fn field_limit(params: &Params) -> Result<usize> {
    let name = if params.get("limit").is_empty() { "field_limit" } else { "limit" };
    params::positive(params, name, DEFAULT_LIMIT)
}
