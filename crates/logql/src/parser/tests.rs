//! The table of answers, hostile texts, and properties.

use super::{DEPTH_MAX, EmptyCompatible, OPERATORS_MAX, parse, parse_selector};
use crate::ast::Expr;
use crate::format::pretty;

mod generated;

/// The answers to compare with; its head explains the format.
const TABLE: &str = include_str!("../../../../testdata/logql/parse.txt");

fn unescape(text: &str) -> String {
    text.replace('⏎', "\n").replace('␣', " ").replace('␀', "\0")
}

#[test]
fn answers_as_the_table_says() {
    let mut lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut cases, mut wrong) = (0, Vec::new());
    while let Some(line) = lines.next() {
        let query = unescape(line.strip_prefix("query").expect(line).strip_prefix(' ').unwrap_or(""));
        let answer = lines.next().expect("each query has an answer");
        let (ok, expected) = answer.split_once(' ').expect(answer);
        let expected = if expected == "=" { query.clone() } else { unescape(expected) };
        let found = match parse(&query) {
            Ok(expr) => ("ok", pretty(&expr)),
            Err(error) => ("error", error.to_string()),
        };
        cases += 1;
        if found != (ok, expected.clone()) {
            wrong.push(format!("{query}\n   want {ok} {expected}\n  found {} {}\n", found.0, found.1));
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 219 + 30, "only {cases} cases");
}

/// `query` → the error, for answers the table does not hold.
fn error_of(query: &str) -> String {
    match parse(query) {
        Ok(expr) => format!("ok {expr}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_what_could_stand_there() {
    for (query, expected) in [
        ("{a=\"b\"} | x=\"y\" or", "line 1, col 19: syntax error: unexpected $end, expecting IDENTIFIER or ("),
        ("{a=\"b\"} | label_format x", "line 1, col 25: syntax error: unexpected $end, expecting ="),
        (
            "{a=\"b\"} | label_format x=1",
            "line 1, col 26: syntax error: unexpected NUMBER, expecting IDENTIFIER or STRING",
        ),
        ("{a=\"b\"} |= ip(1", "line 1, col 15: syntax error: unexpected NUMBER, expecting STRING"),
        ("rate(5", "line 1, col 7: syntax error: unexpected $end, expecting ,"),
        ("rate(({a=\"b\"} | json)", "line 1, col 22: syntax error: unexpected $end, expecting RANGE"),
        ("rate({a=\"b\"}[5m] offset 5)", "line 1, col 25: syntax error: unexpected NUMBER, expecting DURATION"),
        (
            "rate({a=\"b\"}[5m] | json | unwrap)",
            "line 1, col 33: syntax error: unexpected ), expecting IDENTIFIER or BYTES_CONV or DURATION_CONV or DURATION_SECONDS_CONV",
        ),
        ("rate({a=\"b\"}[5m] |= \"x\" offset 1h)", "line 1, col 25: syntax error: unexpected offset, expecting )"),
        ("sum by x", "line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("sum by (a", "line 1, col 10: syntax error: unexpected $end, expecting , or )"),
        ("sum by (1", "line 1, col 9: syntax error: unexpected NUMBER, expecting IDENTIFIER or )"),
        ("sum by (", "line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )"),
        ("-sum(rate({a=\"b\"}[5m]))", "line 1, col 2: syntax error: unexpected SUM, expecting NUMBER"),
        ("variants(rate({a=\"b\"}[5m])) (", "line 1, col 29: syntax error: unexpected (, expecting of"),
    ] {
        assert_eq!(error_of(query), format!("parse error at {expected}"), "{query}");
    }
}

#[test]
fn reports_the_outermost_problem_of_meaning() {
    for (query, expected) in [
        ("topk(0, sum(5, rate({a=\"b\"}[5m])))", "invalid parameter (must be greater than 0) topk(0"),
        ("topk(1, sum(5, rate({a=\"b\"}[5m])))", "unsupported parameter for operation sum(5,"),
        ("sum(sum_over_time({}[5m]))", "invalid aggregation sum_over_time without unwrap"),
        ("{a=\"b\"} | json + 1", "unexpected type for left leg of binary operation (+): *syntax.PipelineExpr"),
        ("1 + {a=\"b\"}", "unexpected type for right leg of binary operation (+): *syntax.MatchersExpr"),
    ] {
        assert_eq!(error_of(query), format!("parse error : {expected}"), "{query}");
    }
    // Grammar first.
    assert!(error_of("topk(0, rate({a=\"b\"}[5m])").contains("unexpected $end"));
}

#[test]
fn selectors_alone_may_match_everything_where_allowed() {
    let selector = |query, empty| parse_selector(query, empty).map(|selector| selector.to_string());
    let message = |query, empty| selector(query, empty).expect_err(query).to_string();
    assert_eq!(selector("{}", EmptyCompatible::Allowed).as_deref(), Ok("{}"));
    assert_eq!(selector("({a=\"b\"})", EmptyCompatible::Refused).as_deref(), Ok("{a=\"b\"}"));
    assert!(message("{}", EmptyCompatible::Refused).starts_with("parse error : queries require"));
    assert_eq!(message("{a=\"b\"} |= \"x\"", EmptyCompatible::Refused), "only label matchers are supported");
    assert_eq!(message("vector(1)", EmptyCompatible::Allowed), "only label matchers are supported");
}

#[test]
fn hostile_texts_end_in_errors() {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    assert_eq!(error_of(&"(".repeat(10 << 20)), "parse error : input size too long (10485760 > 131072)");
    assert_eq!(error_of(&" ".repeat(131_072)), "parse error : input size too long (131072 > 131072)");
    for query in [
        "(".repeat(100_000),
        deep("(", ")", 50_000),
        deep("-1^", "", 30_000),
        deep("sum(", ")", 20_000),
        format!("rate({}", "(".repeat(100_000)),
        format!("{{a=\"b\"}} | {}", "(".repeat(100_000)),
    ] {
        let error = error_of(&query);
        assert!(error.contains("nested too deeply: at most 200 levels"), "{error}");
    }
    for query in [
        "1+".repeat(60_000),
        format!("{{a=\"b\"}} | {}", "a=1 ".repeat(30_000)),
        format!("{{a=\"b\"}} | a=1{}", " or a=1".repeat(18_000)),
    ] {
        let error = error_of(&query);
        assert!(error.contains("too many operators: at most 1000"), "{error}");
    }
    for query in ["{a=\"", "[", "1.1.1.1", "sum        ", "\u{1F525}", "'", "`", "/*", "{a=~\"((((((((((\"}"] {
        assert!(parse(&query.repeat(10_000)).is_err(), "{query}");
    }
}

#[test]
fn the_largest_allowed_trees_can_be_used() {
    let inside = DEPTH_MAX - 1;
    let parens = format!("{}vector(1){}", "(".repeat(inside), ")".repeat(inside));
    let sums = format!("{}vector(1){}", "sum(".repeat(inside / 2), ")".repeat(inside / 2));
    let chain = format!("vector(1){}", " + vector(1)".repeat(OPERATORS_MAX));
    let filters = format!("{{a=\"b\"}} | a=1{}", " , a=1".repeat(OPERATORS_MAX));
    let powers = format!("vector(1){}", " ^ vector(1)".repeat(inside));
    for query in [parens, sums, chain, filters, powers] {
        let expr = parse(&query).expect("within the limits");
        assert_eq!(expr.clone(), expr);
        assert!(!expr.to_string().is_empty() && !pretty(&expr).is_empty());
    }
}

#[test]
fn negated_line_filters_arrive_expanded() {
    let Ok(Expr::Log(log)) = parse("{a=\"b\"} != \"x\" or \"y\" |= \"p\" or \"q\"") else {
        unreachable!("a log query");
    };
    assert_eq!(log.stages.len(), 3);
}
