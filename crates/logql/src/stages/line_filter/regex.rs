//! A line filter's regex, run over joined lines where that gives the same answer as line by line.

use std::ops::Range;

use memchr::memmem::Finder;
use regex::bytes::Regex;
use regex_automata::{Input, meta};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use super::folded::FoldedFinder;
use super::matcher::find;
use super::scan::{LineView, scan};
use crate::re2::{Literal, PROGRAM_BYTES_MAX};

#[derive(Debug)]
pub(super) struct LineRegex {
    regex: Regex,
    /// Every match contains it.
    required: Option<Required>,
    /// Finds in joined lines what `regex` finds in each, provided that no line contains a newline.
    joined: Option<Box<meta::Regex>>,
}

#[derive(Debug)]
enum Required {
    Exact(Box<Finder<'static>>),
    Folded(FoldedFinder),
}

impl LineRegex {
    pub(super) fn new(regex: Regex, required: Option<Literal>) -> Self {
        let required = required.and_then(|literal| {
            if !literal.ignore_case {
                return Some(Required::Exact(Box::new(Finder::new(literal.text.as_bytes()).into_owned())));
            }
            FoldedFinder::new(&literal.text).filter(|finder| !finder.has_unicode_twins()).map(Required::Folded)
        });
        let joined = if required.is_none() { joined(&regex).map(Box::new) } else { None };
        Self { regex, required, joined }
    }

    pub(super) fn has_required(&self) -> bool {
        self.required.is_some()
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        let possible = match &self.required {
            None => true,
            Some(Required::Exact(finder)) => finder.find(line).is_some(),
            Some(Required::Folded(finder)) => finder.find(line, 0).is_some(),
        };
        possible && self.regex.is_match(line)
    }

    pub(super) fn scan(&self, view: LineView<'_>, rows: Range<u32>, hits: &mut Vec<u32>) {
        let decide = |line: &[u8], inside| inside && self.regex.is_match(line);
        match (&self.required, &self.joined) {
            (Some(Required::Exact(finder)), _) => {
                scan(view, rows, hits, |text, from| find(finder, text, from), decide);
            }
            (Some(Required::Folded(finder)), _) => {
                let find = |text: &[u8], from| finder.find(text, from).map(|start| (start, start + finder.len()));
                scan(view, rows, hits, find, decide);
            }
            (None, Some(joined)) if !has_newlines(view.joined(rows.clone()), rows.len()) => {
                // A match stays in its line, so where it ends says which line that is; where it starts does not matter.
                let find = |text: &[u8], from| {
                    let found = joined.search_half(&Input::new(text).range(from..).earliest(true))?;
                    Some((found.offset(), found.offset()))
                };
                scan(view, rows, hits, find, |_, inside| inside);
            }
            (None, _) => hits.extend(rows.filter(|&row| self.regex.is_match(view.line(row)))),
        }
    }
}

/// Whether some line contains a newline; each line of `text` ends with one.
fn has_newlines(text: &[u8], lines: usize) -> bool {
    memchr::memchr_iter(b'\n', text).count() > lines
}

/// The regex for joined lines: nothing matches a newline, and lines have their own starts and ends.
fn joined(regex: &Regex) -> Option<meta::Regex> {
    let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex.as_str()).ok()?;
    let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(PROGRAM_BYTES_MAX));
    meta::Regex::builder().configure(config).build_from_hir(&within_line(&hir)).ok()
}

fn within_line(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(Look::Start) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End) => Hir::look(Look::EndLF),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(within_line(&repetition.sub))),
        HirKind::Capture(capture) => within_line(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(within_line).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(within_line).collect()),
    }
}
