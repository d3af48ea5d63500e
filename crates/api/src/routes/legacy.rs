//! `/api/prom/query`, `/api/prom/label`, `/api/prom/series`: the paths of old clients. `/api/prom/tail` is with the tail.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use sigyn_logql::ast::{Expr, LineFilter, LineFilterArg, LineFilterOp, Stage};
use sigyn_logql::merge_categories;
use sigyn_read::{Answer, LogRequest};

use super::labels::scope;
use crate::params::{Params, RangeQuery};
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, json, query_limits};

pub(crate) async fn query(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let now = app.now();
    let asked = RangeQuery::parse(&request.params, now)?;
    let mut expr = sigyn_logql::parse(&asked.query)?;
    match &mut expr {
        Expr::Log(log) => log.stages.extend(regexp_filter(&request.params)),
        _ => return Err(only_logs()),
    }
    for limits in &request.limits {
        query_limits::check_expr(&expr, limits)?;
        query_limits::check_entries(asked.limit, limits)?;
    }
    let Expr::Log(expr) = expr else { return Err(only_logs()) };
    let answer = match query_limits::clamp_all(asked.range, now, &request.limits)? {
        None => Answer::default(),
        Some(range) => {
            let RangeQuery { limit, direction, interval, .. } = asked;
            let log = LogRequest { expr, range, limit, direction, interval_ns: interval };
            app.reader()?.log_query(&request.tenants, log).await?
        }
    };
    let streams = merge_categories(answer.data, asked.direction);
    let size_hint = streams.iter().flat_map(|s| &s.entries).map(|entry| entry.line.len() + 64).sum();
    request.reply.json(size_hint, move |out| json::legacy_streams(out, &streams, &answer.stats)).await
}

/// The old parameter `regexp`, as the line filter that it stands for.
pub(super) fn regexp_filter(params: &Params) -> Option<Stage> {
    let regexp = params.get("regexp");
    let alternatives = vec![LineFilterArg::Text(regexp.to_owned())];
    (!regexp.is_empty()).then_some(Stage::LineFilter(LineFilter { op: LineFilterOp::Re, alternatives }))
}

fn only_logs() -> Error {
    Error::invalid("legacy endpoints only answer log queries; use /loki/api/v1/query_range for metric queries")
}

pub(crate) async fn label_names(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let (selector, range) = scope(&app, &request)?;
    let names = app.reader()?.label_names(&request.tenants, selector, range).await?;
    request.reply.json(names.len() * 16, move |out| json::legacy_strings(out, &names)).await
}

pub(crate) async fn label_values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: ReadRequest,
) -> Result<Response> {
    let (selector, range) = scope(&app, &request)?;
    let values = app.reader()?.label_values(&request.tenants, &name, selector, range).await?;
    request.reply.json(values.len() * 24, move |out| json::legacy_strings(out, &values)).await
}
