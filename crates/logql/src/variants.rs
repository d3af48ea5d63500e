//! `variants(m1, m2) of (range)`: several metric queries over the same entries, told apart by `__variant__`.

use crate::ast::{BinaryExpr, BinaryOp, LabelReplace, LogRange, MetricExpr, RangeAggregation};

/// Label that numbers the variants, from 0.
const VARIANT: &str = "__variant__";

/// The variants as one metric query: each labelled, then united. None when there are none.
///
/// Entries come from `of`; of each variant's own ranges only their length and `unwrap` count.
#[must_use]
pub fn as_metric(metrics: &[MetricExpr], of: &LogRange) -> Option<MetricExpr> {
    let labelled = metrics.iter().enumerate().map(|(number, metric)| {
        let inner = match over(metric, of) {
            MetricExpr::Literal(value) => MetricExpr::VectorLiteral(value),
            inner => inner,
        };
        MetricExpr::LabelReplace(Box::new(LabelReplace {
            inner,
            destination: VARIANT.to_owned(),
            replacement: number.to_string(),
            source: String::new(),
            regex: String::new(),
        }))
    });
    labelled.reduce(|left, right| {
        let (op, return_bool, matching) = (BinaryOp::Or, false, None);
        MetricExpr::Binary(Box::new(BinaryExpr { op, left, right, return_bool, matching }))
    })
}

/// The expression with the entries of `of` in all of its ranges.
fn over(expr: &MetricExpr, of: &LogRange) -> MetricExpr {
    let mut expr = expr.clone();
    replace(&mut expr, of);
    expr
}

fn replace(expr: &mut MetricExpr, of: &LogRange) {
    match expr {
        MetricExpr::Range(RangeAggregation { range, .. }) => {
            *range = LogRange { range: range.range, unwrap: range.unwrap.take(), ..of.clone() };
        }
        MetricExpr::Vector(vector) => replace(&mut vector.inner, of),
        MetricExpr::LabelReplace(label_replace) => replace(&mut label_replace.inner, of),
        MetricExpr::Binary(binary) => {
            replace(&mut binary.left, of);
            replace(&mut binary.right, of);
        }
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Expr;

    #[test]
    fn variants_become_a_union_over_the_same_entries() {
        let query = r#"variants(rate({a="x"} | json [1m] offset 1h), sum(count_over_time({a="y"}[5m])), 3) of ({a="b"} |= "q" [2m])"#;
        let Ok(Expr::Variants { metrics, of }) = crate::parse(query) else { panic!("{query} has variants") };
        let metric = as_metric(&metrics, &of).expect("three variants");
        let labelled = |inner: &str, number: u32| format!(r#"label_replace({inner},"__variant__","{number}","","")"#);
        let expected = format!(
            "(({} or {}) or {})",
            labelled(r#"rate({a="b"} |= "q"[1m])"#, 0),
            labelled(r#"sum(count_over_time({a="b"} |= "q"[5m]))"#, 1),
            labelled("vector(3.000000)", 2)
        );
        assert_eq!(metric.to_string(), expected);
        assert_eq!(as_metric(&[], &of), None);
    }
}
