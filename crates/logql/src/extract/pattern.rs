//! `pattern "<ip> - <user> …"`: captures between literals.

use memchr::memmem::Finder;

use crate::parser::pattern::{Piece, split};

/// A literal or a capture of the compiled pattern.
#[derive(Debug)]
pub(crate) enum Part {
    Literal(Box<Finder<'static>>),
    /// `None` for `<_>`.
    Capture(Option<String>),
}

/// A pattern with at least one named capture and no two captures side by side.
#[derive(Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Compiles a pattern that the LogQL parser has already accepted.
    pub(crate) fn new(pattern: &str) -> Self {
        let part = |piece| match piece {
            Piece::Literal(text) => Part::Literal(Box::new(Finder::new(text.as_bytes()).into_owned())),
            Piece::Capture(name) => Part::Capture((name != "_").then(|| name.to_owned())),
        };
        Self { parts: split(pattern).into_iter().map(part).collect() }
    }

    /// Hands each named capture to `set` with its bytes, until that says false.
    ///
    /// The first literal must stand at the very start. A capture reaches to the next literal; when that is missing it
    /// takes the rest of the line and the parse ends.
    pub(crate) fn captures<'l>(&self, line: &'l [u8], mut set: impl FnMut(&str, &'l [u8]) -> bool) {
        let mut rest = line;
        let mut parts = self.parts.iter().peekable();
        if let Some(Part::Literal(literal)) = parts.peek() {
            let Some(after) = rest.strip_prefix(literal.needle()) else { return };
            rest = after;
            parts.next();
        }
        while let Some(part) = parts.next() {
            let Part::Capture(name) = part else { continue };
            let found = match parts.next() {
                Some(Part::Literal(literal)) => literal.find(rest).map(|at| (at, at + literal.needle().len())),
                _ => None,
            };
            let (captured, after) = match found {
                Some((end, after)) => (&rest[..end], Some(&rest[after..])),
                None => (rest, None),
            };
            if let Some(name) = name
                && !set(name, captured)
            {
                return;
            }
            match after {
                Some(after) => rest = after,
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, line: &str, expected: &str) {
        let mut out = Vec::new();
        Pattern::new(pattern).captures(line.as_bytes(), |name, value| {
            out.push(format!("{name}={}", String::from_utf8_lossy(value)));
            true
        });
        assert_eq!(out.join("|"), expected, "{pattern} on {line}");
    }

    #[test]
    fn captures_reach_to_the_next_literal() {
        check(
            r#"<ip> - <user> [<_>] "<method> <path>""#,
            r#"1.2.3.4 - bob [x] "GET /a" 1"#,
            "ip=1.2.3.4|user=bob|method=GET|path=/a",
        );
        check("user=<u> action=<a> <rest>", "user=x action=login status=ok", "u=x|a=login|rest=status=ok");
        check("user=<u> ", "USER=x", "");
        check("<a>-<b>-<c>", "1-2", "a=1|b=2");
        check("<a> x <b>", "nothing here", "a=nothing here");
        check("<_>level=<lvl> <_>", "ts=1 level=info msg", "lvl=info");
        check("a<1>b<x>", "a<1>bc", "x=c");
    }
}
