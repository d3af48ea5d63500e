//! Vector aggregation, matching and ordering, on series made by hand.

use super::*;
use crate::ast::Expr;
use crate::plan::plan_metric;

const LIMIT: SeriesLimit = SeriesLimit { series: 500, memory: usize::MAX };

/// One value a step; NaN-free, `None` is a gap.
type Given<'a> = (&'a [(&'a str, &'a str)], &'a [Option<f64>]);

fn set(series: &[Given<'_>]) -> SeriesSet {
    series
        .iter()
        .map(|(labels, values)| {
            let mut points = Points::none(values.len());
            for (step, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    points.set(step, *value);
                }
            }
            Series { labels: Labels::from_pairs(labels.iter().copied()), points }
        })
        .collect()
}

/// Evaluates `query`, whose selectors in order of appearance stand for `leaves`, over as many steps as the values have.
fn run(query: &str, leaves: &[&[Given<'_>]], steps: Steps) -> Result<MetricResult> {
    let Expr::Metric(metric) = crate::parse(query)? else { panic!("{query} is no metric query") };
    let plan = plan_metric(&metric, sigyn_model::Timestamp(0))?;
    assert_eq!(plan.leaves.len(), leaves.len(), "{query}");
    evaluate(&plan, &steps, leaves.iter().map(|leaf| set(leaf)).collect(), LIMIT)
}

fn instant(query: &str, leaves: &[&[Given<'_>]]) -> Vec<String> {
    match run(query, leaves, Steps::instant(9)).expect(query) {
        MetricResult::Vector(samples) => {
            samples.iter().map(|sample| format!("{} {}", sample.labels, sample.sample.value)).collect()
        }
        MetricResult::Scalar(sample) => vec![sample.value.to_string()],
        MetricResult::Matrix(_) => panic!("{query} gave a matrix"),
    }
}

fn range(query: &str, leaves: &[&[Given<'_>]]) -> Vec<String> {
    let steps = leaves.first().and_then(|leaf| leaf.first()).map_or(2, |(_, values)| values.len());
    let end = i64::try_from(steps).expect("few") - 1;
    match run(query, leaves, Steps::range(0, end, 1)).expect(query) {
        MetricResult::Matrix(series) => series
            .iter()
            .map(|series| {
                let samples: Vec<String> =
                    series.samples.iter().map(|sample| format!("{}@{}", sample.value, sample.timestamp)).collect();
                format!("{} {}", series.labels, samples.join(" "))
            })
            .collect(),
        other => panic!("{query} gave {other:?}"),
    }
}

fn refused(query: &str, leaves: &[&[Given<'_>]]) -> String {
    run(query, leaves, Steps::instant(9)).expect_err(query).to_string()
}

const A1: &[(&str, &str)] = &[("app", "a"), ("pod", "1")];
const A2: &[(&str, &str)] = &[("app", "a"), ("pod", "2")];
const B1: &[(&str, &str)] = &[("app", "b"), ("pod", "1")];
const A: &[(&str, &str)] = &[("app", "a")];
const B: &[(&str, &str)] = &[("app", "b")];
const LEFT: &str = r#"count_over_time({x="l"}[1m])"#;
const RIGHT: &str = r#"count_over_time({x="r"}[1m])"#;

fn one<'a>(labels: &'a [(&'a str, &'a str)], value: &'a [Option<f64>; 1]) -> Given<'a> {
    (labels, value)
}

#[test]
fn folds_groups() {
    let leaf: &[Given<'_>] = &[one(A1, &[Some(1.0)]), one(A2, &[Some(4.0)]), one(B1, &[Some(7.0)])];
    for (query, expected) in [
        ("avg", vec![r#"{} 4"#]),
        ("avg by (app)", vec![r#"{app="a"} 2.5"#, r#"{app="b"} 7"#]),
        ("max without (pod)", vec![r#"{app="a"} 4"#, r#"{app="b"} 7"#]),
        ("min by (pod, nope)", vec![r#"{pod="1"} 1"#, r#"{pod="2"} 4"#]),
        ("count by (pod)", vec![r#"{pod="1"} 2"#, r#"{pod="2"} 1"#]),
        ("stdvar", vec![r#"{} 6"#]),
        ("stddev by (app)", vec![r#"{app="a"} 1.5"#, r#"{app="b"} 0"#]),
    ] {
        assert_eq!(instant(&format!("{query} ({LEFT})"), &[leaf]), expected, "{query}");
    }
}

#[test]
fn folds_each_step_by_itself() {
    let leaf: &[Given<'_>] = &[(A1, &[Some(1.0), None, Some(3.0)]), (A2, &[Some(5.0), None, None])];
    assert_eq!(range(&format!("max by (app) ({LEFT})"), &[leaf]), [r#"{app="a"} 5@0 3@2"#]);
    assert_eq!(range(&format!("count({LEFT}) > 1"), &[leaf]), ["{} 2@0"]);
}

#[test]
fn nan_loses_to_numbers() {
    let nan = [Some(f64::NAN)];
    let leaf: &[Given<'_>] = &[one(A1, &nan), one(A2, &[Some(4.0)])];
    assert_eq!(instant(&format!("min({LEFT})"), &[leaf]), ["{} 4"]);
    assert_eq!(instant(&format!("max({LEFT})"), &[leaf]), ["{} 4"]);
    assert_eq!(instant(&format!("topk(1, {LEFT})"), &[leaf]), [r#"{app="a", pod="2"} 4"#]);
    assert_eq!(instant(&format!("bottomk(1, {LEFT})"), &[leaf]), [r#"{app="a", pod="2"} 4"#]);
}

#[test]
fn picks_and_sorts() {
    let leaf: &[Given<'_>] = &[one(A1, &[Some(3.0)]), one(A2, &[Some(1.0)]), one(B1, &[Some(2.0)])];
    let (a1, a2, b1) = (r#"{app="a", pod="1"} 3"#, r#"{app="a", pod="2"} 1"#, r#"{app="b", pod="1"} 2"#);
    for (query, expected) in [
        ("topk(2, ", vec![a1, b1]),
        ("bottomk(2, ", vec![a2, b1]),
        ("topk by (app) (1, ", vec![a1, b1]),
        ("topk(9, ", vec![a1, a2, b1]),
        ("sort(", vec![a2, b1, a1]),
        ("sort_desc(", vec![a1, b1, a2]),
        ("sort_desc(1 * ", vec![a1, b1, a2]),
    ] {
        assert_eq!(instant(&format!("{query}{LEFT})"), &[leaf]), expected, "{query}");
    }
    assert_eq!(instant(&format!("sort_desc({LEFT}) > 1"), &[leaf]), [a1, b1]);
    let leaf: &[Given<'_>] = &[(A, &[Some(1.0), Some(3.0)]), (B, &[Some(2.0), Some(2.0)])];
    assert_eq!(range(&format!("topk(1, {LEFT})"), &[leaf]), [r#"{app="a"} 3@1"#, r#"{app="b"} 2@0"#]);
    assert_eq!(range(&format!("sort_desc({LEFT})"), &[leaf]), [r#"{app="a"} 1@0 3@1"#, r#"{app="b"} 2@0 2@1"#]);
}

#[test]
fn literals_work_on_each_sample() {
    let leaf: &[Given<'_>] = &[one(A, &[Some(7.0)]), one(B, &[Some(0.0)])];
    for (query, expected) in [
        (format!("{LEFT} + 1"), vec![r#"{app="a"} 8"#, r#"{app="b"} 1"#]),
        (format!("14 / {LEFT}"), vec![r#"{app="a"} 2"#, r#"{app="b"} NaN"#]),
        (format!("9 % {LEFT}"), vec![r#"{app="a"} 2"#, r#"{app="b"} NaN"#]),
        (format!("{LEFT} ^ 2"), vec![r#"{app="a"} 49"#, r#"{app="b"} 0"#]),
        (format!("{LEFT} > 1"), vec![r#"{app="a"} 7"#]),
        (format!("1 > {LEFT}"), vec![r#"{app="b"} 0"#]),
        (format!("1 < bool {LEFT}"), vec![r#"{app="a"} 1"#, r#"{app="b"} 0"#]),
        (format!("{LEFT} == 0"), vec![r#"{app="b"} 0"#]),
    ] {
        assert_eq!(instant(&query, &[leaf]), expected, "{query}");
    }
    assert_eq!(instant("2 * 3", &[]), ["6"]);
    assert_eq!(instant("vector(5)", &[]), ["{} 5"]);
    assert_eq!(range("2 * 3", &[]), ["{} 6@0 6@1"]);
    assert_eq!(instant(&format!("{LEFT} or vector(0)"), &[&[]]), ["{} 0"]);
}

#[test]
fn matches_one_to_one() {
    let left: &[Given<'_>] = &[one(A1, &[Some(6.0)]), one(B1, &[Some(8.0)])];
    let right: &[Given<'_>] = &[one(A1, &[Some(2.0)])];
    assert_eq!(instant(&format!("{LEFT} / {RIGHT}"), &[left, right]), [r#"{app="a", pod="1"} 3"#]);
    let right: &[Given<'_>] = &[one(A2, &[Some(2.0)]), one(B, &[Some(4.0)])];
    assert_eq!(instant(&format!("{LEFT} / on (app) {RIGHT}"), &[left, right]), [r#"{app="a"} 3"#, r#"{app="b"} 2"#]);
    assert_eq!(
        instant(&format!("{LEFT} - ignoring (pod) {RIGHT}"), &[left, right]),
        [r#"{app="a"} 4"#, r#"{app="b"} 4"#]
    );
    assert_eq!(instant(&format!("{LEFT} < on (app) {RIGHT}"), &[left, right]), [""; 0]);
    assert_eq!(
        instant(&format!("{LEFT} > bool on (app) {RIGHT}"), &[left, right]),
        [r#"{app="a"} 1"#, r#"{app="b"} 1"#]
    );
}

#[test]
fn matches_many_to_one() {
    let many: &[Given<'_>] = &[one(A1, &[Some(6.0)]), one(A2, &[Some(8.0)])];
    let labels: &[(&str, &str)] = &[("app", "a"), ("team", "t")];
    let one_side: &[Given<'_>] = &[one(labels, &[Some(2.0)])];
    assert_eq!(
        instant(&format!("{LEFT} / on (app) group_left {RIGHT}"), &[many, one_side]),
        [r#"{app="a", pod="1"} 3"#, r#"{app="a", pod="2"} 4"#]
    );
    assert_eq!(
        instant(&format!("{LEFT} / on (app) group_left (team, pod) {RIGHT}"), &[&many[..1], one_side]),
        [r#"{app="a", team="t"} 3"#]
    );
    assert_eq!(instant(&format!("{LEFT} > on (app) group_right {RIGHT}"), &[one_side, many]), [""; 0]);
    assert_eq!(
        instant(&format!("{LEFT} < on (app) group_right (team) {RIGHT}"), &[one_side, many]),
        [r#"{app="a", pod="1", team="t"} 2"#, r#"{app="a", pod="2", team="t"} 2"#]
    );
}

#[test]
fn refuses_ambiguous_matches() {
    let many: &[Given<'_>] = &[one(A1, &[Some(6.0)]), one(A2, &[Some(8.0)])];
    let single: &[Given<'_>] = &[one(A, &[Some(2.0)])];
    assert_eq!(
        refused(&format!("{LEFT} / on (app) {RIGHT}"), &[single, many]),
        "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
    );
    assert_eq!(
        refused(&format!("{LEFT} / on (app) {RIGHT}"), &[many, single]),
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    );
    assert_eq!(
        refused(&format!("{LEFT} / on (app) group_left (pod) {RIGHT}"), &[many, single]),
        "multiple matches for labels: grouping labels must ensure unique matches"
    );
}

#[test]
fn clashes_count_only_at_the_same_step() {
    let many: &[Given<'_>] = &[(A1, &[Some(6.0), None]), (A2, &[None, Some(8.0)])];
    let single: &[Given<'_>] = &[(A, &[Some(2.0), Some(2.0)])];
    assert_eq!(range(&format!("{LEFT} / on (app) {RIGHT}"), &[many, single]), [r#"{app="a"} 3@0 4@1"#]);
    assert_eq!(range(&format!("{LEFT} * on (app) {RIGHT}"), &[single, many]), [r#"{app="a"} 12@0 16@1"#]);
}

#[test]
fn set_operations() {
    let left: &[Given<'_>] = &[(A1, &[Some(1.0), Some(2.0)]), (B1, &[Some(3.0), None])];
    let right: &[Given<'_>] = &[(A1, &[Some(9.0), None]), (B1, &[None, Some(8.0)])];
    assert_eq!(range(&format!("{LEFT} and {RIGHT}"), &[left, right]), [r#"{app="a", pod="1"} 1@0"#]);
    assert_eq!(
        range(&format!("{LEFT} unless {RIGHT}"), &[left, right]),
        [r#"{app="a", pod="1"} 2@1"#, r#"{app="b", pod="1"} 3@0"#]
    );
    assert_eq!(
        range(&format!("{LEFT} or {RIGHT}"), &[left, right]),
        [r#"{app="a", pod="1"} 1@0 2@1"#, r#"{app="b", pod="1"} 3@0 8@1"#]
    );
    let right: &[Given<'_>] = &[(A2, &[Some(9.0), None])];
    assert_eq!(range(&format!("{LEFT} and on (app) {RIGHT}"), &[left, right]), [r#"{app="a", pod="1"} 1@0"#]);
}

#[test]
fn label_replace_expands_deletes_and_leaves() {
    let leaf: &[Given<'_>] = &[one(A1, &[Some(1.0)])];
    let replaced = |arguments: &str| instant(&format!("label_replace({LEFT}, {arguments})"), &[leaf]);
    assert_eq!(replaced(r#""x", "p-$1", "pod", "(.*)""#), [r#"{app="a", pod="1", x="p-1"} 1"#]);
    assert_eq!(replaced(r#""x", "${a}b", "app", "(?P<a>.)""#), [r#"{app="a", pod="1", x="ab"} 1"#]);
    assert_eq!(replaced(r#""pod", "", "app", ".*""#), [r#"{app="a"} 1"#]);
    assert_eq!(replaced(r#""x", "y", "app", "b""#), [r#"{app="a", pod="1"} 1"#]);
    assert_eq!(replaced(r#""x", "y", "none", "(.+)""#), [r#"{app="a", pod="1"} 1"#]);
}

#[test]
fn too_many_series_are_refused() {
    let names: Vec<String> = (0..501).map(|n| n.to_string()).collect();
    let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("n", name.as_str())]).collect();
    let value = [Some(1.0)];
    let leaf: Vec<Given<'_>> = labels.iter().map(|labels| one(labels, &value)).collect();
    assert!(refused(LEFT, &[&leaf]).starts_with("maximum number of series (500) reached for a single query; consider"));
    assert_eq!(instant(LEFT, &[&leaf[..500]]).len(), 500);
    assert_eq!(instant(&format!("count({LEFT})"), &[&leaf]), ["{} 501"]);
}
