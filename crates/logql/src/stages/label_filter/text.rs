//! `label = != =~ !~ "text"` in a pipeline, whose regexes Loki simplifies in a way that shows.

use regex::bytes::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::ast::{MatchOp, Matcher};
use crate::re2;

#[derive(Debug)]
pub(super) struct TextTest {
    negated: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Equals(String),
    OneOf(Vec<String>),
    /// Any of them, each anchored or not.
    Regexes(Vec<Regex>),
}

impl TextTest {
    /// Errors: the pattern is not RE2.
    pub(super) fn new(matcher: &Matcher) -> Result<Self, String> {
        let negated = matches!(matcher.op, MatchOp::NotEq | MatchOp::NotRe);
        let kind = match matcher.op {
            MatchOp::Eq | MatchOp::NotEq => Kind::Equals(matcher.value.clone()),
            MatchOp::Re | MatchOp::NotRe => Kind::of_regex(&matcher.value)?,
        };
        Ok(Self { negated, kind })
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        let holds = match &self.kind {
            Kind::Equals(text) => text == value,
            Kind::OneOf(texts) => texts.iter().any(|text| text == value),
            Kind::Regexes(regexes) => regexes.iter().any(|regex| regex.is_match(value.as_bytes())),
        };
        holds != self.negated
    }
}

impl Kind {
    /// Alternatives of literals must be equal to the value, and so must most patterns match all of it; but a literal with
    /// `.*` before or after it only needs to be contained.
    fn of_regex(pattern: &str) -> Result<Self, String> {
        let literals = re2::equals_any(pattern)?;
        if let Some(literals) = literals.filter(|literals| literals.iter().all(|literal| !literal.ignore_case)) {
            return Ok(Self::OneOf(literals.into_iter().map(|literal| literal.text).collect()));
        }
        let Some(hir) = hir_of(pattern)? else {
            return Ok(Self::Regexes(vec![re2::compile_anchored(pattern)?]));
        };
        let branches: &[Hir] = match hir.kind() {
            HirKind::Alternation(branches) => branches,
            _ => std::slice::from_ref(&hir),
        };
        if !branches.iter().any(is_contained) {
            return Ok(Self::Regexes(vec![re2::compile_anchored(pattern)?]));
        }
        let regexes = branches.iter().map(|branch| {
            let text = branch.to_string();
            let text = if is_contained(branch) { text } else { format!("^(?s:{text})$") };
            Regex::new(&text).map_err(|error| error.to_string())
        });
        regexes.collect::<Result<_, _>>().map(Self::Regexes)
    }
}

/// None when the pattern is too deep to look into.
fn hir_of(pattern: &str) -> Result<Option<Hir>, String> {
    let regex = re2::compile(pattern)?;
    Ok(regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex.as_str()).ok())
}

/// `lit.*`, `.*lit`, `.*lit.*`, `e(rr|zz).*`, `.*`.
fn is_contained(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let open_start = parts.first().is_some_and(is_anything);
            let open_end = parts.last().is_some_and(is_anything);
            let middle = &parts[usize::from(open_start)..parts.len() - usize::from(open_end)];
            (open_start || open_end) && middle.iter().all(is_literals)
        }
        HirKind::Capture(capture) => is_contained(&capture.sub),
        _ => is_anything(hir),
    }
}

fn is_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) if repetition.min == 0 && repetition.max.is_none() => {
            matches!(repetition.sub.kind(), HirKind::Class(Class::Unicode(class))
                if class.iter().map(|range| range.len()).sum::<usize>() > 0x10_0000)
        }
        HirKind::Capture(capture) => is_anything(&capture.sub),
        _ => false,
    }
}

/// Literals, the cases of a letter, and alternatives of these.
fn is_literals(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) => true,
        HirKind::Class(Class::Unicode(class)) => {
            let mut members = class.iter().flat_map(|range| [range.start(), range.end()]);
            let lower = |c: char| c.to_lowercase().next();
            members.next().is_some_and(|first| members.all(|member| lower(member) == lower(first)))
        }
        HirKind::Capture(capture) => is_literals(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_literals),
        _ => false,
    }
}
