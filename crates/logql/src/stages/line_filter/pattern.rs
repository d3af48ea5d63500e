//! `|> "<_> text <_>"`: literals in order, with something between them.

use memchr::memmem::Finder;

use crate::parser::pattern::{Piece, split};

/// A compiled pattern. Each `<_>` takes at least one byte, up to the next literal's first occurrence.
#[derive(Debug)]
pub(super) struct LinePattern {
    starts_open: bool,
    ends_open: bool,
    literals: Vec<Finder<'static>>,
}

impl LinePattern {
    /// Errors: captures that are named or adjacent, with Loki's words.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let pieces = split(pattern);
        let mut literals = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Literal(text) => literals.push(Finder::new(text.as_bytes()).into_owned()),
                Piece::Capture("_") => {
                    if let Some(Piece::Capture(next)) = pieces.get(at + 1) {
                        return Err(format!("found consecutive capture '<_><{next}>': invalid expression"));
                    }
                }
                Piece::Capture(_) => return Err("named captures are not allowed".to_owned()),
            }
        }
        Ok(Self {
            starts_open: matches!(pieces.first(), Some(Piece::Capture(_))),
            ends_open: matches!(pieces.last(), Some(Piece::Capture(_))),
            literals,
        })
    }

    /// The longest literal, which every matching line contains.
    pub(super) fn longest_literal(&self) -> Option<Finder<'static>> {
        self.literals.iter().max_by_key(|literal| literal.needle().len()).cloned()
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        let mut rest = line;
        for (at, literal) in self.literals.iter().enumerate() {
            let anchored = at == 0 && !self.starts_open;
            match literal.find(rest) {
                Some(0) if anchored => {}
                Some(gap) if gap > 0 && !anchored => rest = &rest[gap..],
                _ => return false,
            }
            rest = &rest[literal.needle().len()..];
        }
        if self.ends_open { !rest.is_empty() } else { rest.is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_lines() {
        for (pattern, line, expected) in [
            ("", "", true),
            ("", "x", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc", "xabc", false),
            ("<_>", "x", true),
            ("<_>", "", false),
            ("<_>b", "ab", true),
            ("<_>b", "b", false),
            ("<_>b", "abx", false),
            ("a<_>", "a", false),
            ("a<_>", "ab", true),
            ("a<_>c<_>", "abcd", true),
            ("a<_>c<_>", "acd", false),
            ("a<_>c", "abcc", false),
            ("user=<_> status=ok<_>", "user=x status=ok n=1", true),
            ("<_>quoted value<_>", "a quoted value!", true),
            ("a<b", "a<b", true),
            ("<1>", "<1>", true),
        ] {
            let compiled = LinePattern::new(pattern).expect(pattern);
            assert_eq!(compiled.matches(line.as_bytes()), expected, "{pattern} on {line}");
        }
    }

    #[test]
    fn refuses_named_and_adjacent_captures() {
        assert_eq!(LinePattern::new("a<foo>b").expect_err("named"), "named captures are not allowed");
        let adjacent = LinePattern::new("a<_><_>b").expect_err("adjacent");
        assert_eq!(adjacent, "found consecutive capture '<_><_>': invalid expression");
    }
}
