//! Random rows and random queries over them.

use proptest::prelude::*;
use sigyn_logql::Steps;
use sigyn_logql::testing::Row;

pub(crate) const SECOND: i64 = 1_000_000_000;

pub(crate) mod parsed;

fn label(
    name: &'static str,
    values: &'static [&'static str],
) -> impl Strategy<Value = Option<(&'static str, &'static str)>> {
    prop::option::weighted(0.6, prop::sample::select(values)).prop_map(move |value| Some((name, value?)))
}

pub(crate) fn row() -> impl Strategy<Value = Row> {
    let labels = (prop::sample::select(vec!["a", "b", "c"]), label("pod", &["1", "2"]), label("lvl", &["x"]));
    let metadata = (label("lvl", &["x", "y", "z"]), label("pod", &["7", "8"]), label("trace", &["p", "q", "r", "s"]));
    let line = prop_oneof![
        prop::collection::vec(prop::sample::select(vec!["err", "ERR", "ok ", "n=1", "x", " ", "\n"]), 0..4)
            .prop_map(|words| words.concat()),
        Just(String::new()),
    ];
    (labels, metadata, line, 0..40_i64, prop::sample::select(vec![0, 1, SECOND / 2])).prop_map(
        |((app, pod, level), (meta_level, meta_pod, trace), line, second, extra)| {
            let labels: Vec<(&str, &str)> = [Some(("app", app)), pod, level].into_iter().flatten().collect();
            let metadata: Vec<(&str, &str)> = [meta_level, meta_pod, trace].into_iter().flatten().collect();
            Row::new(&labels, second * SECOND + extra, &line, &metadata)
        },
    )
}

/// None ends in a bare name, which a `!=` behind it would turn into a matcher.
fn label_stage() -> impl Strategy<Value = String> {
    let stages = vec![
        r#" | lvl="x""#,
        r#" | lvl=~"x|y""#,
        r#" | lvl!="""#,
        r#" | trace!~"[pq]""#,
        r#" | pod > 1"#,
        r#" | pod <= 7 or trace="p""#,
        r#" | app="a" and lvl_extracted!="z""#,
        r#" | drop lvl, none="""#,
        r#" | drop pod="1", trace=~"p|q""#,
        r#" | drop lvl, lvl_extracted, trace=~".*""#,
        r#" | keep app, pod=~".*""#,
        r#" | keep app, trace, lvl=~"x|y""#,
    ];
    prop::sample::select(stages).prop_map(str::to_owned)
}

/// Up to three stages.
pub(crate) fn stages() -> impl Strategy<Value = String> {
    (line_filter(), prop::collection::vec(label_stage(), 0..3), line_filter())
        .prop_map(|(first, labels, last)| first + &labels.concat() + &last)
}

fn line_filter() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => prop::sample::select(vec![
            r#" |= "err""#, r#" != "ok""#, r#" |~ "(?i)err""#, r#" !~ "n=[0-9]""#, r#" |= "err" or "n=""#, r#" |= """#,
            r#" |~ "^$""#, r#" !~ "k .*x""#, r#" |~ "x|ok" or "1$""#, r#" != "err" or "x""#, r#" |~ "(?i)r+""#,
            r#" |> "err<_>""#, r#" !> "<_>x<_>""#, r#" |> "<_> <_>" or "x<_>""#, r#" |> """#,
        ]).prop_map(str::to_owned),
        1 => (line_filter_text(), line_filter_text()).prop_map(|(a, b)| a + &b),
    ]
}

fn label_replace() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        r#""new", "$1-x", "app", "(.+)""#,
        r#""pod", "", "pod", "1""#,
        r#""lvl", "${first}", "trace", "(?P<first>p|q).*""#,
        r#""app", "one", "none", "never""#,
        r#""app", "one", "app", ".*""#,
    ])
}

fn line_filter_text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![r#" |= "r""#, r#" != "x""#, r#" |~ "o|E""#, r#" !~ "\\s$""#]).prop_map(str::to_owned)
}

pub(crate) fn selector() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        r#"{app=~".+"}"#,
        r#"{app="a"}"#,
        r#"{app=~"a|b"}"#,
        r#"{app=~".+", pod="1"}"#,
        r#"{app!="a", app=~".+"}"#,
        r#"{app="none"}"#,
        r#"{app=~".+", lvl=""}"#,
    ])
}

fn grouping() -> impl Strategy<Value = String> {
    let names = prop::sample::subsequence(vec!["app", "pod", "lvl", "trace", "lvl_extracted", "none"], 0..4);
    (prop::sample::select(vec!["by", "without"]), names)
        .prop_map(|(word, names)| format!("{word} ({})", names.join(", ")))
}

fn leaf() -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec![
        "count_over_time",
        "rate",
        "bytes_over_time",
        "bytes_rate",
        "absent_over_time",
        "count_over_time",
    ]);
    // Powers of two, so that rates are exact and comparisons of equal sums hold in both evaluators.
    let range = prop::sample::select(vec!["1s", "2s", "4s", "16s", "64s"]);
    let offset = prop::sample::select(vec!["", "", " offset 3s", " offset -4s"]);
    (op, selector(), prop_oneof![line_filter().boxed(), stages().boxed()], range, offset)
        .prop_map(|(op, selector, filter, range, offset)| format!("{op}({selector}{filter} [{range}]{offset})"))
}

/// Operators over range aggregations of lines.
pub(crate) fn metric() -> impl Strategy<Value = String> {
    over(leaf().boxed())
}

/// Operators over range aggregations.
pub(crate) fn over(leaf: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let aggregated = (
        prop::sample::select(vec!["sum", "sum", "sum", "avg", "min", "max", "count", "stddev", "stdvar"]),
        grouping(),
        leaf.clone(),
    );
    let aggregated = aggregated.prop_map(|(op, grouping, leaf)| format!("{op} {grouping} ({leaf})"));
    let picked = (prop::sample::select(vec!["topk", "bottomk"]), grouping(), 1..4_usize, leaf.clone())
        .prop_map(|(op, grouping, k, leaf)| format!("{op} {grouping} ({k}, {leaf})"));
    let simple = prop_oneof![2 => leaf, 4 => aggregated, 1 => picked];
    simple.prop_recursive(3, 8, 2, |inner| {
        let arithmetic = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool"]);
        let sets = prop::sample::select(vec!["and", "or", "unless"]);
        let matching = (prop::sample::select(vec!["", "", " on", " ignoring"]), prop::sample::select(vec!["app", "pod", "lvl, trace", ""]));
        let matching = matching.prop_map(|(word, names)| if word.is_empty() { String::new() } else { format!("{word} ({names})") });
        let group = prop::sample::select(vec!["", "", " group_left ()", " group_right (lvl)"]);
        prop_oneof![
            2 => (inner.clone(), arithmetic.clone(), 0..4_u8).prop_map(|(inner, op, literal)| format!("({inner}) {op} {literal}")),
            1 => (0..4_u8, arithmetic.clone(), inner.clone()).prop_map(|(literal, op, inner)| format!("{literal} {op} ({inner})")),
            3 => (inner.clone(), arithmetic, matching.clone(), group, inner.clone()).prop_map(|(left, op, matching, group, right)| {
                let group = if matching.is_empty() { "" } else { group };
                format!("({left}) {op}{matching}{group} ({right})")
            }),
            2 => (inner.clone(), sets, matching, inner.clone()).prop_map(|(left, op, matching, right)| format!("({left}) {op}{matching} ({right})")),
            1 => (inner.clone(), label_replace()).prop_map(|(inner, replace)| format!("label_replace({inner}, {replace})")),
            1 => (inner.clone(), prop::sample::select(vec!["sort", "sort_desc"])).prop_map(|(inner, op)| format!("{op}({inner})")),
            1 => inner.clone().prop_map(|inner| format!("({inner}) or vector(2)")),
            2 => (prop::sample::select(vec!["sum", "max", "count"]), grouping(), inner).prop_map(|(op, grouping, inner)| format!("{op} {grouping} ({inner})")),
        ]
    })
}

pub(crate) fn steps() -> impl Strategy<Value = Steps> {
    prop_oneof![
        (0..45_i64).prop_map(|time| Steps::instant(time * SECOND)),
        (0..20_i64, 0..40_i64, prop::sample::select(vec![1, 2, 3, 7, 30]), 0..2_i64).prop_map(
            |(start, length, step, extra)| {
                Steps::range(start * SECOND + extra, (start + length) * SECOND, step * SECOND)
            }
        ),
    ]
}
