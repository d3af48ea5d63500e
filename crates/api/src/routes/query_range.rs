//! `/loki/api/v1/query_range`: log queries, and metric queries at many steps.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::{Expr, LogExpr, MetricExpr};
use sigyn_logql::{MetricResult, merge_categories};
use sigyn_model::TimeRange;
use sigyn_model::duration::MILLISECOND;
use sigyn_read::{Answer, LogRequest, MetricRequest, Steps};

use super::query::united;
use crate::json::{self, QueryAnswer, QueryResult};
use crate::params::RangeQuery;
use crate::request::{ReadRequest, metric_query};
use crate::state::App;
use crate::{Result, query_limits};

pub(crate) async fn query_range(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let now = app.now();
    let query = RangeQuery::parse(&request.params, now)?;
    let expr = sigyn_logql::parse(&query.query)?;
    for limits in &request.limits {
        query_limits::check_expr(&expr, limits)?;
        if matches!(expr, Expr::Log(_)) {
            query_limits::check_entries(query.limit, limits)?;
        }
    }
    let range = query_limits::clamp_all(query.range, now, &request.limits)?;
    let answer = match expr {
        Expr::Log(expr) => logs(&app, &request, expr, &query, range).await?,
        Expr::Metric(expr) => samples(&app, &request, expr, query.step, range).await?,
        Expr::Variants { metrics, of } => {
            let expr = united(&metrics, &of, &request.limits)?;
            samples(&app, &request, expr, query.step, range).await?
        }
    };
    let answer =
        QueryAnswer { result: answer.data, stats: answer.stats, warnings: answer.warnings, flags: request.flags };
    let size_hint = json::size_hint(&answer.result);
    request.reply.json(size_hint, move |out| json::query_answer(out, &answer)).await
}

/// `range` is `None` when nothing of it may be looked at.
async fn logs(
    app: &App,
    request: &ReadRequest,
    expr: LogExpr,
    query: &RangeQuery,
    range: Option<TimeRange>,
) -> Result<Answer<QueryResult>> {
    let Some(range) = range else { return Ok(nothing(QueryResult::Streams(Vec::new()))) };
    let log = LogRequest { expr, range, limit: query.limit, direction: query.direction, interval_ns: query.interval };
    let answer = app.reader()?.log_query(&request.tenants, log).await?;
    let streams = if request.flags.categorize() { answer.data } else { merge_categories(answer.data, query.direction) };
    Ok(Answer { data: QueryResult::Streams(streams), stats: answer.stats, warnings: answer.warnings })
}

async fn samples(
    app: &App,
    request: &ReadRequest,
    expr: MetricExpr,
    step: i64,
    range: Option<TimeRange>,
) -> Result<Answer<QueryResult>> {
    let Some(range) = range else {
        return Ok(nothing(QueryResult::Metric(MetricResult::Matrix(Vec::new()))));
    };
    let metric = MetricRequest { expr, steps: aligned(range, step) };
    let answer = metric_query(app, request, metric).await?;
    Ok(Answer { data: QueryResult::Metric(answer.data), stats: answer.stats, warnings: answer.warnings })
}

fn nothing(data: QueryResult) -> Answer<QueryResult> {
    Answer { data, stats: sigyn_read::QueryStats::default(), warnings: Vec::new() }
}

/// Evaluation times: the start rounded down and the end rounded up to multiples of the step since the epoch.
///
/// Everything is cut to milliseconds first, as Loki does; points may lie before the start and after the end.
pub(super) fn aligned(range: TimeRange, step: i64) -> Steps {
    let step = (step / MILLISECOND).max(1);
    let start = range.start.nanos().div_euclid(MILLISECOND).div_euclid(step);
    let end = range.end.nanos().div_euclid(MILLISECOND);
    let end = end.div_euclid(step) + i64::from(end.rem_euclid(step) != 0);
    let nanos = step.saturating_mul(MILLISECOND);
    Steps::range(start.saturating_mul(nanos), end.saturating_mul(nanos), nanos)
}

#[cfg(test)]
mod tests {
    use sigyn_model::Timestamp;
    use sigyn_model::duration::SECOND;

    use super::*;

    #[test]
    fn steps_are_multiples_since_the_epoch() {
        let check = |start: i64, end: i64, step: i64, expected: (i64, i64, i64)| {
            let steps = aligned(TimeRange::new(Timestamp(start), Timestamp(end)), step);
            assert_eq!((steps.start, steps.end, steps.step), expected, "{start}..{end} step {step}");
        };
        check(61 * SECOND, 125 * SECOND, 60 * SECOND, (60 * SECOND, 180 * SECOND, 60 * SECOND));
        check(60 * SECOND, 120 * SECOND, 60 * SECOND, (60 * SECOND, 120 * SECOND, 60 * SECOND));
        check(60 * SECOND, 60 * SECOND, 60 * SECOND, (60 * SECOND, 60 * SECOND, 60 * SECOND));
        check(-SECOND, SECOND, 60 * SECOND, (-60 * SECOND, 60 * SECOND, 60 * SECOND));
        check(60 * SECOND, 120 * SECOND + 1, 60 * SECOND, (60 * SECOND, 120 * SECOND, 60 * SECOND));
        check(0, 10, 1, (0, 0, MILLISECOND));
    }
}
