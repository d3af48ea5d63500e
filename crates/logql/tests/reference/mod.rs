//! A LogQL evaluator that scans every entry for every step: slow, obvious, and right.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use regex::bytes::Regex;

use sigyn_logql::ast::{
    BinaryExpr, BinaryOp, CompareOp, GroupSide, Grouping, LabelChoice, LabelFilter, LineFilter, LineFilterArg,
    LineFilterOp, LogExpr, MatchOp, Matcher, MetricExpr, RangeAggregation, RangeOp, Stage, VectorAggregation,
    VectorMatching, VectorOp,
};
use sigyn_logql::re2;
use sigyn_logql::testing::Row;
use sigyn_model::Labels;

/// Series and their values at one instant.
pub(crate) type Vector = BTreeMap<Labels, f64>;

/// A literal, or series.
pub(crate) enum Value {
    Scalar(f64),
    Vector(Vector),
}

/// The entries that pass, with all their labels, in the order of `rows`.
pub(crate) fn passing(log: &LogExpr, rows: &[Row]) -> Vec<(Labels, Row)> {
    rows.iter()
        .filter(|row| log.selector.matchers.iter().all(|matcher| matches(matcher, row.labels.get(&matcher.name))))
        .filter_map(|row| {
            let mut labels = labels(row);
            for stage in &log.stages {
                labels = pass(stage, row, labels)?;
            }
            Some((labels, row.clone()))
        })
        .collect()
}

fn labels(row: &Row) -> Labels {
    let metadata = row.metadata.iter().map(|(name, value)| match row.labels.get(name) {
        Some(_) => (format!("{name}_extracted"), value.to_owned()),
        None => (name.to_owned(), value.to_owned()),
    });
    let stream = row.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Labels::from_pairs(stream.chain(metadata))
}

fn matches(matcher: &Matcher, value: Option<&str>) -> bool {
    let value = value.unwrap_or("");
    let regex = || regex_matches(&matcher.value, true, value.as_bytes());
    match matcher.op {
        MatchOp::Eq => value == matcher.value,
        MatchOp::NotEq => value != matcher.value,
        MatchOp::Re => regex(),
        MatchOp::NotRe => !regex(),
    }
}

thread_local! {
    static REGEXES: RefCell<HashMap<(String, bool), Regex>> = RefCell::default();
}

/// Compiling is what would take the time.
fn regex_matches(pattern: &str, anchored: bool, text: &[u8]) -> bool {
    REGEXES.with_borrow_mut(|regexes| {
        let regex = regexes.entry((pattern.to_owned(), anchored)).or_insert_with(|| {
            let compiled = if anchored { re2::compile_anchored(pattern) } else { re2::compile(pattern) };
            compiled.expect("a good regex")
        });
        regex.is_match(text)
    })
}

/// The entry's labels behind the stage, if it stays.
fn pass(stage: &Stage, row: &Row, labels: Labels) -> Option<Labels> {
    let chosen = |choices: &[LabelChoice], name: &str, value: &str| {
        choices.iter().any(|choice| match choice {
            LabelChoice::Name(chosen) => chosen == name,
            LabelChoice::Matcher(matcher) => matcher.name == name && matches(matcher, Some(value)),
        })
    };
    match stage {
        Stage::LineFilter(filter) => line_passes(filter, &row.line).then_some(labels),
        Stage::LabelFilter(filter) => label_passes(filter, &labels).then_some(labels),
        Stage::Drop(choices) => {
            Some(Labels::from_pairs(labels.iter().filter(|(name, value)| !chosen(choices, name, value))))
        }
        Stage::Keep(choices) => {
            Some(Labels::from_pairs(labels.iter().filter(|(name, value)| chosen(choices, name, value))))
        }
        other => panic!("no reference for {other:?}"),
    }
}

fn label_passes(filter: &LabelFilter, labels: &Labels) -> bool {
    match filter {
        LabelFilter::Match(matcher) => matches(matcher, labels.get(&matcher.name)),
        LabelFilter::Number { name, op, value } => {
            let Some(number) = labels.get(name) else { return false };
            let number: f64 = number.parse().expect("only labels with numbers are compared");
            match op {
                CompareOp::Eq => number == *value,
                CompareOp::NotEq => number != *value,
                CompareOp::Gt => number > *value,
                CompareOp::Gte => number >= *value,
                CompareOp::Lt => number < *value,
                CompareOp::Lte => number <= *value,
            }
        }
        LabelFilter::And(left, right) => label_passes(left, labels) && label_passes(right, labels),
        LabelFilter::Or(left, right) => label_passes(left, labels) || label_passes(right, labels),
        other => panic!("no reference for {other:?}"),
    }
}

fn line_passes(filter: &LineFilter, line: &[u8]) -> bool {
    let hit = |argument: &LineFilterArg| {
        let LineFilterArg::Text(text) = argument else { panic!("no reference for {argument:?}") };
        match filter.op {
            LineFilterOp::Contains | LineFilterOp::NotContains => {
                text.is_empty() || line.windows(text.len()).any(|window| window == text.as_bytes())
            }
            LineFilterOp::Re | LineFilterOp::NotRe => regex_matches(text, false, line),
            LineFilterOp::Pattern | LineFilterOp::NotPattern => panic!("no reference for patterns"),
        }
    };
    let any = filter.alternatives.iter().any(hit);
    match filter.op {
        LineFilterOp::Contains | LineFilterOp::Re | LineFilterOp::Pattern => any,
        LineFilterOp::NotContains | LineFilterOp::NotRe | LineFilterOp::NotPattern => !any,
    }
}

/// A metric query at one instant. Errors: the text of a failed match.
pub(crate) fn evaluate(expr: &MetricExpr, rows: &[Row], time: i64) -> Result<Value, String> {
    Ok(Value::Vector(match expr {
        MetricExpr::Literal(value) => return Ok(Value::Scalar(*value)),
        MetricExpr::VectorLiteral(value) => Vector::from([(Labels::default(), *value)]),
        MetricExpr::Range(range) => aggregate_range(range, rows, time),
        MetricExpr::Vector(vector) => aggregate_vector(vector, &self::vector(&vector.inner, rows, time)?),
        MetricExpr::Binary(binary) => {
            let left = evaluate(&binary.left, rows, time)?;
            let right = evaluate(&binary.right, rows, time)?;
            return operate(binary, left, right);
        }
        MetricExpr::LabelReplace(_) => panic!("no reference for label_replace"),
    }))
}

fn vector(expr: &MetricExpr, rows: &[Row], time: i64) -> Result<Vector, String> {
    match evaluate(expr, rows, time)? {
        Value::Vector(vector) => Ok(vector),
        Value::Scalar(_) => panic!("a literal where series are needed"),
    }
}

fn aggregate_range(expr: &RangeAggregation, rows: &[Row], time: i64) -> Vector {
    let end = time - expr.range.offset;
    let mut totals: BTreeMap<Labels, (f64, f64)> = BTreeMap::new();
    for (labels, row) in passing(&expr.range.log, rows) {
        if end - expr.range.range < row.timestamp && row.timestamp <= end {
            let total = totals.entry(labels).or_default();
            total.0 += 1.0;
            total.1 += row.line.len() as f64;
        }
    }
    let seconds = expr.range.range as f64 / 1e9;
    if expr.op == RangeOp::AbsentOverTime {
        let matchers = expr.range.log.selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Eq);
        let labels = Labels::from_pairs(matchers.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())));
        return if totals.is_empty() { Vector::from([(labels, 1.0)]) } else { Vector::new() };
    }
    totals
        .into_iter()
        .map(|(labels, (rows, bytes))| {
            let value = match expr.op {
                RangeOp::CountOverTime => rows,
                RangeOp::Rate => rows / seconds,
                RangeOp::BytesOverTime => bytes,
                RangeOp::BytesRate => bytes / seconds,
                other => panic!("no reference for {other:?}"),
            };
            (labels, value)
        })
        .collect()
}

fn grouped(labels: &Labels, grouping: Option<&Grouping>) -> Labels {
    let pairs = labels.iter().filter(|(name, _)| match grouping {
        None => false,
        Some(grouping) => grouping.labels.iter().any(|label| label == name) != grouping.without,
    });
    Labels::from_pairs(pairs)
}

fn aggregate_vector(expr: &VectorAggregation, inner: &Vector) -> Vector {
    let mut groups: BTreeMap<Labels, Vec<(&Labels, f64)>> = BTreeMap::new();
    for (labels, value) in inner {
        groups.entry(grouped(labels, expr.grouping.as_ref())).or_default().push((labels, *value));
    }
    let mut result = Vector::new();
    for (labels, mut members) in groups {
        let values = || members.iter().map(|(_, value)| *value);
        let count = members.len() as f64;
        // The running forms, so that comparisons of equal means hold in both evaluators.
        let (mut mean, mut squares) = (0.0, 0.0);
        for (at, value) in values().enumerate() {
            let distance = value - mean;
            mean += distance / (at + 1) as f64;
            squares += distance * (value - mean);
        }
        let variance = squares / count;
        let value = match expr.op {
            VectorOp::Sum => values().sum(),
            VectorOp::Avg => mean,
            VectorOp::Min => values().reduce(f64::min).expect("a group has members"),
            VectorOp::Max => values().reduce(f64::max).expect("a group has members"),
            VectorOp::Count => count,
            VectorOp::Stdvar => variance,
            VectorOp::Stddev => variance.sqrt(),
            VectorOp::Topk | VectorOp::Bottomk => {
                let order = |a: f64, b: f64| {
                    let by_value = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
                    let by_value = if expr.op == VectorOp::Topk { by_value.reverse() } else { by_value };
                    a.is_nan().cmp(&b.is_nan()).then(by_value)
                };
                members.sort_by(|a, b| order(a.1, b.1));
                let kept = members.iter().take(expr.parameter.expect("k"));
                result.extend(kept.map(|(labels, value)| ((*labels).clone(), *value)));
                continue;
            }
            other => panic!("no reference for {other:?}"),
        };
        result.insert(labels, value);
    }
    result
}

fn calculate(op: BinaryOp, return_bool: bool, left: f64, right: f64, kept: f64) -> Option<f64> {
    let holds = match op {
        BinaryOp::Add => return Some(left + right),
        BinaryOp::Sub => return Some(left - right),
        BinaryOp::Mul => return Some(left * right),
        BinaryOp::Div => return Some(if right == 0.0 { f64::NAN } else { left / right }),
        BinaryOp::Mod => return Some(if right == 0.0 { f64::NAN } else { left % right }),
        BinaryOp::Pow => return Some(left.powf(right)),
        BinaryOp::Eq => left == right,
        BinaryOp::NotEq => left != right,
        BinaryOp::Gt => left > right,
        BinaryOp::Gte => left >= right,
        BinaryOp::Lt => left < right,
        BinaryOp::Lte => left <= right,
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => panic!("set operations have no value"),
    };
    if return_bool { Some(f64::from(u8::from(holds))) } else { holds.then_some(kept) }
}

fn operate(expr: &BinaryExpr, left: Value, right: Value) -> Result<Value, String> {
    let each = |vector: Vector, value: &dyn Fn(f64) -> Option<f64>| {
        vector.into_iter().filter_map(|(labels, old)| Some((labels, value(old)?))).collect()
    };
    Ok(Value::Vector(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            return Ok(Value::Scalar(calculate(expr.op, true, left, right, left).expect("bool gives a value")));
        }
        (Value::Vector(left), Value::Scalar(right)) => {
            each(left, &|value| calculate(expr.op, expr.return_bool, value, right, value))
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            each(right, &|value| calculate(expr.op, expr.return_bool, left, value, value))
        }
        (Value::Vector(left), Value::Vector(right)) => pair(expr, &left, &right)?,
    }))
}

fn signature(labels: &Labels, matching: Option<&VectorMatching>) -> Labels {
    match matching {
        None => labels.clone(),
        Some(matching) => grouped(labels, Some(&Grouping { without: !matching.on, labels: matching.labels.clone() })),
    }
}

fn pair(expr: &BinaryExpr, left: &Vector, right: &Vector) -> Result<Vector, String> {
    let matching = expr.matching.as_ref();
    let sign = |labels: &Labels| signature(labels, matching);
    let has = |vector: &Vector, labels: &Labels| vector.keys().any(|other| sign(other) == sign(labels));
    let keep = |vector: &Vector, keep: &dyn Fn(&Labels) -> bool| -> Vector {
        vector.iter().filter(|(labels, _)| keep(labels)).map(|(labels, value)| (labels.clone(), *value)).collect()
    };
    match expr.op {
        BinaryOp::And => return Ok(keep(left, &|labels| has(right, labels))),
        BinaryOp::Unless => return Ok(keep(left, &|labels| !has(right, labels))),
        BinaryOp::Or => {
            let mut all = keep(right, &|labels| !has(left, labels));
            all.extend(left.clone());
            return Ok(all);
        }
        _ => {}
    }
    let group = matching.and_then(|matching| matching.group);
    let (many, one) = if group == Some(GroupSide::Right) { (right, left) } else { (left, right) };
    let mut signs: Vec<Labels> = one.keys().map(sign).collect();
    signs.sort();
    if signs.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("many-to-many".to_owned());
    }
    let mut result = Vector::new();
    let mut used: Vec<Labels> = Vec::new();
    for (labels, &value) in many {
        let Some((other, &other_value)) = one.iter().find(|(other, _)| sign(other) == sign(labels)) else {
            continue;
        };
        if group.is_none() {
            if used.contains(&sign(labels)) {
                return Err("many-to-one".to_owned());
            }
            used.push(sign(labels));
        }
        let (a, b) = if group == Some(GroupSide::Right) { (other_value, value) } else { (value, other_value) };
        let Some(value) = calculate(expr.op, expr.return_bool, a, b, a) else {
            continue;
        };
        let labels = match matching {
            None => labels.clone(),
            Some(_) if group.is_none() => sign(labels),
            Some(matching) => {
                let kept = labels.iter().filter(|(name, _)| !matching.include.iter().any(|include| include == name));
                let included = matching.include.iter().map(|name| (name.as_str(), other.get(name).unwrap_or("")));
                Labels::from_pairs(kept.chain(included))
            }
        };
        if result.insert(labels, value).is_some() {
            return Err("grouping labels must ensure unique matches".to_owned());
        }
    }
    Ok(result)
}
