//! `/loki/api/v1/query`: a metric query at one instant.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::{Expr, LogRange, MetricExpr};
use sigyn_logql::variants;
use sigyn_model::Limits;
use sigyn_read::{MetricRequest, Steps};

use crate::json::{self, QueryAnswer, QueryResult};
use crate::params::InstantQuery;
use crate::request::{ReadRequest, metric_query};
use crate::state::App;
use crate::{Error, Result, query_limits};

pub(crate) async fn query(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let query = InstantQuery::parse(&request.params, app.now())?;
    let expr = sigyn_logql::parse(&query.query)?;
    for limits in &request.limits {
        query_limits::check_expr(&expr, limits)?;
    }
    let expr = match expr {
        Expr::Metric(expr) => expr,
        Expr::Log(_) => {
            return Err(Error::invalid(
                "log queries are not supported as an instant query type, please change your query to a range query type",
            ));
        }
        Expr::Variants { metrics, of } => united(&metrics, &of, &request.limits)?,
    };
    let metric = MetricRequest { expr, steps: Steps::instant(query.time.nanos()) };
    let answer = metric_query(&app, &request, metric).await?;
    let answer = QueryAnswer {
        result: QueryResult::Metric(answer.data),
        stats: answer.stats,
        warnings: answer.warnings,
        flags: request.flags,
    };
    let size_hint = json::size_hint(&answer.result);
    request.reply.json(size_hint, move |out| json::query_answer(out, &answer)).await
}

/// The variants as one query, where every tenant has them switched on.
pub(crate) fn united(metrics: &[MetricExpr], of: &LogRange, limits: &[Arc<Limits>]) -> Result<MetricExpr> {
    let enabled = limits.iter().all(|limits| limits.enable_multi_variant_queries);
    let Some(metric) = variants::as_metric(metrics, of).filter(|_| enabled) else {
        return Err(Error::invalid("multi variant queries are disabled for this instance"));
    };
    let expr = Expr::Metric(metric.clone());
    limits.iter().try_for_each(|limits| query_limits::check_expr(&expr, limits))?;
    Ok(metric)
}
