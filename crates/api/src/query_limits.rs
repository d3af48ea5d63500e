//! Limits that a query's text and parameters alone decide, with Loki's texts. What depends on data is `read`'s to check.

use std::sync::Arc;

use sigyn_logql::ast::{Expr, LogRange, MatchOp, MetricExpr, Selector};
use sigyn_model::duration::{format_go, format_prometheus};
use sigyn_model::{Limits, TimeRange, Timestamp};

use crate::{Error, Result};

/// Checks everything about the expression: matchers, required labels, `[range]` lengths.
pub(crate) fn check_expr(expr: &Expr, limits: &Limits) -> Result<()> {
    match expr {
        Expr::Log(log) => check_selector(&log.selector, limits),
        Expr::Metric(metric) => check_metric(metric, limits),
        Expr::Variants { of, .. } => check_range(of, limits),
    }
}

fn check_metric(expr: &MetricExpr, limits: &Limits) -> Result<()> {
    match expr {
        MetricExpr::Range(range) => check_range(&range.range, limits),
        MetricExpr::Vector(vector) => check_metric(&vector.inner, limits),
        MetricExpr::LabelReplace(replace) => check_metric(&replace.inner, limits),
        MetricExpr::Binary(binary) => {
            check_metric(&binary.left, limits)?;
            check_metric(&binary.right, limits)
        }
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => Ok(()),
    }
}

fn check_range(range: &LogRange, limits: &Limits) -> Result<()> {
    let most = limits.max_query_range.nanos();
    if most > 0 && range.range > most {
        return Err(Error::invalid(format!(
            "[interval] value exceeds limit: [{}] > [{}]",
            format_prometheus(range.range),
            format_prometheus(most)
        )));
    }
    check_selector(&range.log.selector, limits)
}

/// Refuses selectors with more matchers than any of the tenants may use, before their regexes are compiled.
pub(crate) fn check_matchers<'a>(
    selectors: impl IntoIterator<Item = &'a Selector>,
    limits: &[Arc<Limits>],
) -> Result<()> {
    for selector in selectors {
        for limits in limits {
            check_matcher_count(selector, limits)?;
        }
    }
    Ok(())
}

fn check_matcher_count(selector: &Selector, limits: &Limits) -> Result<()> {
    let (count, most) = (selector.matchers.len(), limits.max_streams_matchers_per_query);
    if most > 0 && count > most {
        return Err(Error::invalid(format!(
            "max streams matchers per query exceeded, matchers-count > limit ({count} > {most})"
        )));
    }
    Ok(())
}

fn check_selector(selector: &Selector, limits: &Limits) -> Result<()> {
    check_matcher_count(selector, limits)?;
    let matchers = &selector.matchers;
    let present = || matchers.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
    let missing: Vec<&str> = limits
        .required_labels
        .iter()
        .map(String::as_str)
        .filter(|name| !matchers.iter().any(|m| m.name == *name))
        .collect();
    if !missing.is_empty() {
        return Err(Error::invalid(format!(
            "stream selector is missing required matchers [{}], labels present in the query were [{}]",
            missing.join(", "),
            present()
        )));
    }
    let narrowing = matchers.iter().filter(|m| matches!(m.op, MatchOp::Eq | MatchOp::Re)).count();
    if limits.minimum_labels_number > 0 && narrowing < limits.minimum_labels_number {
        return Err(Error::invalid(format!(
            "stream selector has less label matchers than required: (present: [{}], number_present: {narrowing}, required_number_label_matchers: {})",
            present(),
            limits.minimum_labels_number
        )));
    }
    Ok(())
}

/// Refuses a `limit` above the tenant's.
pub(crate) fn check_entries(limit: usize, limits: &Limits) -> Result<()> {
    let most = limits.max_entries_limit_per_query;
    if most > 0 && limit > most {
        return Err(Error::invalid(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})"
        )));
    }
    Ok(())
}

/// Moves the start up to the tenant's lookback and refuses what is still too long.
/// `None`: all of the range is past the lookback.
pub(crate) fn clamp(range: TimeRange, now: Timestamp, limits: &Limits) -> Result<Option<TimeRange>> {
    let lookback = limits.max_query_lookback.nanos();
    let earliest = if lookback > 0 { now - lookback } else { Timestamp::MIN };
    if range.end < earliest {
        return Ok(None);
    }
    let range = TimeRange::new(range.start.max(earliest), range.end);
    let length = range.end.0.saturating_sub(range.start.0);
    let most = limits.max_query_length.nanos();
    if most > 0 && length > most {
        return Err(Error::invalid(format!(
            "the query time range exceeds the limit (query length: {}, limit: {})",
            format_go(length),
            format_prometheus(most)
        )));
    }
    Ok(Some(range))
}

/// As [`clamp`], for every tenant of a query.
pub(crate) fn clamp_all(range: TimeRange, now: Timestamp, limits: &[Arc<Limits>]) -> Result<Option<TimeRange>> {
    let mut clamped = Some(range);
    for limits in limits {
        clamped = match clamped {
            Some(range) => clamp(range, now, limits)?,
            None => None,
        };
    }
    Ok(clamped)
}

/// As [`clamp`], for labels and series, which complain where queries answer with nothing.
pub(crate) fn clamp_metadata(range: TimeRange, now: Timestamp, limits: &Limits) -> Result<TimeRange> {
    match clamp(range, now, limits)? {
        Some(range) if range.start <= range.end => Ok(range),
        _ => Err(Error::invalid(format!(
            "this data is no longer available, it is past now - max_query_lookback ({})",
            limits.max_query_lookback
        ))),
    }
}

#[cfg(test)]
mod tests {
    use sigyn_model::duration::{DAY, HOUR, Span};

    use super::*;

    fn check(query: &str, limits: &Limits) -> String {
        let expr = sigyn_logql::parse(query).expect(query);
        check_expr(&expr, limits).map_or_else(|e| e.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn expressions() {
        let ranges = Limits { max_query_range: Span(HOUR), ..Limits::default() };
        assert_eq!(check(r#"1 + rate({a="b"}[1h])"#, &ranges), "fine");
        let too_long = r#"sum(label_replace(rate({a="b"}[2h]), "a", "b", "c", "d")) + vector(1)"#;
        assert_eq!(check(too_long, &ranges), "[interval] value exceeds limit: [2h] > [1h]");

        let matchers = Limits { max_streams_matchers_per_query: 3, ..Limits::default() };
        assert_eq!(check(r#"{a="1", b="2", c="3"}"#, &matchers), "fine");
        assert_eq!(
            check(r#"{a="1", b="2", c="3", d="4"}"#, &matchers),
            "max streams matchers per query exceeded, matchers-count > limit (4 > 3)"
        );

        let required = Limits { required_labels: vec!["app".to_owned(), "env".to_owned()], ..Limits::default() };
        assert_eq!(
            check(r#"{env="1", b="2"}"#, &required),
            "stream selector is missing required matchers [app], labels present in the query were [env, b]"
        );
        let fewest = Limits { minimum_labels_number: 2, ..Limits::default() };
        assert_eq!(
            check(r#"{env="1"}"#, &fewest),
            "stream selector has less label matchers than required: (present: [env], number_present: 1, required_number_label_matchers: 2)"
        );
    }

    #[test]
    fn entries() {
        let limits = Limits::default();
        assert!(check_entries(5000, &limits).is_ok());
        assert_eq!(
            check_entries(5001, &limits).map_err(|e| e.to_string()),
            Err("max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)".to_owned())
        );
    }

    #[test]
    fn lengths_and_lookback() {
        let now = Timestamp(100 * DAY);
        let back = |days: i64| TimeRange::new(now - days * DAY, now);
        let limits = Limits::default();
        assert_eq!(
            clamp(back(31), now, &limits).map_err(|e| e.to_string()),
            Err("the query time range exceeds the limit (query length: 744h0m0s, limit: 30d1h)".to_owned())
        );
        let lookback = Limits { max_query_lookback: Span(DAY), ..limits };
        assert_eq!(clamp(back(31), now, &lookback).ok().flatten(), Some(back(1)));
        let old = TimeRange::new(now - 5 * DAY, now - 4 * DAY);
        assert_eq!(clamp(old, now, &lookback).ok(), Some(None));
        assert_eq!(
            clamp_metadata(old, now, &lookback).map_err(|e| e.to_string()),
            Err("this data is no longer available, it is past now - max_query_lookback (1d)".to_owned())
        );
    }
}
