//! `pattern "<ip> - <user> …"`: captures between literals.

/// A literal or a capture of the compiled pattern.
#[derive(Debug)]
pub(crate) enum Part {
    Literal(memchr::memmem::Finder<'static>),
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
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), pattern);
        while let Some(first) = rest.chars().next() {
            if let Some((name, length)) = capture(rest) {
                push_literal(&mut parts, &mut literal);
                parts.push(Part::Capture((name != "_").then(|| name.to_owned())));
                rest = &rest[length..];
            } else {
                literal.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        push_literal(&mut parts, &mut literal);
        Self { parts }
    }

    /// Names of the captures in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Capture(Some(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Hands each named capture to `set` with its bytes.
    ///
    /// The first literal must stand at the very start. A capture reaches to the next literal; when that is missing it
    /// takes the rest of the line and the parse ends.
    pub(crate) fn captures<'l>(&self, line: &'l [u8], mut set: impl FnMut(&str, &'l [u8])) {
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
            if let Some(name) = name {
                set(name, captured);
            }
            match after {
                Some(after) => rest = after,
                None => return,
            }
        }
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(memchr::memmem::Finder::new(literal.as_bytes()).into_owned()));
        literal.clear();
    }
}

/// The capture at the start of `rest`: its name, and the bytes it takes.
fn capture(rest: &str) -> Option<(&str, usize)> {
    let inside = rest.strip_prefix('<')?;
    let end = inside.find('>')?;
    let name = &inside[..end];
    let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit();
    sound.then_some((name, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, line: &str, expected: &str) {
        let mut out = Vec::new();
        Pattern::new(pattern)
            .captures(line.as_bytes(), |name, value| out.push(format!("{name}={}", String::from_utf8_lossy(value))));
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
