//! `/sigyn/api/v1/explain`: what a query would read and why; with `analyze=true` also what it did.
//!
//! Takes the parameters of `query_range`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::Expr;
use sigyn_read::{ExplainRequest, Explanation, LogRequest, MetricRequest};

use super::query::united;
use super::query_range::aligned;
use crate::json::{self, ExplainAnswer};
use crate::params::RangeQuery;
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, query_limits};

pub(crate) async fn explain(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let now = app.now();
    let asked = RangeQuery::parse(&request.params, now)?;
    let analyze = match request.params.get("analyze") {
        "" | "false" | "0" => false,
        "true" | "1" => true,
        other => return Err(Error::invalid(format!("invalid analyze '{other}': true or false"))),
    };
    let expr = sigyn_logql::parse(&asked.query)?;
    for limits in &request.limits {
        query_limits::check_expr(&expr, limits)?;
        if matches!(expr, Expr::Log(_)) {
            query_limits::check_entries(asked.limit, limits)?;
        }
    }
    let (query, kind) = (expr.to_string(), if matches!(expr, Expr::Log(_)) { "log" } else { "metric" });
    let explanation = match query_limits::clamp_all(asked.range, now, &request.limits)? {
        None => Explanation::default(),
        Some(range) => {
            let explained = match expr {
                Expr::Log(expr) => ExplainRequest::Log(LogRequest {
                    expr,
                    range,
                    limit: asked.limit,
                    direction: asked.direction,
                    interval_ns: asked.interval,
                }),
                Expr::Metric(expr) => ExplainRequest::Metric(MetricRequest { expr, steps: aligned(range, asked.step) }),
                Expr::Variants { metrics, of } => {
                    let expr = united(&metrics, &of, &request.limits)?;
                    ExplainRequest::Metric(MetricRequest { expr, steps: aligned(range, asked.step) })
                }
            };
            app.reader()?.explain(&request.tenants, explained, analyze).await?
        }
    };
    let answer = ExplainAnswer { query, kind, explanation };
    request.reply.json(4096, move |out| json::explanation(out, &answer)).await
}
