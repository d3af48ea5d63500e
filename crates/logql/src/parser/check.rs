//! What the grammar allows but the language does not, with Loki's words.

use hashbrown::HashSet;

use crate::ast::{
    BinaryExpr, BinaryOp, Grouping, LogRange, MatchOp, Matcher, MetricExpr, RangeAggregation, RangeOp, Selector,
    VectorAggregation, VectorMatching, VectorOp,
};
use crate::error::ParseError;
use crate::re2;

use super::cursor::Result;
use super::metric::number;
use super::{Checked, Node, pattern};

/// Whether a selector may match every stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyCompatible {
    /// `{}` and `{a=~".*"}` are fine: the endpoints that list labels.
    Allowed,
    /// At least one matcher must not match the empty string, as in queries.
    Refused,
}

/// At least one matcher must refuse the empty string, or the selector would read everything.
pub(super) fn selector(selector: &Selector) -> Result<()> {
    let refuses_empty = |matcher: &Matcher| {
        Ok(match matcher.op {
            MatchOp::Eq => !matcher.value.is_empty(),
            MatchOp::NotEq => matcher.value.is_empty(),
            MatchOp::Re => !re2::matches_empty(&matcher.value)?,
            MatchOp::NotRe => re2::matches_empty(&matcher.value)?,
        })
    };
    for matcher in &selector.matchers {
        if refuses_empty(matcher).map_err(|message: String| ParseError::new(message))? {
            return Ok(());
        }
    }
    Err(ParseError::new(
        "queries require at least one regexp or equality matcher that does not have an empty-compatible value. \
         For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will",
    ))
}

pub(super) fn matcher(matcher: &Matcher) -> Result<()> {
    match matcher.op {
        MatchOp::Eq | MatchOp::NotEq => Ok(()),
        MatchOp::Re | MatchOp::NotRe => re2::check(&matcher.value).map(drop).map_err(ParseError::new),
    }
}

/// `regexp "…"` needs named groups that are distinct label names.
pub(super) fn regexp_parser(text: &str) -> Result<()> {
    let fail = |message: String| Err(ParseError::new(format!("invalid regexp parser: {message}")));
    let groups = match re2::check(text) {
        Ok(groups) => groups,
        Err(message) => return fail(message),
    };
    let mut names: HashSet<&str> = HashSet::new();
    for name in groups.iter().flatten() {
        if !pattern::is_label_name(name) {
            return fail(format!("invalid extracted label name '{name}'"));
        }
        if !names.insert(name) {
            return fail(format!("duplicate extracted label name '{name}'"));
        }
    }
    if names.is_empty() {
        return fail("at least one named capture must be supplied".to_owned());
    }
    Ok(())
}

pub(super) fn pattern_parser(text: &str) -> Result<()> {
    pattern::check_parser(text).map_err(|message| ParseError::new(format!("invalid pattern parser: {message}")))
}

pub(super) fn label_replace_regex(regex: &str) -> Result<()> {
    re2::check(&format!("^(?:{regex})$"))
        .map(drop)
        .map_err(|message| ParseError::new(format!("invalid regex in label_replace: {message}")))
}

/// Whether `op` may, must or must not have `unwrap`.
fn takes_unwrap(op: RangeOp) -> Option<bool> {
    match op {
        RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate => Some(false),
        RangeOp::Rate | RangeOp::AbsentOverTime => None,
        _ => Some(true),
    }
}

fn takes_grouping(op: RangeOp) -> bool {
    matches!(
        op,
        RangeOp::AvgOverTime
            | RangeOp::MinOverTime
            | RangeOp::MaxOverTime
            | RangeOp::StddevOverTime
            | RangeOp::StdvarOverTime
            | RangeOp::QuantileOverTime
            | RangeOp::FirstOverTime
            | RangeOp::LastOverTime
    )
}

/// Builds a range aggregation. Errors at once: the parameter is no number.
pub(super) fn range(
    op: RangeOp,
    parameter: Option<String>,
    range: LogRange,
    grouping: Option<Grouping>,
) -> Result<Checked<MetricExpr>> {
    let problem = range_problem(op, parameter.as_deref(), range.unwrap.is_some(), grouping.is_some())
        .map(ParseError::new)
        .or_else(|| selector(&range.log.selector).err());
    let parameter = parameter.as_deref().map(number).transpose()?;
    let expr = MetricExpr::Range(RangeAggregation { op, parameter, range, grouping });
    Ok(Checked { expr, problem })
}

fn range_problem(op: RangeOp, parameter: Option<&str>, has_unwrap: bool, has_grouping: bool) -> Option<String> {
    let name = op.name();
    let is_quantile = op == RangeOp::QuantileOverTime;
    match parameter {
        Some(text) if !is_quantile => return Some(format!("parameter {text} not supported for operation {name}")),
        None if is_quantile => return Some(format!("parameter required for operation {name}")),
        _ => {}
    }
    if has_grouping && !takes_grouping(op) {
        return Some(format!("grouping not allowed for {name} aggregation"));
    }
    match takes_unwrap(op) {
        Some(true) if !has_unwrap => Some(format!("invalid aggregation {name} without unwrap")),
        Some(false) if has_unwrap => Some(format!("invalid aggregation {name} with unwrap")),
        _ => None,
    }
}

/// Builds a vector aggregation. `by ()` is no grouping at all.
pub(super) fn vector(
    op: VectorOp,
    parameter: Option<String>,
    inner: Checked<MetricExpr>,
    grouping: Option<Grouping>,
) -> Checked<MetricExpr> {
    let grouping = grouping.filter(|grouping| grouping.without || !grouping.labels.is_empty());
    let has_labels = grouping.as_ref().is_some_and(|grouping| !grouping.labels.is_empty());
    let (parameter, problem) = match vector_parameter(op, parameter.as_deref()) {
        Ok(parameter) => (parameter, grouping_problem(op, has_labels)),
        Err(problem) => (None, Some(problem)),
    };
    let problem = problem.map(ParseError::new).or(inner.problem);
    let inner = Box::new(inner.expr);
    Checked { expr: MetricExpr::Vector(VectorAggregation { op, parameter, inner, grouping }), problem }
}

fn vector_parameter(op: VectorOp, parameter: Option<&str>) -> std::result::Result<Option<usize>, String> {
    let name = op.name();
    let takes_parameter = matches!(op, VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk);
    match parameter {
        None if takes_parameter => Err(format!("parameter required for operation {name}")),
        None => Ok(None),
        Some(text) if !takes_parameter => Err(format!("unsupported parameter for operation {name}({text},")),
        Some(text) => match text.parse::<usize>() {
            Ok(0) => Err(format!("invalid parameter (must be greater than 0) {name}({text}")),
            Ok(k) => Ok(Some(k)),
            Err(_) => Err(format!("invalid parameter {name}({text},")),
        },
    }
}

fn grouping_problem(op: VectorOp, has_labels: bool) -> Option<String> {
    match op {
        VectorOp::Sort | VectorOp::SortDesc if has_labels => {
            Some("sort and sort_desc doesn't allow grouping by ".to_owned())
        }
        VectorOp::ApproxTopk if has_labels => Some("grouping not allowed for approx_topk aggregation".to_owned()),
        _ => None,
    }
}

/// Builds a binary operation; two literals become one.
pub(super) fn binary(
    op: BinaryOp,
    return_bool: bool,
    matching: Option<VectorMatching>,
    left: Node,
    right: Node,
) -> Checked<MetricExpr> {
    let name = op.name();
    let sides = [("left", &left), ("right", &right)];
    let wrong_type = |side: &str, node: &Node| {
        let found = node.type_name();
        ParseError::new(format!("unexpected type for {side} leg of binary operation ({name}): {found}"))
    };
    for (side, node) in sides {
        if !matches!(node, Node::Metric(_)) {
            return broken(wrong_type(side, node));
        }
    }
    if op.is_set() {
        for (side, node) in sides {
            if let Node::Metric(Checked { expr: MetricExpr::Literal(value), .. }) = node {
                return broken(ParseError::new(format!(
                    "unexpected literal for {side} leg of logical/set binary operation ({name}): {value:.6}"
                )));
            }
        }
    }
    let (Node::Metric(left), Node::Metric(right)) = (left, right) else {
        return broken(ParseError::new(format!("unexpected type for left leg of binary operation ({name})")));
    };
    if let (MetricExpr::Literal(l), MetricExpr::Literal(r)) = (&left.expr, &right.expr) {
        return Checked { expr: MetricExpr::Literal(fold(op, *l, *r)), problem: None };
    }
    let problem = left.problem.or(right.problem);
    let expr = BinaryExpr { op, left: left.expr, right: right.expr, return_bool, matching };
    Checked { expr: MetricExpr::Binary(Box::new(expr)), problem }
}

/// Stands for an operation that has no meaning; it is not a literal, so nothing folds into it.
fn broken(problem: ParseError) -> Checked<MetricExpr> {
    Checked { expr: MetricExpr::VectorLiteral(0.0), problem: Some(problem) }
}

/// Arithmetic on literals: comparisons give 1 or 0, division and modulo by zero give NaN.
fn fold(op: BinaryOp, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div | BinaryOp::Mod if right == 0.0 => f64::NAN,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Eq => truth(left == right),
        BinaryOp::NotEq => truth(left != right),
        BinaryOp::Gt => truth(left > right),
        BinaryOp::Gte => truth(left >= right),
        BinaryOp::Lt => truth(left < right),
        BinaryOp::Lte => truth(left <= right),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => f64::NAN,
    }
}
