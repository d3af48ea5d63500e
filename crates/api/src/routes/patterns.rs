//! `/loki/api/v1/patterns`: shapes of lines and how often they come, mined from a sample when asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::{EmptyCompatible, parse_selector};
use sigyn_read::PatternsRequest;

use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, json, params, query_limits};

pub(crate) async fn patterns(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let now = app.now();
    let params = &request.params;
    let range = params::ordered_bounds(params, now)?;
    let step = params::checked_step(params, range)?;
    let query = params.get("query");
    if query.is_empty() {
        return Err(Error::invalid("query string is empty"));
    }
    let selector = parse_selector(query, EmptyCompatible::Refused)?;
    query_limits::check_matchers([&selector], &request.limits)?;
    let patterns = match query_limits::clamp_all(range, now, &request.limits)? {
        Some(range) => app.reader()?.patterns(&request.tenants, PatternsRequest { selector, range, step }).await?,
        None => Vec::new(),
    };
    let size_hint = patterns.iter().map(|p| p.pattern.len() + 24 * p.samples.len() + 64).sum();
    request.reply.json(size_hint, move |out| json::patterns(out, &patterns)).await
}
