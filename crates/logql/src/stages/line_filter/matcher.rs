//! One alternative of a line filter, compiled to the cheapest search that decides it.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::folded::FoldedFinder;
use super::pattern::LinePattern;
use super::regex::LineRegex;
use super::scan::{LineView, scan};
use crate::ast::{LineFilterArg, LineFilterOp};
use crate::re2;
use crate::stages::ip::IpSet;

/// Whether a line is a hit; negation is the caller's.
#[derive(Debug)]
pub(super) enum LineMatcher {
    Always,
    Literal(Finder<'static>),
    Folded(Folded),
    AnyLiteral(AhoCorasick),
    Pattern(LinePattern),
    Ip(IpSet),
    Regex(LineRegex),
    AnyOf(Vec<LineMatcher>),
}

/// A literal in any case; lines that hold a non-ASCII twin of `k` or `s` go to the regex.
#[derive(Debug)]
pub(super) struct Folded {
    finder: FoldedFinder,
    twins: Option<AhoCorasick>,
    regex: Regex,
}

impl LineMatcher {
    /// All alternatives of a positive filter, or the one of a negative filter. Errors: Loki's text, without its prefix.
    pub(super) fn new(op: LineFilterOp, alternatives: &[LineFilterArg]) -> Result<Self, String> {
        let in_chain = alternatives.len() > 1;
        let mut matchers = Vec::new();
        let mut texts: Vec<&str> = Vec::new();
        for alternative in alternatives {
            match (op, alternative) {
                (LineFilterOp::Contains | LineFilterOp::NotContains, LineFilterArg::Text(text)) => texts.push(text),
                // In a chain Loki compares the pattern as text.
                (LineFilterOp::Contains, LineFilterArg::Ip(text)) if in_chain => texts.push(text),
                (LineFilterOp::Contains | LineFilterOp::NotContains, LineFilterArg::Ip(pattern)) => {
                    matchers.push(Self::Ip(IpSet::new(pattern)?));
                }
                (_, LineFilterArg::Ip(_)) => return Err("ip: invalid operation".to_owned()),
                (LineFilterOp::Re | LineFilterOp::NotRe, LineFilterArg::Text(pattern)) => {
                    matchers.push(Self::from_regex(pattern)?);
                }
                (LineFilterOp::Pattern | LineFilterOp::NotPattern, LineFilterArg::Text(pattern)) => {
                    matchers.push(Self::Pattern(LinePattern::new(pattern)?));
                }
            }
        }
        if !texts.is_empty() {
            matchers.push(Self::from_literals(&texts)?);
        }
        Ok(match matchers.len() {
            1 => matchers.remove(0),
            _ => Self::AnyOf(matchers),
        })
    }

    fn from_literals(texts: &[&str]) -> Result<Self, String> {
        if texts.iter().any(|text| text.is_empty()) {
            return Ok(Self::Always);
        }
        if let [text] = texts {
            return Ok(Self::Literal(Finder::new(text.as_bytes()).into_owned()));
        }
        automaton(texts).map(Self::AnyLiteral)
    }

    fn from_regex(pattern: &str) -> Result<Self, String> {
        let regex = re2::compile(pattern)?;
        let analysis = re2::analyse(pattern)?;
        match analysis.contains_any.as_deref() {
            Some(literals) if literals.iter().any(|literal| literal.text.is_empty()) => return Ok(Self::Always),
            Some(literals) if !literals.is_empty() && literals.iter().all(|literal| !literal.ignore_case) => {
                let texts: Vec<&str> = literals.iter().map(|literal| literal.text.as_str()).collect();
                return Self::from_literals(&texts);
            }
            Some([literal]) => {
                if let Some(finder) = FoldedFinder::new(&literal.text) {
                    let twins = match finder.has_unicode_twins() {
                        true => Some(automaton(&["\u{17f}", "\u{212a}"])?),
                        false => None,
                    };
                    return Ok(Self::Folded(Folded { finder, twins, regex }));
                }
            }
            _ => {}
        }
        Ok(Self::Regex(LineRegex::new(regex, analysis.required)))
    }

    /// Relative cost of a look at one line, and how much of a literal there is to skip by.
    pub(super) fn cost(&self) -> (u8, std::cmp::Reverse<usize>) {
        let (cost, length) = match self {
            Self::Always => (0, 0),
            Self::Literal(finder) => (1, finder.needle().len()),
            Self::Folded(folded) => (2, folded.finder.len()),
            Self::AnyLiteral(_) => (3, 0),
            Self::Pattern(_) => (4, 0),
            Self::Regex(regex) if regex.has_required() => (5, 0),
            Self::Ip(_) => (6, 0),
            Self::Regex(_) => (7, 0),
            Self::AnyOf(_) => (8, 0),
        };
        (cost, std::cmp::Reverse(length))
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        match self {
            Self::Always => true,
            Self::Literal(finder) => finder.find(line).is_some(),
            Self::Folded(folded) => folded.matches(line),
            Self::AnyLiteral(automaton) => automaton.is_match(line),
            Self::Pattern(pattern) => pattern.matches(line),
            Self::Ip(set) => set.found_in(line),
            Self::Regex(regex) => regex.matches(line),
            Self::AnyOf(matchers) => matchers.iter().any(|matcher| matcher.matches(line)),
        }
    }

    /// Appends the matching rows of `rows` to `hits`, ascending.
    pub(super) fn scan(&self, view: LineView<'_>, rows: Range<u32>, hits: &mut Vec<u32>) {
        match self {
            Self::Always => hits.extend(rows),
            Self::Literal(finder) => scan(view, rows, hits, |text, from| find(finder, text, from), |_, inside| inside),
            Self::Folded(folded) => folded.scan(view, rows, hits),
            Self::AnyLiteral(automaton) => scan(
                view,
                rows,
                hits,
                |text, from| automaton.find(Input::new(text).range(from..)).map(|found| (found.start(), found.end())),
                |line, inside| inside || automaton.is_match(line),
            ),
            Self::Pattern(pattern) => match pattern.longest_literal() {
                Some(literal) => {
                    let decide = |line: &[u8], inside| inside && pattern.matches(line);
                    scan(view, rows, hits, |text, from| find(&literal, text, from), decide);
                }
                None => hits.extend(rows.filter(|&row| pattern.matches(view.line(row)))),
            },
            Self::Ip(set) => match set.only_text() {
                Some(text) => {
                    let literal = Finder::new(text.as_bytes());
                    let decide = |line: &[u8], inside| inside && set.found_in(line);
                    scan(view, rows, hits, |text, from| find(&literal, text, from), decide);
                }
                None => hits.extend(rows.filter(|&row| set.found_in(view.line(row)))),
            },
            Self::Regex(regex) => regex.scan(view, rows, hits),
            Self::AnyOf(matchers) => {
                let from = hits.len();
                for matcher in matchers {
                    matcher.scan(view, rows.clone(), hits);
                }
                hits[from..].sort_unstable();
                hits.dedup();
            }
        }
    }
}

impl Folded {
    fn matches(&self, line: &[u8]) -> bool {
        self.finder.find(line, 0).is_some() || (self.may_hold_twins(line) && self.regex.is_match(line))
    }

    fn may_hold_twins(&self, text: &[u8]) -> bool {
        self.twins.as_ref().is_some_and(|twins| twins.is_match(text))
    }

    fn scan(&self, view: LineView<'_>, rows: Range<u32>, hits: &mut Vec<u32>) {
        if self.may_hold_twins(view.joined(rows.clone())) {
            hits.extend(rows.filter(|&row| self.matches(view.line(row))));
            return;
        }
        let length = self.finder.len();
        let find = |text: &[u8], from| self.finder.find(text, from).map(|start| (start, start + length));
        scan(view, rows, hits, find, |_, inside| inside);
    }
}

pub(super) fn find(finder: &Finder<'_>, text: &[u8], from: usize) -> Option<(usize, usize)> {
    finder.find(&text[from..]).map(|at| (from + at, from + at + finder.needle().len()))
}

fn automaton(texts: &[&str]) -> Result<AhoCorasick, String> {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(texts).map_err(|error| error.to_string())
}
