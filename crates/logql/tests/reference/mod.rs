//! A LogQL evaluator that looks at every entry for every step: slow, obvious, and right.

mod parsers;
pub(crate) mod pipeline;
mod template;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use sigyn_logql::ast::{
    BinaryExpr, BinaryOp, GroupSide, Grouping, LabelReplace, LogExpr, MatchOp, MetricExpr, RangeAggregation, RangeOp,
    Stage, VectorAggregation, VectorMatching, VectorOp,
};
use sigyn_logql::testing::Row;
use sigyn_model::Labels;

use pipeline::{ERROR, Entry, Hints};

/// Series and their values at one instant.
pub(crate) type Vector = BTreeMap<Labels, f64>;

/// A literal, or series.
pub(crate) enum Value {
    Scalar(f64),
    Vector(Vector),
}

/// The entries that pass a log query, in the order of `rows`.
pub(crate) fn passing(log: &LogExpr, rows: &[Row]) -> Vec<Entry> {
    pipeline::passing(log, rows, &Hints::new(&log.stages, None, false))
}

/// Evaluates metric queries over some rows.
pub(crate) struct Evaluator {
    /// In order of stream and time.
    rows: Vec<Row>,
    /// What passes each range aggregation, whatever the time.
    passed: RefCell<HashMap<String, Rc<Vec<Entry>>>>,
}

impl Evaluator {
    pub(crate) fn new(rows: &[Row]) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| (&a.labels, a.timestamp).cmp(&(&b.labels, b.timestamp)));
        Self { rows, passed: RefCell::default() }
    }

    /// The value at one instant. Errors: what fails the query.
    pub(crate) fn evaluate(&self, expr: &MetricExpr, time: i64) -> Result<Value, String> {
        Ok(Value::Vector(match expr {
            MetricExpr::Literal(value) => return Ok(Value::Scalar(*value)),
            MetricExpr::VectorLiteral(value) => Vector::from([(Labels::default(), *value)]),
            MetricExpr::Range(range) => self.aggregate_range(range, None, time)?,
            MetricExpr::Vector(vector) => match &*vector.inner {
                // Such a sum is made on the way, with effects that show: an unwrapped label may be grouped by.
                MetricExpr::Range(range) if sums_on_the_way(vector, range) => {
                    let grouping = vector.grouping.clone().unwrap_or(Grouping { without: false, labels: Vec::new() });
                    self.aggregate_range(range, Some(&grouping), time)?
                }
                inner => aggregate_vector(vector, &self.vector(inner, time)?),
            },
            MetricExpr::Binary(binary) => {
                let left = self.evaluate(&binary.left, time)?;
                let right = self.evaluate(&binary.right, time)?;
                return operate(binary, left, right);
            }
            MetricExpr::LabelReplace(replace) => replace_label(replace, self.vector(&replace.inner, time)?)?,
        }))
    }

    fn vector(&self, expr: &MetricExpr, time: i64) -> Result<Vector, String> {
        match self.evaluate(expr, time)? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(_) => panic!("a literal where series are needed"),
        }
    }

    fn entries(&self, expr: &RangeAggregation, grouping: Option<&Grouping>) -> Rc<Vec<Entry>> {
        let key = format!("{expr:?} {grouping:?}");
        let known = self.passed.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let log = &expr.range.log;
            let unwrap = expr.range.unwrap.as_ref();
            let wanted = match grouping {
                _ if expr.op == RangeOp::AbsentOverTime => Some(Vec::new()),
                Some(Grouping { without: false, labels }) => Some(labels.clone()),
                _ => None,
            };
            let grouped = wanted.as_ref().is_some_and(|wanted| !wanted.is_empty());
            let wanted = wanted.map(|mut wanted| {
                let filters = unwrap.iter().flat_map(|unwrap| &unwrap.post_filters);
                wanted.extend(filters.flat_map(pipeline::names).map(str::to_owned));
                wanted.extend(unwrap.map(|unwrap| unwrap.label.clone()));
                wanted
            });
            let entries = pipeline::passing(log, &self.rows, &Hints::new(&log.stages, wanted.as_deref(), grouped));
            let entries = entries.into_iter().filter_map(|entry| match unwrap {
                Some(unwrap) => pipeline::unwrap(unwrap, entry),
                None => Some(entry),
            });
            let entries: Rc<Vec<Entry>> = Rc::new(entries.collect());
            self.passed.borrow_mut().insert(key, Rc::clone(&entries));
            entries
        })
    }

    /// `outer`: the grouping of a sum that is made on the way.
    fn aggregate_range(&self, expr: &RangeAggregation, outer: Option<&Grouping>, time: i64) -> Result<Vector, String> {
        let grouping = outer.or(expr.grouping.as_ref());
        let end = time - expr.range.offset;
        let unwrapped = expr.range.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
        let absent = expr.op == RangeOp::AbsentOverTime;
        let no_groups = Grouping { without: false, labels: Vec::new() };
        let keeps_errors = keeps_errors(expr, if absent { Some(&no_groups) } else { grouping });
        let mut groups: BTreeMap<Labels, Vec<Entry>> = BTreeMap::new();
        for entry in self.entries(expr, grouping).iter() {
            if end - expr.range.range >= entry.timestamp || entry.timestamp > end {
                continue;
            }
            let error = entry.get(ERROR).filter(|error| !error.is_empty());
            if error.is_some_and(|error| !(keeps_errors && error.ends_with("ParserErr"))) {
                return Err(format!("{} failed", entry.labels()));
            }
            let all = entry.labels();
            let labels = match grouping {
                Some(Grouping { without: false, .. }) => grouped(&all, grouping),
                _ => {
                    let out = |name: &str| grouping.iter().any(|grouping| grouping.labels.iter().any(|l| l == name));
                    Labels::from_pairs(all.iter().filter(|(name, _)| Some(*name) != unwrapped && !out(name)))
                }
            };
            groups.entry(labels).or_default().push(entry.clone());
        }
        if absent {
            let equal = expr.range.log.selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Eq);
            let labels = Labels::from_pairs(equal.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())));
            return Ok(if groups.is_empty() { Vector::from([(labels, 1.0)]) } else { Vector::new() });
        }
        Ok(groups.into_iter().map(|(labels, entries)| (labels, reduce(expr, entries))).collect())
    }
}

fn sums_on_the_way(vector: &VectorAggregation, range: &RangeAggregation) -> bool {
    use RangeOp::{BytesOverTime, BytesRate, CountOverTime, Rate, SumOverTime};
    vector.op == VectorOp::Sum
        && matches!(range.op, CountOverTime | Rate | BytesOverTime | BytesRate | SumOverTime)
        && range.grouping.is_none()
}

/// Entries on which a parser failed count where the query looks at the error and asks for some labels only.
fn keeps_errors(expr: &RangeAggregation, grouping: Option<&Grouping>) -> bool {
    let Some(Grouping { without: false, labels }) = grouping else { return false };
    let filtered = expr.range.log.stages.iter().any(|stage| match stage {
        Stage::LabelFilter(filter) => pipeline::names(filter).contains(&ERROR),
        _ => false,
    });
    let unwrap = expr.range.unwrap.iter();
    let mut post = unwrap.flat_map(|unwrap| &unwrap.post_filters).flat_map(pipeline::names);
    filtered || labels.iter().any(|label| label == ERROR) || post.any(|name| name == ERROR)
}

/// The value of one window.
fn reduce(expr: &RangeAggregation, mut entries: Vec<Entry>) -> f64 {
    let seconds = expr.range.range as f64 / 1e9;
    entries.sort_by_key(|entry| (entry.timestamp, entry.place));
    let count = entries.len() as f64;
    let bytes = || entries.iter().map(|entry| entry.line.len() as f64).sum::<f64>();
    let mut values: Vec<f64> = entries.iter().map(|entry| entry.value).collect();
    let sum: f64 = values.iter().sum();
    let variance = || values.iter().map(|value| (value - sum / count).powi(2)).sum::<f64>() / count;
    match expr.op {
        RangeOp::CountOverTime => count,
        RangeOp::Rate if expr.range.unwrap.is_some() => sum / seconds,
        RangeOp::Rate => count / seconds,
        RangeOp::BytesOverTime => bytes(),
        RangeOp::BytesRate => bytes() / seconds,
        RangeOp::SumOverTime => sum,
        RangeOp::AvgOverTime => sum / count,
        RangeOp::MinOverTime => values.into_iter().reduce(f64::min).expect("a window has samples"),
        RangeOp::MaxOverTime => values.into_iter().reduce(f64::max).expect("a window has samples"),
        RangeOp::FirstOverTime => values[0],
        RangeOp::LastOverTime => values[values.len() - 1],
        RangeOp::StdvarOverTime => variance(),
        RangeOp::StddevOverTime => variance().sqrt(),
        RangeOp::QuantileOverTime => {
            values.sort_by(f64::total_cmp);
            quantile(expr.parameter.expect("a quantile has a parameter"), &values)
        }
        RangeOp::RateCounter if values.len() < 2 => 0.0,
        // Its extrapolation is about a millionth of the value, which `close` allows for.
        RangeOp::RateCounter => {
            let drops = values.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0]).sum::<f64>();
            (values[values.len() - 1] - values[0] + drops) / seconds
        }
        RangeOp::AbsentOverTime => panic!("absence is no value of a window"),
    }
}

fn quantile(phi: f64, sorted: &[f64]) -> f64 {
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let rank = phi * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}

fn replace_label(expr: &LabelReplace, inner: Vector) -> Result<Vector, String> {
    let regex = parsers::regex(&format!("^(?:{})$", expr.regex));
    let mut result = Vector::new();
    for (labels, value) in inner {
        let labels = match regex.captures(labels.get(&expr.source).unwrap_or("")) {
            None => labels,
            Some(captures) => {
                let mut text = String::new();
                captures.expand(&expr.replacement, &mut text);
                let kept = labels.iter().filter(|(name, _)| *name != expr.destination);
                Labels::from_pairs(kept.chain([(expr.destination.as_str(), text.as_str())]))
            }
        };
        if result.insert(labels, value).is_some() {
            return Err("two series of the same labels".to_owned());
        }
    }
    Ok(result)
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
            VectorOp::Sort | VectorOp::SortDesc => {
                result.extend(members.iter().map(|(labels, value)| ((*labels).clone(), *value)));
                continue;
            }
            VectorOp::ApproxTopk => panic!("approx_topk is switched off"),
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
