//! `/loki/api/v1/index/stats`: how much a selector covers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::{EmptyCompatible, parse_selector};
use sigyn_read::IndexStats;

use crate::request::ReadRequest;
use crate::state::App;
use crate::{Result, json, params, query_limits};

pub(crate) async fn index_stats(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let now = app.now();
    let range = params::ordered_bounds(&request.params, now)?;
    let selector = parse_selector(request.params.get("query"), EmptyCompatible::Refused)?;
    query_limits::check_matchers([&selector], &request.limits)?;
    let range = query_limits::clamp_all(range, now, &request.limits)?;
    let stats = match range {
        Some(range) => app.reader()?.index_stats(&request.tenants, selector, range).await?,
        None => IndexStats::default(),
    };
    request.reply.json(128, move |out| json::index_stats(out, &stats)).await
}
