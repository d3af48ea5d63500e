//! Reading everything back, in every way that must agree.

use sigyn_logql::ast::{Expr, LogExpr, MetricExpr};
use sigyn_logql::{Direction, MetricResult, StreamEntries};
use sigyn_model::duration::DAY;
use sigyn_model::{ErrorKind, TenantId, TimeRange, Timestamp};
use sigyn_read::{LogRequest, MetricRequest, Reader, Steps};

use crate::ledger::Line;
use crate::world::{World, tenant};

/// More lines than any run pushes.
const LIMIT: usize = 100_000;

/// Reads both tenants through `reader` and compares with the ledger; false when the store was away.
///
/// `is_quiet`: nobody pushes meanwhile, so that a count must agree as well.
pub(crate) async fn check(world: &World, reader: &Reader, is_quiet: bool) -> Result<bool, String> {
    for number in 0..2 {
        let tenant = tenant(number);
        let direction = if world.chance(0.5) { Direction::Forward } else { Direction::Backward };
        // Taken before the reading begins: what is acknowledged by now must be seen.
        let expected = world.ledger.expect(&tenant, kept_from(world));
        let Some(reading) = read(world, reader, &tenant, direction).await? else { return Ok(false) };
        let lines = in_order(&reading, direction)?;
        // Lines may have aged past retention while the reading was under way.
        world.ledger.check(&tenant, &expected.without_before(kept_from(world)), &lines)?;
        if is_quiet {
            let counted = count(world, reader, &tenant).await?;
            if counted != lines.len() as f64 {
                return Err(format!("{tenant} has {} lines, but count_over_time says {counted}", lines.len()));
            }
        }
    }
    Ok(true)
}

/// Lines older than this may be gone. Retention drops whole hours, and none before all of it is too old.
fn kept_from(world: &World) -> Timestamp {
    world.retention.map_or(Timestamp::MIN, |span| world.clock.now() - span.nanos())
}

async fn read(
    world: &World,
    reader: &Reader,
    tenant: &TenantId,
    direction: Direction,
) -> Result<Option<Vec<StreamEntries>>, String> {
    world.count(|tally| tally.reads += 1);
    let range = TimeRange::new(world.clock.now() - 20 * DAY, world.clock.now() + DAY);
    let request = LogRequest { expr: log_expr()?, range, limit: LIMIT, direction, interval_ns: 0 };
    match reader.log_query(std::slice::from_ref(tenant), request).await {
        Ok(answer) => Ok(Some(answer.data)),
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
            world.count(|tally| tally.reads_failed += 1);
            Ok(None)
        }
        Err(error) => Err(format!("reading {tenant}: {error}")),
    }
}

async fn count(world: &World, reader: &Reader, tenant: &TenantId) -> Result<f64, String> {
    let now = (world.clock.now() + DAY).nanos();
    let request = MetricRequest { expr: count_expr()?, steps: Steps::instant(now) };
    let answer = reader.metric_query(std::slice::from_ref(tenant), request).await;
    match answer.map_err(|error| format!("counting {tenant}: {error}"))?.data {
        MetricResult::Vector(samples) => Ok(samples.first().map_or(0.0, |sample| sample.sample.value)),
        other => Err(format!("an instant query returned {other:?}")),
    }
}

fn log_expr() -> Result<LogExpr, String> {
    match sigyn_logql::parse("{app=~\".+\"}") {
        Ok(Expr::Log(expr)) => Ok(expr),
        other => Err(format!("not a log query: {other:?}")),
    }
}

fn count_expr() -> Result<MetricExpr, String> {
    match sigyn_logql::parse("sum(count_over_time({app=~\".+\"}[21d]))") {
        Ok(Expr::Metric(expr)) => Ok(expr),
        other => Err(format!("not a metric query: {other:?}")),
    }
}

/// The lines of a reading, each stream's in the order asked for.
fn in_order(reading: &[StreamEntries], direction: Direction) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for stream in reading {
        let app = stream.labels.get("app").unwrap_or_default();
        let is_sorted = match direction {
            Direction::Forward => stream.entries.is_sorted_by_key(|entry| entry.timestamp),
            Direction::Backward => stream.entries.is_sorted_by_key(|entry| std::cmp::Reverse(entry.timestamp)),
        };
        if !is_sorted {
            return Err(format!("stream {app} was not read in order {direction:?}"));
        }
        lines.extend(stream.entries.iter().map(|entry| Line {
            app: app.to_owned(),
            time: entry.timestamp,
            text: String::from_utf8_lossy(&entry.line).into_owned(),
        }));
    }
    Ok(lines)
}
