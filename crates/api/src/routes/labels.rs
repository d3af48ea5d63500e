//! `/loki/api/v1/labels`: names of stream labels.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::Selector;
use sigyn_logql::{EmptyCompatible, parse_selector};
use sigyn_model::TimeRange;

use crate::request::ReadRequest;
use crate::state::App;
use crate::{Result, json, params, query_limits};

pub(crate) async fn labels(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let (selector, range) = scope(&app, &request)?;
    let names = app.reader()?.label_names(&request.tenants, selector, range).await?;
    request.reply.json(names.len() * 16, move |out| json::strings(out, &names)).await
}

/// The optional `query` (matchers only) and the range of a labels request.
pub(super) fn scope(app: &App, request: &ReadRequest) -> Result<(Option<Selector>, TimeRange)> {
    let range = metadata_range(app, request)?;
    let selector = match request.params.get("query") {
        "" => None,
        text => Some(parse_selector(text, EmptyCompatible::Refused)?),
    };
    Ok((selector, range))
}

/// The range of a request for labels or series, inside every tenant's limits.
pub(super) fn metadata_range(app: &App, request: &ReadRequest) -> Result<TimeRange> {
    let now = app.now();
    let mut range = params::bounds(&request.params, now)?;
    for limits in &request.limits {
        range = query_limits::clamp_metadata(range, now, limits)?;
    }
    Ok(range)
}
