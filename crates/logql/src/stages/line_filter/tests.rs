//! Every way to run a line filter agrees with the plain reading of it.

use proptest::prelude::*;
use sigyn_model::Lines;

use super::*;
use crate::ast::LineFilterArg;

fn text(argument: &str) -> LineFilterArg {
    LineFilterArg::Text(argument.to_owned())
}

fn filter(op: LineFilterOp, alternatives: Vec<LineFilterArg>) -> LineFilter {
    LineFilter { op, alternatives }
}

fn kept(filters: &[LineFilter], lines: &[&str], rows: std::ops::Range<u32>, skip: &[u32]) -> Vec<u32> {
    let mut joined = Lines::default();
    for line in lines {
        joined.push(line.as_bytes());
    }
    let mut selection = Selection::default();
    selection.reset(rows, skip);
    LineFilters::new(filters).expect("good filters").apply(LineView::new(&joined, 0), &mut selection);
    selection.iter().collect()
}

fn refused(op: LineFilterOp, argument: LineFilterArg) -> String {
    LineFilters::new(&[filter(op, vec![argument])]).expect_err("a bad filter").to_string()
}

const LINES: [&str; 9] = [
    "level=error disk full",
    "level=info ok",
    "",
    "LEVEL=ERROR Disk",
    "from 192.168.4.7 port 22",
    "from 192.168.5.7",
    "a\nb",
    "caf\u{e9} KELVIN",
    "di\u{17f}\u{212a}",
];

#[test]
fn keeps_the_right_lines() {
    use LineFilterOp::{Contains, NotContains, NotPattern, NotRe, Pattern, Re};
    let all: Vec<u32> = (0..9).collect();
    let ip = |pattern: &str| LineFilterArg::Ip(pattern.to_owned());
    for (op, alternatives, expected) in [
        (Contains, vec![text("error")], vec![0]),
        (Contains, vec![text("")], all.clone()),
        (NotContains, vec![text("")], vec![]),
        (NotContains, vec![text("level")], vec![2, 3, 4, 5, 6, 7, 8]),
        (Contains, vec![text("error"), text("ok")], vec![0, 1]),
        (Contains, vec![text("a\nb")], vec![6]),
        (Re, vec![text("(?i)error")], vec![0, 3]),
        (Re, vec![text("(?i)disk")], vec![0, 3, 8]),
        (Re, vec![text("(?i)CAF\u{c9}")], vec![7]),
        (Re, vec![text("^level")], vec![0, 1]),
        (Re, vec![text("^$")], vec![2]),
        (Re, vec![text("[^q]b")], vec![6]),
        (Re, vec![text("\\d+\\.\\d+"), text("ok$")], vec![1, 4, 5]),
        (NotRe, vec![text("(?i)level|from")], vec![2, 6, 7, 8]),
        (Contains, vec![ip("192.168.4.0/24")], vec![4]),
        (NotContains, vec![ip("192.168.4.7")], vec![0, 1, 2, 3, 5, 6, 7, 8]),
        (Contains, vec![ip("192.168.0.0/16"), text("zzz")], vec![]),
        (Contains, vec![text("zzz"), ip("192.168.4.7")], vec![4]),
        (Pattern, vec![text("level=<_> <_>")], vec![0, 1]),
        (Pattern, vec![text("")], vec![2]),
        (NotPattern, vec![text("<_>")], vec![2]),
    ] {
        let filters = [filter(op, alternatives)];
        assert_eq!(kept(&filters, &LINES, 0..9, &[]), expected, "{filters:?}");
        let inner: Vec<u32> = expected.iter().copied().filter(|row| (2..8).contains(row) && *row != 4).collect();
        assert_eq!(kept(&filters, &LINES, 2..8, &[4]), inner, "{filters:?} on a part");
    }
}

#[test]
fn refuses_with_the_stage_in_the_message() {
    let regex = refused(LineFilterOp::Re, text("("));
    assert!(regex.starts_with("parse error : stage '"), "{regex}");
    assert!(
        refused(LineFilterOp::Contains, LineFilterArg::Ip("bad".to_owned()))
            .ends_with(r#" : ip: invalid pattern: "bad""#)
    );
    assert!(refused(LineFilterOp::Re, LineFilterArg::Ip("1.2.3.4".to_owned())).ends_with(" : ip: invalid operation"));
    assert!(refused(LineFilterOp::Pattern, text("a<foo>b")).ends_with(" : named captures are not allowed"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Scanning spans, filtering sparse lists and testing line by line are the same thing.
    #[test]
    fn scan_and_line_by_line_agree(
        lines in prop_oneof![
            proptest::collection::vec("[abAB \n]{0,6}", 1..30),
            proptest::collection::vec("[abAB ]{0,6}", 1..30),
        ],
        patterns in proptest::collection::vec(
            prop_oneof![
                Just("a"), Just("(?i)ab"), Just("a+b"), Just("^a"), Just("b$"), Just("[^a]"), Just("a.*b"), Just("\\s+a"),
                Just("(?i)b.*a"), Just("a|bb"), Just(".*"), Just("b\\b"), Just("(?s)a.b"), Just("(?s)^a.*b$"), Just("(?m)^b"), Just("[^a]*b"),
                Just("\\Ba"), Just("(a|B)+$"), Just("\\n"), Just("b?"), Just("\\Ab?$"), Just(" *b\\z"),
            ],
            1..4,
        ),
        negated in proptest::collection::vec(any::<bool>(), 4),
        skip in proptest::collection::vec(0..30_u32, 0..20),
    ) {
        let filters: Vec<LineFilter> = patterns
            .iter()
            .zip(&negated)
            .map(|(pattern, negated)| filter(if *negated { LineFilterOp::NotRe } else { LineFilterOp::Re }, vec![text(pattern)]))
            .collect();
        let skip = crate::RowSet::new(skip);
        let regexes: Vec<::regex::bytes::Regex> =
            patterns.iter().map(|pattern| crate::re2::compile(pattern).expect("good pattern")).collect();
        let count = u32::try_from(lines.len()).expect("few lines");
        let expected: Vec<u32> = (0..count)
            .filter(|row| !skip.rows().contains(row))
            .filter(|&row| {
                let line = lines[row as usize].as_bytes();
                regexes.iter().zip(&negated).all(|(regex, negated)| regex.is_match(line) != *negated)
            })
            .collect();
        let borrowed: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert_eq!(kept(&filters, &borrowed, 0..count, skip.rows()), expected);
    }
}
