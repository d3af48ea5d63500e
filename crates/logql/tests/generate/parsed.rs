//! Lines that parsers understand, more or less, and pipelines that parse them.

use proptest::prelude::*;
use sigyn_logql::testing::Row;

use super::{grouping, label_stage, line_filter, row, selector};

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn json_line() -> impl Strategy<Value = String> {
    let member = one_of(&[
        r#""n":1"#,
        r#""n": 2.5"#,
        r#""n":-3"#,
        r#""n":"4""#,
        r#""n":"abc""#,
        r#""n":null"#,
        r#""lvl":"x""#,
        r#""lvl":"y" "#,
        r#""lvl":"""#,
        r#""dur":"250ms""#,
        r#""dur":"1m1.5s""#,
        r#""dur":"bad""#,
        r#""size":"1KB""#,
        r#""size":"2MiB""#,
        r#""size":7"#,
        r#""trace":"p""#,
        r#""trace":"new""#,
        r#""o":{"n":1,"s":"t u"}"#,
        r#""o":{"k":{"n":2}, "n":5}"#,
        r#""o":{}"#,
        r#""arr":[1, {"n":2},"z"]"#,
        r#""ok":true"#,
        r#""ok":false"#,
        r#""q-x":"s\"p\u0041\n""#,
        r#""1d":3"#,
        r#""app":"other""#,
        r#""app":"a","pod":"5""#,
    ]);
    prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn logfmt_line() -> impl Strategy<Value = String> {
    let pair = one_of(&[
        "n=1",
        "n=2.5",
        "n=-3",
        "n=abc",
        "n=",
        "lvl=x",
        "lvl=y",
        r#"lvl="""#,
        "dur=250ms",
        r#"dur="1m1.5s""#,
        "size=1KB",
        "size=2MiB",
        "trace=p",
        "trace=new",
        "ok=true",
        "ok",
        r#"q-x="s p\"e""#,
        "1d=3",
        "app=other",
        "bad==1",
        r#"="x""#,
        r#"a"b"#,
        r#"k="open"#,
    ]);
    prop::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join(" "))
}

fn line() -> impl Strategy<Value = String> {
    let access = one_of(&["GET /a/1 200 12ms", "POST /b 500 3ms", "GET /a", "PUT /x/p 7 1s x", "err n=1 {"]);
    prop_oneof![
        4 => json_line(),
        4 => logfmt_line(),
        3 => access.prop_map(str::to_owned),
        1 => (json_line(), 0..40_usize).prop_map(|(line, length)| line.chars().take(length).collect()),
        1 => logfmt_line().prop_map(|line| format!("\x1b[1;31m{line}\x1b[0m")),
        1 => Just(String::new()),
    ]
}

/// Rows with such lines.
pub(crate) fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (row(), line()).prop_map(|(row, line)| Row { line: line.into_bytes(), ..row }).boxed();
    prop_oneof![1 => 0..6_usize, 4 => 6..most].prop_flat_map(move |count| prop::collection::vec(row.clone(), count))
}

fn parser() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        5 => one_of(&[" | json"]),
        5 => one_of(&[" | logfmt", " | logfmt --keep-empty", " | logfmt --strict", " | logfmt --strict --keep-empty"]),
        2 => one_of(&[
            " | json n, lvl", r#" | json x="o.n", n="o.k.n", arr="arr""#, r#" | json z="arr[2]", y="arr[1].n", o"#,
            r#" | json d="[\"q-x\"]", trace"#, r#" | json app, lvl, trace="o.s""#,
        ]),
        2 => one_of(&[
            " | logfmt n, lvl", r#" | logfmt x="n", trace, y="dur""#, r#" | logfmt --strict d="q_x", app"#,
        ]),
        2 => one_of(&[
            r#" | regexp "(?P<method>[A-Z]+) (?P<path>\\S+)( (?P<n>\\d+))?""#, r#" | regexp "(?P<n>-?\\d+)""#,
            r#" | regexp "lvl=(?P<lvl>x|y)|(?P<trace>p)""#, r#" | regexp "^(?P<app>\\w)(.*)$""#,
        ]),
        2 => one_of(&[
            r#" | pattern "<method> <path> <n> <dur>""#, r#" | pattern "<_> /<lvl>/<n> ""#, r#" | pattern "GET <path> <_>""#,
            r#" | pattern "<trace>=<n> <_>=<lvl>""#,
        ]),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    let parsed = one_of(&[
        " | n > 1",
        " | n = 2.5",
        " | n != 1",
        " | n <= 4 or n_extracted > 1",
        " | dur > 1s",
        " | dur <= 250ms",
        " | dur != 3ms",
        " | size >= 1KB",
        " | size < 1MiB",
        " | o_n = 1 or o_k_n > 1",
        r#" | ok="true""#,
        r#" | ok!="true""#,
        r#" | __error__="""#,
        r#" | __error__="""#,
        r#" | __error__!="JSONParserErr""#,
        r#" | lvl_extracted="x" or n > 1"#,
        r#" | (n > 1 or dur > 1s) and lvl!="""#,
        r#" | n > 1, lvl="x" or ok="true""#,
        r#" | lvl=~"x|y""#,
        r#" | lvl!~"y+""#,
        r#" | path=~"/[a-b].+""#,
        r#" | trace="new""#,
        r#" | app_extracted!="other""#,
    ]);
    prop_oneof![3 => parsed.prop_map(str::to_owned), 1 => label_stage()]
}

fn format() -> impl Strategy<Value = &'static str> {
    one_of(&[
        r#" | line_format "{{.lvl}} {{.n}}""#,
        r#" | line_format "{{.n}}""#,
        r#" | line_format "{{ __line__ | ToUpper }}!{{.app}}""#,
        r#" | line_format "{{if .n}}n={{.n}}{{else}}none{{if .lvl}} {{.lvl}}{{end}}{{end}}""#,
        r#" | line_format "{{ .trace | default \"d\" | upper }}{{ ToLower .method }} {{ len __line__ }}""#,
        r#" | line_format "{{ .lvl.z }}""#,
        r#" | line_format "{{ __line__ | trunc 5 }}""#,
        " | line_format `n={{.n}} lvl={{.lvl_extracted}}` | logfmt",
        " | label_format lvl=app",
        " | label_format r1=trace, r2=n",
        " | label_format app=n, n=lvl",
        " | label_format trace=lvl, pod=n",
        r#" | label_format n="{{.lvl}}-{{.n}}", lvl=trace"#,
        r#" | label_format r1=lvl, r2="{{.r1}}{{.lvl}}", r3="{{.r2}}{{ .n | default \"0\" }}""#,
        r#" | label_format r1="{{ .app | upper | replace \"A\" \"aa\" }}", app="{{.pod}}""#,
        r#" | label_format r1="{{if .lvl}}{{ .lvl.z }}{{end}}ok""#,
        " | decolorize",
    ])
}

fn maybe(strategy: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop_oneof![4 => Just(String::new()), 1 => strategy].boxed()
}

/// Parsers with what may stand before, between and behind them.
pub(crate) fn stages() -> BoxedStrategy<String> {
    let filter = || maybe(filter());
    let first = (maybe(line_filter()), maybe(label_stage()), parser(), filter(), filter());
    let second = (maybe(parser().prop_map(str::to_owned)), filter());
    let last = (maybe(format().prop_map(str::to_owned)), maybe(label_stage()), filter(), maybe(line_filter()));
    (first, second, last)
        .prop_map(|((a, b, c, d, e), (f, g), (h, i, j, k))| {
            [&*a, &*b, c, &*d, &*e, &*f, &*g, &*h, &*i, &*j, &*k].concat()
        })
        .boxed()
}

/// Counts of parsed entries, most of them without errors.
pub(crate) fn counted() -> BoxedStrategy<String> {
    let op =
        one_of(&["count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time", "count_over_time"]);
    let errors = prop_oneof![3 => one_of(&[r#" | __error__="""#]), 1 => one_of(&[""])];
    let (range, offset) = (one_of(&["2s", "16s", "64s", "64s"]), one_of(&["", "", " offset 3s", " offset -4s"]));
    (op, selector(), stages(), errors, range, offset)
        .prop_map(|(op, selector, stages, errors, range, offset)| {
            format!("{op}({selector}{stages}{errors} [{range}]{offset})")
        })
        .boxed()
}

/// A sum or another aggregation of counts by labels that parsers find, or by the error.
pub(crate) fn counted_by_parsed() -> BoxedStrategy<String> {
    let names = prop::sample::subsequence(vec!["app", "lvl", "n", "lvl_extracted", "path", "__error__"], 0..4);
    (one_of(&["sum", "sum", "max", "count"]), one_of(&["by", "by", "without"]), names, counted())
        .prop_map(|(op, word, names, leaf)| format!("{op} {word} ({}) ({leaf})", names.join(", ")))
        .boxed()
}

fn unwrapped(ops: &'static [&'static str], grouping: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let value = one_of(&["n", "n", "n", "duration(dur)", "bytes(size)", "duration_seconds(dur)", "pod", "o_n"]);
    let post = one_of(&[
        "",
        r#" | __error__="""#,
        r#" | __error__="""#,
        r#" | __error__="""#,
        r#" | lvl!="y" | __error__="""#,
    ]);
    let (range, offset) = (one_of(&["2s", "16s", "64s", "64s"]), one_of(&["", "", " offset 3s", " offset -4s"]));
    let errors = prop_oneof![3 => one_of(&[r#" | __error__="""#]), 1 => one_of(&[""])];
    let stages = prop_oneof![2 => stages(), 3 => (one_of(&[" | json", " | logfmt", " | logfmt n, dur, size"]), maybe(filter())).prop_map(|(parser, filter)| parser.to_owned() + &filter)];
    ((one_of(ops), selector(), stages, errors), (value, post, range, offset), grouping)
        .prop_map(|((op, selector, stages, errors), (value, post, range, offset), grouping)| {
            let open = if op.contains('(') { "" } else { "(" };
            format!("{op}{open}{selector}{stages}{errors} | unwrap {value}{post} [{range}]{offset}){grouping}")
        })
        .boxed()
}

/// Aggregations whose values are exact, whatever the order of additions.
pub(crate) fn exact() -> BoxedStrategy<String> {
    let groups = prop_oneof![Just(String::new()), grouping().prop_map(|grouping| format!(" {grouping}"))].boxed();
    prop_oneof![
        unwrapped(&["sum_over_time", "rate", "absent_over_time"], Just(String::new()).boxed()),
        unwrapped(&["min_over_time", "max_over_time", "first_over_time", "last_over_time"], groups),
    ]
    .boxed()
}

/// Aggregations whose last digits depend on the order, under operators that do not make them into more.
pub(crate) fn inexact() -> BoxedStrategy<String> {
    let groups = prop_oneof![Just(String::new()), grouping().prop_map(|grouping| format!(" {grouping}"))].boxed();
    let leaf = prop_oneof![
        3 => unwrapped(&["avg_over_time", "stddev_over_time", "stdvar_over_time"], groups.clone()),
        1 => unwrapped(&["rate_counter"], Just(String::new()).boxed()),
        3 => unwrapped(&["quantile_over_time(0.5, ", "quantile_over_time(0.99, ", "quantile_over_time(0, ", "quantile_over_time(1.5, "], groups),
    ]
    .boxed();
    let outer = (one_of(&["sum", "max", "min", "avg"]), grouping(), leaf.clone());
    prop_oneof![2 => leaf, 1 => outer.prop_map(|(op, grouping, leaf)| format!("{op} {grouping} ({leaf})"))].boxed()
}
