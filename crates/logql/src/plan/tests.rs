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
        (r#"sum(sum_over_time({a="b"} | unwrap x [1m]))"#, (false, false, some("x"))),
        (r#"absent_over_time({a="b"} | unwrap x [1m])"#, (false, false, some("x"))),
        (r#"avg_over_time({a="b"} | unwrap x [1m]) by (x)"#, (false, false, some("x"))),
        (r#"max(max_over_time({a="b"} | unwrap x [1m]))"#, (false, false, some("x"))),
        (r#"avg_over_time({a="b"} | unwrap x [1m])"#, (false, false, MetadataNeeds::All)),
    ] {
        assert_eq!(needs(query), expected, "{query}");
    }
}

#[test]
fn takes_an_aggregation_into_its_leaf() {
    let root = |query: &str| match metric(query).expect(query).root {
        Node::Limited(inner) => *inner,
        root => root,
    };
    for query in [
        r#"sum by (x) (rate({a="b"}[1m]))"#,
        r#"sum by (x) (sum_over_time({a="b"} | unwrap y [1m]))"#,
        r#"max by (x) (max_over_time({a="b"} | unwrap y [1m]))"#,
    ] {
        assert!(matches!(root(query), Node::Leaf(0)), "{query}");
    }
    for query in [
        r#"max by (x) (rate({a="b"}[1m]))"#,
        r#"sum(absent_over_time({a="b"}[1m]))"#,
        r#"sum(avg_over_time({a="b"} | unwrap y [1m]))"#,
        r#"max(max_over_time({a="b"} | unwrap y [1m]) by (x))"#,
    ] {
        assert!(matches!(root(query), Node::Vector { .. }), "{query}");
    }
}

/// `L` stands before what is limited; a leaf is `l`, or `Ll` when its series are limited.
fn sketch(node: &Node, plan: &MetricPlan) -> String {
    match node {
        Node::Leaf(at) => if plan.leaves[*at].limited { "Ll" } else { "l" }.to_owned(),
        Node::Limited(inner) => format!("L{}", sketch(inner, plan)),
        Node::Vector { inner, .. } => format!("v({})", sketch(inner, plan)),
        Node::Binary(binary) => format!("({} . {})", sketch(&binary.left, plan), sketch(&binary.right, plan)),
        Node::LabelReplace(replace) => format!("r({})", sketch(&replace.inner, plan)),
        Node::VectorLiteral(_) | Node::Literal(_) => "1".to_owned(),
    }
}

#[test]
fn limits_series_only_where_they_meet() {
    for (query, expected) in [
        ("C", "Ll"),
        ("count(C)", "Lv(l)"),
        ("count(C > 100)", "v((Ll . 1))"),
        ("topk(3, C)", "v(Ll)"),
        ("topk(3, sum by (x) (C))", "v(Ll)"),
        ("sum(sum by (x) (C))", "Lv(l)"),
        ("max(sum by (x) (C))", "v(Ll)"),
        ("count(sum by (x) (C))", "v(Ll)"),
        ("max(C)", "Lv(l)"),
        ("sum(C + C * 2)", "Lv((l . (l . 1)))"),
        ("sum(C + on (x) C)", "v((Ll . Ll))"),
        ("sum(C - C)", "v((Ll . Ll))"),
        ("stddev(C) / avg(C)", "(v(Ll) . Lv(l))"),
        ("count(D)", "v(Ll)"),
        ("max(Q)", "v(l)"),
        ("max(Q) / sum(C)", "(Lv(l) . Ll)"),
        ("Q", "l"),
        ("label_replace(C, \"a\", \"b\", \"c\", \"d\") or vector(0)", "(r(Ll) . 1)"),
    ] {
        let query = query
            .replace('C', r#"count_over_time({a="b"}[1m])"#)
            .replace('D', r#"count_over_time({a="b"} | drop x [1m])"#)
            .replace('Q', r#"quantile_over_time(0.5, {a="b"} | unwrap x [1m])"#);
        let plan = metric(&query).expect("a good query");
        assert_eq!(sketch(&plan.root, &plan), expected, "{query}");
    }
}

#[test]
fn refuses_what_it_cannot_evaluate_or_build() {
    for (query, expected) in [
        (
            r#"sum_over_time({a="b"} | unwrap x | y=ip("bad") [1m])"#,
            r#"parse error : stage '| y=ip("bad")' : ip: invalid pattern: "bad""#,
        ),
        (r#"approx_topk(3, rate({a="b"}[1m]))"#, "approx_topk is not enabled. See -limits.shard_aggregations"),
    ] {
        assert_eq!(metric(query).expect_err(query).to_string(), expected);
    }
    let both = metric(r#"rate({a="b"} | json |= ip("bad") [1m])"#).expect_err("a bad address");
    assert_eq!(both.to_string(), r#"parse error : stage '|= ip("bad")' : ip: invalid pattern: "bad""#);
}
