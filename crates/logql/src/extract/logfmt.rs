//! Fields of a logfmt line.

use super::text::{push_sanitised, push_unescaped, push_utf8};

/// One `key=value` or bare key, as it stands in the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'l> {
    pub(crate) key: &'l [u8],
    /// Without its quotes.
    value: &'l [u8],
    escaped: bool,
}

impl Pair<'_> {
    /// Whether nothing stands behind the `=`.
    pub(crate) fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Appends the value, escapes resolved.
    pub(crate) fn push_value(&self, out: &mut String) {
        if self.escaped {
            push_unescaped(self.value, out);
        } else {
            push_utf8(self.value, out);
        }
    }
}

/// Walks a line pair by pair. Any byte up to and including the space separates pairs.
#[derive(Debug)]
pub(crate) struct Scanner<'l> {
    line: &'l [u8],
    at: usize,
}

/// What is wrong, and the byte (from 1) where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) position: usize,
    pub(crate) problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Unexpected(u8),
    Unterminated,
    BadEscape,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "logfmt syntax error at pos {} : ", self.position)?;
        match self.problem {
            Problem::Unexpected(byte) => write!(f, "unexpected '{}'", char::from(byte)),
            Problem::Unterminated => f.write_str("unterminated quoted value"),
            Problem::BadEscape => f.write_str("invalid quoted value"),
        }
    }
}

/// Whether a byte ends a bare key or value, rightly or not.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte <= b' ' as usize {
        stops[byte] = true;
        byte += 1;
    }
    stops[b'=' as usize] = true;
    stops[b'"' as usize] = true;
    stops
};

impl<'l> Scanner<'l> {
    pub(crate) fn new(line: &'l [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// The next pair; after an error the scan can go on at the next separator.
    pub(crate) fn next(&mut self) -> Option<Result<Pair<'l>, SyntaxError>> {
        while self.line.get(self.at).is_some_and(|b| *b <= b' ') {
            self.at += 1;
        }
        let start = self.at;
        self.skip_bare();
        let key = &self.line[start..self.at];
        match self.line.get(self.at) {
            None if key.is_empty() => None,
            Some(b'=') if !key.is_empty() => {
                self.at += 1;
                Some(self.read_value(key))
            }
            Some(&byte @ (b'=' | b'"')) => Some(Err(self.unexpected(byte))),
            _ => Some(Ok(Pair { key, value: &[], escaped: false })),
        }
    }

    fn skip_bare(&mut self) {
        let rest = &self.line[self.at..];
        self.at += rest.iter().position(|&byte| STOPS[usize::from(byte)]).unwrap_or(rest.len());
    }

    fn read_value(&mut self, key: &'l [u8]) -> Result<Pair<'l>, SyntaxError> {
        if self.line.get(self.at) == Some(&b'"') {
            return self.read_quoted(key);
        }
        let start = self.at;
        self.skip_bare();
        match self.line.get(self.at) {
            Some(&byte @ (b'=' | b'"')) => Err(self.unexpected(byte)),
            _ => Ok(Pair { key, value: &self.line[start..self.at], escaped: false }),
        }
    }

    fn read_quoted(&mut self, key: &'l [u8]) -> Result<Pair<'l>, SyntaxError> {
        let start = self.at + 1;
        let (mut end, mut escaped) = (start, false);
        loop {
            match memchr::memchr2(b'"', b'\\', self.line.get(end..).unwrap_or_default()) {
                None => {
                    self.at = self.line.len();
                    return Err(self.fail(Problem::Unterminated));
                }
                Some(found) if self.line[end + found] == b'"' => {
                    end += found;
                    break;
                }
                Some(found) => {
                    escaped = true;
                    end += found + 2;
                }
            }
        }
        self.at = end + 1;
        let value = &self.line[start..end];
        if escaped && !push_unescaped(value, &mut String::new()) {
            return Err(self.fail(Problem::BadEscape));
        }
        Ok(Pair { key, value, escaped })
    }

    fn fail(&self, problem: Problem) -> SyntaxError {
        SyntaxError { position: self.at + 1, problem }
    }

    /// Reports the byte at hand and skips to the next separator.
    fn unexpected(&mut self, byte: u8) -> SyntaxError {
        let error = self.fail(Problem::Unexpected(byte));
        while self.line.get(self.at).is_some_and(|b| *b > b' ') {
            self.at += 1;
        }
        error
    }
}

/// A key as a label name; empty when nothing is left of it.
pub(crate) fn label_name(key: &[u8], out: &mut String) {
    out.clear();
    match std::str::from_utf8(key) {
        Ok(key) => push_sanitised(key, out),
        Err(_) => push_sanitised(&String::from_utf8_lossy(key), out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let (mut name, mut out) = (String::new(), Vec::new());
        let mut scanner = Scanner::new(line.as_bytes());
        while let Some(pair) = scanner.next() {
            match pair {
                Ok(pair) => {
                    label_name(pair.key, &mut name);
                    let mut value = String::new();
                    pair.push_value(&mut value);
                    out.push(format!("{name}={value}"));
                }
                Err(error) => {
                    out.push(error.to_string().replace("logfmt syntax error at pos ", "!").replace(" : ", ":"))
                }
            }
        }
        assert_eq!(out.join("|"), expected, "{line}");
    }

    #[test]
    fn pairs_and_errors() {
        check(
            r#"level=warn msg="quoted value" dur=1.5s empty= flag n=42"#,
            "level=warn|msg=quoted value|dur=1.5s|empty=|flag=|n=42",
        );
        check(r#"level=error msg="unterminated dur=3ms"#, "level=error|!38:unterminated quoted value");
        check(r#"key="esc \"inner\" done" other=plain"#, "key=esc \"inner\" done|other=plain");
        check("=novalue x=1", "!1:unexpected '='|x=1");
        check(r#"x==2 y="a=b""#, "!3:unexpected '='|y=a=b");
        check(r#"<tag attr="v">text</tag>"#, "_tag=|attr=v|_text__tag_=");
        check(r#""just a string""#, "!1:unexpected '\"'|a=|!15:unexpected '\"'");
        check("\x1b[31mred\x1b[0m", "_31mred=|_0m=");
        check("é=1 9=x", "_=1|_9=x");
        check("", "");
        check("  ", "");
    }
}
