//! Properties: printing and parsing are inverse, and no text makes the parser panic.

use proptest::prelude::*;

use crate::ast::*;
use crate::format::pretty;
use crate::parser::parse;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_]{0,5}".prop_map(|name| format!("x{name}")),
        Just("sum".to_owned()),
        Just("rate".to_owned()),
        Just("bytes".to_owned()),
        Just("ip".to_owned()),
        Just("größe".to_owned()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z <>=\"\\\\`{}|\n\t]{0,8}", "\\PC{0,6}"].prop_map(|text| text.replace('\0', ""))
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 0..3)
}

fn match_op() -> impl Strategy<Value = MatchOp> {
    prop::sample::select(vec![MatchOp::Eq, MatchOp::NotEq, MatchOp::Re, MatchOp::NotRe])
}

fn matcher() -> impl Strategy<Value = Matcher> {
    (name(), match_op(), text()).prop_map(|(name, op, value)| {
        let value = match op {
            MatchOp::Eq | MatchOp::NotEq => value,
            MatchOp::Re | MatchOp::NotRe => regex_syntax::escape(&value),
        };
        Matcher { name, op, value }
    })
}

fn selector() -> impl Strategy<Value = Selector> {
    prop::collection::vec(matcher(), 0..3).prop_map(|mut matchers| {
        matchers.push(Matcher { name: "app".to_owned(), op: MatchOp::Eq, value: "api".to_owned() });
        Selector { matchers }
    })
}

fn compare_op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::*;
    prop::sample::select(vec![Eq, NotEq, Gt, Gte, Lt, Lte])
}

/// `n` units; below a second only what prints without a fraction.
fn duration(n: i64, unit: i64) -> i64 {
    if unit == 1_000_000_000 { n * unit } else { n % 1000 * unit }
}

fn label_filter() -> impl Strategy<Value = LabelFilter> {
    let number = prop_oneof![(-1000_i32..1000).prop_map(f64::from), (0.0..1e6_f64), Just(1e15)];
    let leaf = prop_oneof![
        matcher().prop_map(LabelFilter::Match),
        (name(), compare_op(), number).prop_map(|(name, op, value)| LabelFilter::Number { name, op, value }),
        (name(), compare_op(), -1_000_000_i64..1_000_000, prop::sample::select(vec![1, 1_000_000, 1_000_000_000]))
            .prop_map(|(name, op, n, unit)| LabelFilter::Duration { name, op, value: duration(n, unit) }),
        (name(), compare_op(), 1_u64..10).prop_map(|(name, op, value)| LabelFilter::Bytes { name, op, value }),
        (name(), any::<bool>(), text()).prop_map(|(name, negated, pattern)| LabelFilter::Ip { name, negated, pattern }),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), inner, any::<bool>()).prop_map(|(left, right, and)| {
            let (left, right) = (Box::new(left), Box::new(right));
            if and { LabelFilter::And(left, right) } else { LabelFilter::Or(left, right) }
        })
    })
}

fn line_filter() -> impl Strategy<Value = Stage> {
    use LineFilterOp::*;
    let op = prop::sample::select(vec![Contains, NotContains, Re, NotRe, Pattern, NotPattern]);
    (op, prop::collection::vec(text(), 1..4), prop::option::of(text())).prop_map(|(op, texts, ip)| {
        let mut alternatives: Vec<_> = texts.into_iter().map(LineFilterArg::Text).collect();
        alternatives.extend(ip.map(LineFilterArg::Ip));
        if op.is_negated() {
            alternatives.truncate(1);
        }
        Stage::LineFilter(LineFilter { op, alternatives })
    })
}

fn extracts() -> impl Strategy<Value = Vec<Extract>> {
    prop::collection::vec((name(), text()).prop_map(|(label, expression)| Extract { label, expression }), 0..3)
}

fn label_format() -> impl Strategy<Value = LabelFormat> {
    prop_oneof![
        (name(), name()).prop_map(|(to, from)| LabelFormat::Rename { to, from }),
        (name(), text()).prop_map(|(to, template)| LabelFormat::Template { to, template }),
    ]
}

fn label_choices() -> impl Strategy<Value = Vec<LabelChoice>> {
    let choice = prop_oneof![name().prop_map(LabelChoice::Name), matcher().prop_map(LabelChoice::Matcher)];
    prop::collection::vec(choice, 1..4)
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        line_filter(),
        extracts().prop_map(Stage::Json),
        (any::<bool>(), any::<bool>(), extracts()).prop_map(|(strict, keep_empty, extracts)| Stage::Logfmt {
            strict,
            keep_empty,
            extracts
        }),
        name().prop_map(|name| Stage::Regexp(format!("(?P<a>{name}).*"))),
        text().prop_map(|text| Stage::Pattern(format!("<x>{}<_>", text.replace(['<', '>'], "-") + "|"))),
        Just(Stage::Unpack),
        Just(Stage::Decolorize),
        label_filter().prop_map(Stage::LabelFilter),
        text().prop_map(Stage::LineFormat),
        prop::collection::vec(label_format(), 1..4).prop_map(Stage::LabelFormat),
        label_choices().prop_map(Stage::Drop),
        label_choices().prop_map(Stage::Keep),
    ]
}

fn log() -> impl Strategy<Value = LogExpr> {
    (selector(), prop::collection::vec(stage(), 0..5)).prop_map(|(selector, mut stages)| {
        // `drop x != "y"` has another meaning: no text gives such a tree.
        stages.dedup_by(|next, before| {
            let ends_in_name = match before {
                Stage::Drop(choices) | Stage::Keep(choices) => matches!(choices.last(), Some(LabelChoice::Name(_))),
                _ => false,
            };
            ends_in_name && matches!(next, Stage::LineFilter(filter) if filter.op.is_negated())
        });
        LogExpr { selector, stages }
    })
}

fn unwrap() -> impl Strategy<Value = Unwrap> {
    use Conversion::*;
    let conversion = prop::option::of(prop::sample::select(vec![Bytes, Duration, DurationSeconds]));
    (name(), conversion, prop::collection::vec(label_filter(), 0..3))
        .prop_map(|(label, conversion, post_filters)| Unwrap { label, conversion, post_filters })
}

fn log_range(has_unwrap: bool) -> impl Strategy<Value = LogRange> {
    let offset = prop::option::of((1_i64..1_000_000, any::<bool>()));
    (log(), unwrap(), 1_i64..1_000_000_000, offset).prop_map(move |(log, unwrap, millis, offset)| LogRange {
        log,
        unwrap: has_unwrap.then_some(unwrap),
        range: millis * 1_000_000,
        offset: offset.map_or(0, |(seconds, ahead)| seconds * if ahead { -1_000_000_000 } else { 1_000_000_000 }),
        has_offset: offset.is_some(),
    })
}

fn grouping() -> impl Strategy<Value = Option<Grouping>> {
    prop::option::of((any::<bool>(), names()).prop_map(|(without, mut labels)| {
        if !without && labels.is_empty() {
            labels.push("x".to_owned());
        }
        Grouping { without, labels }
    }))
}

fn range_aggregation() -> impl Strategy<Value = MetricExpr> {
    use RangeOp::*;
    let build = |op, parameter, range, grouping| MetricExpr::Range(RangeAggregation { op, parameter, range, grouping });
    let plain = prop::sample::select(vec![CountOverTime, Rate, BytesOverTime, BytesRate, AbsentOverTime]);
    let unwrapped = prop::sample::select(vec![Rate, RateCounter, SumOverTime]);
    let grouped = prop::sample::select(vec![AvgOverTime, MinOverTime, MaxOverTime, StdvarOverTime, FirstOverTime]);
    prop_oneof![
        (plain, log_range(false)).prop_map(move |(op, range)| build(op, None, range, None)),
        (unwrapped, log_range(true)).prop_map(move |(op, range)| build(op, None, range, None)),
        (grouped, log_range(true), grouping()).prop_map(move |(op, range, by)| build(op, None, range, by)),
        (0.0..1.0_f64, log_range(true), grouping()).prop_map(move |(q, range, by)| build(
            QuantileOverTime,
            Some(q),
            range,
            by
        )),
    ]
}

fn matching() -> impl Strategy<Value = Option<VectorMatching>> {
    let side = prop::option::of((any::<bool>(), names()));
    prop::option::of((any::<bool>(), names(), side)).prop_map(|matching| {
        let (on, labels, side) = matching?;
        let (group, include) = side.map_or((None, Vec::new()), |(left, include)| {
            (Some(if left { GroupSide::Left } else { GroupSide::Right }), include)
        });
        (on || !labels.is_empty() || group.is_some()).then_some(VectorMatching { on, labels, group, include })
    })
}

fn binary(left: MetricExpr, right: MetricExpr, op: BinaryOp, more: (bool, Option<VectorMatching>)) -> MetricExpr {
    let is_literal = |expr: &MetricExpr| matches!(expr, MetricExpr::Literal(_));
    let op = if op.is_set() && (is_literal(&left) || is_literal(&right)) { BinaryOp::Add } else { op };
    let left = if is_literal(&left) && is_literal(&right) { MetricExpr::VectorLiteral(1.0) } else { left };
    MetricExpr::Binary(Box::new(BinaryExpr { op, left, right, return_bool: more.0, matching: more.1 }))
}

fn metric() -> impl Strategy<Value = MetricExpr> {
    let binary_op = {
        use BinaryOp::*;
        prop::sample::select(vec![Or, And, Unless, Eq, NotEq, Gt, Gte, Lt, Lte, Add, Sub, Mul, Div, Mod, Pow])
    };
    let vector_op = {
        use VectorOp::*;
        prop::sample::select(vec![Sum, Avg, Min, Max, Count, Stddev, Stdvar])
    };
    let leaf = prop_oneof![
        6 => range_aggregation(),
        1 => (0_u32..1000).prop_map(|value| MetricExpr::VectorLiteral(f64::from(value) / 4.0)),
        1 => (-1000_i32..1000).prop_map(|value| MetricExpr::Literal(f64::from(value) / 8.0)),
    ];
    leaf.prop_recursive(4, 10, 2, move |inner| {
        let vector = |op, parameter, inner, grouping| {
            MetricExpr::Vector(VectorAggregation { op, parameter, inner: Box::new(inner), grouping })
        };
        prop_oneof![
            (vector_op.clone(), inner.clone(), grouping()).prop_map(move |(op, inner, by)| vector(op, None, inner, by)),
            (1_usize..100, inner.clone(), grouping()).prop_map(move |(k, inner, by)| vector(
                VectorOp::Topk,
                Some(k),
                inner,
                by
            )),
            (inner.clone(), inner.clone(), binary_op.clone(), (any::<bool>(), matching()))
                .prop_map(|(left, right, op, more)| binary(left, right, op, more)),
            (inner, text(), text(), text()).prop_map(|(inner, destination, replacement, source)| {
                MetricExpr::LabelReplace(Box::new(LabelReplace {
                    inner,
                    destination,
                    replacement,
                    regex: regex_syntax::escape(&source),
                    source,
                }))
            }),
        ]
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => log().prop_map(Expr::Log),
        4 => metric().prop_map(Expr::Metric),
        1 => (prop::collection::vec(range_aggregation(), 1..3), log_range(false))
            .prop_map(|(metrics, of)| Expr::Variants { metrics, of }),
    ]
}

/// Words and symbols in any order: closer to queries than random characters.
fn soup() -> impl Strategy<Value = String> {
    let words = "{ } ( ) [5m] [ ] , . = != =~ !~ |= |~ |> !> | == > < >= <= + - * / % ^ # // /* \" ` ' ! \\ \0 é 5 1.5 0x1 \
                 5m 5KB -5s 08 1e a b x=\"y\" {a=\"b\"} sum rate topk by without on bool group_left offset unwrap json \
                 logfmt --strict regexp \"(?P<a>.)\" pattern \"<a>\" ip label_replace vector variants of and or unless";
    let words: Vec<&str> = words.split(' ').collect();
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_parsing_are_inverse(expr in expr()) {
        let text = expr.to_string();
        let parsed = parse(&text);
        prop_assert_eq!(parsed.as_ref(), Ok(&expr), "{}", text);
        let long = pretty(&expr);
        let parsed = parse(&long);
        prop_assert_eq!(parsed.as_ref(), Ok(&expr), "{}", long);
    }

    #[test]
    fn no_text_panics(text in prop_oneof![any::<String>(), soup()]) {
        let _ = parse(&text);
    }
}
