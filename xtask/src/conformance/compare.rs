//! When two answers count as the same.
//!
//! The status must be equal (a recorded 5xx accepts any refusal). Of a 200 the data is compared: series and lists as sets,
//! samples to 1e-9 of their size, entries of one timestamp as a set; volumes by their label sets and statistics by their
//! keys only; detected cardinalities to a tenth. Of a refusal only that its body says something.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Status and body, the body parsed where it is JSON and a string otherwise.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub status: u16,
    pub body: Value,
}

/// What differs, or nothing.
pub(crate) fn difference(category: &str, want: &Recorded, got: &Recorded) -> Option<String> {
    let refused_either_way = want.status >= 500 && got.status >= 400;
    if want.status != got.status && !refused_either_way {
        return Some(format!("status {}, want {}: {}", got.status, want.status, short(&got.body, 160)));
    }
    if want.status != 200 {
        return got.body.as_str().is_some_and(|text| text.trim().is_empty()).then(|| "empty error body".to_owned());
    }
    if category == "misc" {
        return None;
    }
    let Value::Object(wanted) = &want.body else { return None };
    let Value::Object(given) = &got.body else { return Some(format!("body {}", short(&got.body, 100))) };
    match wanted.get("data") {
        Some(data) => data_difference(category, data, given.get("data").unwrap_or(&Value::Null)),
        None => data_difference(category, &want.body, &got.body),
    }
}

fn data_difference(category: &str, want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(wanted), Value::Object(given)) => object_difference(category, wanted, given),
        (Value::Array(wanted), Value::Array(given)) => {
            (sorted_keys(wanted) != sorted_keys(given)).then(|| unequal(got, want))
        }
        _ => (want != got).then(|| unequal(got, want)),
    }
}

fn object_difference(category: &str, want: &Map<String, Value>, got: &Map<String, Value>) -> Option<String> {
    if let Some(kind) = want.get("resultType").and_then(Value::as_str) {
        return result_difference(category, kind, want, got);
    }
    match category {
        "stats" => (!want.keys().eq(got.keys())).then(|| format!("keys {:?}", got.keys().collect::<Vec<_>>())),
        "detected" => detected_difference(want, got),
        _ => {
            let (want, got) = (Value::Object(want.clone()), Value::Object(got.clone()));
            (key(&want) != key(&got)).then(|| unequal(&got, &want))
        }
    }
}

fn result_difference(
    category: &str,
    kind: &str,
    want: &Map<String, Value>,
    got: &Map<String, Value>,
) -> Option<String> {
    let given_kind = got.get("resultType").and_then(Value::as_str).unwrap_or_default();
    if kind != given_kind {
        return Some(format!("resultType {given_kind}, want {kind}"));
    }
    let (want, got) = (want.get("result").unwrap_or(&Value::Null), got.get("result").unwrap_or(&Value::Null));
    if kind == "scalar" {
        let same = same_sample(want, got);
        return (!same).then(|| format!("scalar {got}, want {want}"));
    }
    let labels = if kind == "streams" { "stream" } else { "metric" };
    let (wanted, given) = (by_labels(want, labels), by_labels(got, labels));
    if !wanted.keys().eq(given.keys()) {
        return Some(series_sets_differ(&wanted, &given));
    }
    if category == "volume" {
        return None;
    }
    for (name, want) in &wanted {
        let difference = match kind {
            "streams" => entries_difference(want, given[name]),
            _ => samples_difference(want, given[name]),
        };
        if let Some(difference) = difference {
            return Some(format!("{name}: {difference}"));
        }
    }
    (category == "vec-k" && kind == "vector" && order_differs(want, got)).then(|| "order differs".to_owned())
}

fn by_labels<'a>(result: &'a Value, labels: &str) -> BTreeMap<String, &'a Value> {
    elements(result).iter().map(|element| (key(element.get(labels).unwrap_or(&Value::Null)), element)).collect()
}

fn series_sets_differ(want: &BTreeMap<String, &Value>, got: &BTreeMap<String, &Value>) -> String {
    let missing: Vec<_> = want.keys().filter(|name| !got.contains_key(*name)).take(2).collect();
    let extra: Vec<_> = got.keys().filter(|name| !want.contains_key(*name)).take(2).collect();
    format!("series differ: missing {missing:?} extra {extra:?} ({}, want {})", got.len(), want.len())
}

fn entries_difference(want: &Value, got: &Value) -> Option<String> {
    let (want, got) = (entries_by_time(want), entries_by_time(got));
    if want == got {
        return None;
    }
    let at = want.iter().zip(&got).position(|(a, b)| a != b).unwrap_or(want.len().min(got.len()));
    Some(format!(
        "entries differ at {at}: {:.200}, want {:.200} ({}, want {})",
        format!("{:?}", got.get(at)),
        format!("{:?}", want.get(at)),
        got.len(),
        want.len()
    ))
}

/// Timestamps in the order they first appear, each with its entries as a sorted list.
fn entries_by_time(stream: &Value) -> Vec<(String, Vec<String>)> {
    let mut order: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for entry in elements(stream.get("values").unwrap_or(&Value::Null)) {
        let time = entry.get(0).map(Value::to_string).unwrap_or_default();
        let rest = Value::Array(elements(entry).iter().skip(1).cloned().collect());
        let place = *places.entry(time.clone()).or_insert_with(|| {
            order.push((time, Vec::new()));
            order.len() - 1
        });
        order[place].1.push(key(&rest));
    }
    for (_, entries) in &mut order {
        entries.sort();
    }
    order
}

fn samples_difference(want: &Value, got: &Value) -> Option<String> {
    let (want, got) = (samples(want), samples(got));
    if want.len() != got.len() {
        return Some(format!("{} samples, want {}", got.len(), want.len()));
    }
    let unequal = want.iter().zip(&got).find(|(want, got)| !same_sample(want, got));
    unequal.map(|(want, got)| format!("sample {got}, want {want}"))
}

/// A matrix series has `values`, a vector series one `value`.
fn samples(series: &Value) -> Vec<&Value> {
    match series.get("values").map(elements) {
        Some(values) if !values.is_empty() => values.iter().collect(),
        _ => series.get("value").into_iter().collect(),
    }
}

fn same_sample(want: &Value, got: &Value) -> bool {
    (0..2).all(|i| match (want.get(i), got.get(i)) {
        (Some(want), Some(got)) => same_number(want, got),
        _ => false,
    })
}

fn same_number(want: &Value, got: &Value) -> bool {
    if want == got {
        return true;
    }
    let (Some(a), Some(b)) = (as_number(want), as_number(got)) else { return false };
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    // Infinities are equal or not; scaling a tolerance by them would call everything close.
    a == b || (a.is_finite() && b.is_finite() && (a - b).abs() <= (1e-9 * a.abs().max(b.abs())).max(1e-12))
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Elements that share a value may come in any order among themselves.
fn order_differs(want: &Value, got: &Value) -> bool {
    let names = |result: &Value| elements(result).iter().map(|e| key(&e["metric"])).collect::<Vec<_>>();
    let values = |result: &Value| elements(result).iter().map(|e| e["value"][1].clone()).collect::<Vec<_>>();
    names(want) != names(got) && values(want) != values(got)
}

fn detected_difference(want: &Map<String, Value>, got: &Map<String, Value>) -> Option<String> {
    for part in ["fields", "detectedLabels"] {
        let by_name = |map: &Map<String, Value>| -> BTreeMap<String, Value> {
            let fields = elements(map.get(part).unwrap_or(&Value::Null)).iter();
            fields.map(|field| (field["label"].to_string(), field.clone())).collect()
        };
        let (want, got) = (by_name(want), by_name(got));
        if !want.keys().eq(got.keys()) {
            return Some(format!("{part}: {:?}, want {:?}", got.keys(), want.keys()));
        }
        for (name, want) in &want {
            if let Some(difference) = field_difference(want, &got[name]) {
                return Some(format!("{name}: {difference}"));
            }
        }
    }
    None
}

fn field_difference(want: &Value, got: &Value) -> Option<String> {
    if want.get("type") != got.get("type") {
        return Some(format!("type {:?}, want {:?}", got.get("type"), want.get("type")));
    }
    let parsers = |field: &Value| sorted_keys(elements(field.get("parsers").unwrap_or(&Value::Null)));
    if parsers(want) != parsers(got) {
        return Some(format!("parsers {:?}, want {:?}", parsers(got), parsers(want)));
    }
    let cardinality = |field: &Value| field.get("cardinality").and_then(Value::as_f64).unwrap_or(0.0);
    let (want, got) = (cardinality(want), cardinality(got));
    ((want - got).abs() > 0.1 * want + 0.5).then(|| format!("cardinality {got}, want {want}"))
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn sorted_keys(values: &[Value]) -> Vec<String> {
    let mut keys: Vec<String> = values.iter().map(key).collect();
    keys.sort();
    keys
}

/// A text that is equal for equal values; objects print with sorted keys. The text of a parser's error detail is its own.
fn key(value: &Value) -> String {
    match value {
        Value::Object(map) if map.contains_key("__error_details__") => {
            let kept = map.iter().filter(|(name, _)| *name != "__error_details__");
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
        }
        _ => value.to_string(),
    }
}

fn unequal(got: &Value, want: &Value) -> String {
    format!("{}, want {}", short(got, 300), short(want, 300))
}

fn short(value: &Value, length: usize) -> String {
    value.to_string().chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(category: &str, want: Value, got: Value, same: bool) {
        let [want, got] = [want, got].map(|body| Recorded { status: 200, body });
        let difference = difference(category, &want, &got);
        assert_eq!(difference.is_none(), same, "{difference:?}");
    }

    fn vector(series: &[(&str, &str)]) -> Value {
        let series = series.iter().map(|(app, value)| json!({ "metric": { "app": app }, "value": [1, value] }));
        json!({ "data": { "resultType": "vector", "result": series.collect::<Vec<_>>() } })
    }

    fn streams(entries: &[(&str, &str)]) -> Value {
        json!({ "data": { "resultType": "streams", "result": [{ "stream": { "a": "b" }, "values": entries }] } })
    }

    #[test]
    fn series_are_a_set_and_samples_are_close() {
        check("vec-agg", vector(&[("a", "1"), ("b", "2")]), vector(&[("b", "2"), ("a", "1.0000000000001")]), true);
        check("vec-agg", vector(&[("a", "1")]), vector(&[("a", "1.00001")]), false);
        check("vec-agg", vector(&[("a", "1")]), vector(&[("a", "1"), ("b", "2")]), false);
        check("vec-agg", vector(&[("a", "NaN")]), vector(&[("a", "NaN")]), true);
        check("vec-agg", vector(&[("a", "+Inf")]), vector(&[("a", "5")]), false);
    }

    #[test]
    fn order_counts_only_for_the_k_functions_and_not_between_equals() {
        check("vec-k", vector(&[("a", "1"), ("b", "2")]), vector(&[("b", "2"), ("a", "1")]), false);
        check("vec-k", vector(&[("a", "2"), ("b", "2")]), vector(&[("b", "2"), ("a", "2")]), true);
    }

    #[test]
    fn entries_of_one_instant_are_a_set_and_instants_are_ordered() {
        check("select", streams(&[("1", "x"), ("1", "y")]), streams(&[("1", "y"), ("1", "x")]), true);
        check("select", streams(&[("1", "x"), ("2", "y")]), streams(&[("2", "y"), ("1", "x")]), false);
        check("select", streams(&[("1", "x"), ("1", "x")]), streams(&[("1", "x")]), false);
    }

    #[test]
    fn volumes_compare_labels_and_statistics_compare_keys() {
        check("volume", vector(&[("a", "1")]), vector(&[("a", "2")]), true);
        check("stats", json!({ "streams": 1, "bytes": 2 }), json!({ "streams": 3, "bytes": 4 }), true);
        check("stats", json!({ "streams": 1, "bytes": 2 }), json!({ "streams": 3 }), false);
    }

    #[test]
    fn refusals_must_say_something() {
        let want = Recorded { status: 400, body: json!("parse error") };
        let other_words = Recorded { status: 400, body: json!("no") };
        let silent = Recorded { status: 400, body: json!("\n") };
        let accepted = Recorded { status: 200, body: json!({}) };
        assert_eq!(difference("error", &want, &other_words), None);
        assert!(difference("error", &want, &silent).is_some());
        assert!(difference("error", &want, &accepted).is_some());
        let failed = Recorded { status: 500, body: json!("boom") };
        assert_eq!(difference("error", &failed, &other_words), None);
    }

    #[test]
    fn details_of_parser_errors_are_not_compared() {
        let series = |detail: &str| {
            let metric = json!({ "__error__": "E", "__error_details__": detail });
            json!({ "data": { "resultType": "vector", "result": [{ "metric": metric, "value": [1, "1"] }] } })
        };
        check("json", series("one"), series("another"), true);
    }
}
