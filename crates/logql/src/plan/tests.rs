//! Which columns a query reads, and what is refused before anything is read.

use super::*;
use crate::ast::Expr;

fn metric(query: &str) -> Result<MetricPlan> {
    match crate::parse(query)? {
        Expr::Metric(metric) => plan_metric(&metric, sigyn_model::Timestamp(0)),
        other => panic!("{query} is {other:?}"),
    }
}

fn needs(query: &str) -> (bool, bool, MetadataNeeds) {
    let plan = metric(query).expect(query);
    let needs = &plan.leaves[0].needs;
    (needs.lines, needs.line_lengths, needs.metadata.clone())
}

#[test]
fn reads_only_the_columns_it_needs() {
    let some = |name: &str| MetadataNeeds::Some(vec![name.to_owned()]);
    for (query, expected) in [
        (r#"sum(count_over_time({a="b"}[1m]))"#, (false, false, MetadataNeeds::None)),
        (r#"sum by (x) (count_over_time({a="b"}[1m]))"#, (false, false, some("x"))),
        (r#"sum by (x) (rate({a="b"} |= "q" [1m]))"#, (true, false, some("x"))),
        (r#"sum without (x) (rate({a="b"}[1m]))"#, (false, false, MetadataNeeds::All)),
        (r#"max by (x) (rate({a="b"}[1m]))"#, (false, false, MetadataNeeds::All)),
        (r#"bytes_rate({a="b"}[1m])"#, (false, true, MetadataNeeds::All)),
        (r#"sum(bytes_over_time({a="b"} |= "q" [1m]))"#, (true, false, MetadataNeeds::None)),
        (r#"sum(bytes_over_time({a="b"} |= "" [1m]))"#, (false, true, MetadataNeeds::None)),
        (r#"absent_over_time({a="b"}[1m])"#, (false, false, MetadataNeeds::None)),
        (r#"sum(absent_over_time({a="b"}[1m]))"#, (false, false, MetadataNeeds::None)),
    ] {
        assert_eq!(needs(query), expected, "{query}");
    }
}

#[test]
fn takes_a_sum_into_its_leaf() {
    let root = |query: &str| metric(query).expect(query).root;
    assert!(matches!(root(r#"sum by (x) (rate({a="b"}[1m]))"#), Node::Leaf(0)));
    assert!(matches!(root(r#"max by (x) (rate({a="b"}[1m]))"#), Node::Vector { .. }));
    assert!(matches!(root(r#"sum(absent_over_time({a="b"}[1m]))"#), Node::Vector { .. }));
}

#[test]
fn limits_series_only_where_they_meet() {
    let limited = |query: &str| metric(query).expect(query).leaves[0].limited;
    assert!(limited(r#"count_over_time({a="b"}[1m])"#));
    assert!(!limited(r#"count(count_over_time({a="b"}[1m]))"#));
    assert!(!limited(r#"max(sum by (x) (count_over_time({a="b"}[1m])))"#));
    assert!(limited(r#"count(count_over_time({a="b"}[1m]) > 100)"#));
    assert!(limited(r#"topk(3, count_over_time({a="b"}[1m]))"#));
}

#[test]
fn refuses_what_it_cannot_evaluate_or_build() {
    for (query, expected) in [
        (r#"count_over_time({a="b"} | json [1m])"#, "not supported yet: | json"),
        (r#"sum_over_time({a="b"} | unwrap duration(x) [1m])"#, "not supported yet: | unwrap duration(x)"),
        (r#"approx_topk(3, rate({a="b"}[1m]))"#, "approx_topk is not enabled. See -limits.shard_aggregations"),
    ] {
        assert_eq!(metric(query).expect_err(query).to_string(), expected);
    }
    let both = metric(r#"rate({a="b"} | json |= ip("bad") [1m])"#).expect_err("a bad address");
    assert_eq!(both.to_string(), r#"parse error : stage '|= ip("bad")' : ip: invalid pattern: "bad""#);
}
