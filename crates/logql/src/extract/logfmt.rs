//! Fields of a logfmt line.

use super::text::{push_sanitised, push_unescaped, push_utf8};

/// One `key=value` or bare key, values already unquoted into the scanner's buffer.
pub(crate) struct Pair<'l> {
    pub(crate) key: &'l [u8],
}

/// Walks a line pair by pair. Any byte up to and including the space separates pairs.
#[derive(Debug)]
pub(crate) struct Scanner<'l, 's> {
    line: &'l [u8],
    at: usize,
    /// The value of the pair last returned.
    value: &'s mut String,
}

/// What is wrong, and the byte (from 1) where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) position: usize,
    pub(crate) message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "logfmt syntax error at pos {} : {}", self.position, self.message)
    }
}

impl<'l, 's> Scanner<'l, 's> {
    pub(crate) fn new(line: &'l [u8], value: &'s mut String) -> Self {
        Self { line, at: 0, value }
    }

    pub(crate) fn value(&self) -> &str {
        self.value
    }

    /// The next pair; after an error the scan can go on at the next separator.
    pub(crate) fn next(&mut self) -> Option<Result<Pair<'l>, SyntaxError>> {
        self.value.clear();
        while self.line.get(self.at).is_some_and(|b| *b <= b' ') {
            self.at += 1;
        }
        let start = self.at;
        loop {
            match self.line.get(self.at) {
                None if self.at == start => return None,
                Some(b'=') if self.at > start => break,
                Some(b'=' | b'"') => return Some(Err(self.unexpected())),
                Some(b) if *b > b' ' => self.at += 1,
                _ => return Some(Ok(Pair { key: &self.line[start..self.at] })),
            }
        }
        let key = &self.line[start..self.at];
        self.at += 1;
        Some(self.read_value().map(|()| Pair { key }))
    }

    fn read_value(&mut self) -> Result<(), SyntaxError> {
        if self.line.get(self.at) == Some(&b'"') {
            return self.read_quoted();
        }
        let start = self.at;
        loop {
            match self.line.get(self.at) {
                Some(b'=' | b'"') => return Err(self.unexpected()),
                Some(b) if *b > b' ' => self.at += 1,
                _ => break,
            }
        }
        push_utf8(&self.line[start..self.at], self.value);
        Ok(())
    }

    fn read_quoted(&mut self) -> Result<(), SyntaxError> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            match memchr::memchr2(b'"', b'\\', self.line.get(end..).unwrap_or_default()) {
                None => {
                    self.at = self.line.len();
                    return Err(self.fail("unterminated quoted value"));
                }
                Some(found) if self.line[end + found] == b'"' => {
                    end += found;
                    break;
                }
                Some(found) => end += found + 2,
            }
        }
        self.at = end + 1;
        if !push_unescaped(&self.line[start..end], self.value) {
            self.value.clear();
            return Err(self.fail("invalid quoted value"));
        }
        Ok(())
    }

    fn fail(&self, message: &str) -> SyntaxError {
        SyntaxError { position: self.at + 1, message: message.to_owned() }
    }

    /// Reports the byte at hand and skips to the next separator.
    fn unexpected(&mut self) -> SyntaxError {
        let error = self.fail(&format!("unexpected '{}'", char::from(self.line[self.at])));
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
        let (mut buffer, mut name, mut out) = (String::new(), String::new(), Vec::new());
        let mut scanner = Scanner::new(line.as_bytes(), &mut buffer);
        while let Some(pair) = scanner.next() {
            match pair {
                Ok(pair) => {
                    label_name(pair.key, &mut name);
                    out.push(format!("{name}={}", scanner.value()));
                }
                Err(error) => out.push(format!("!{}:{}", error.position, error.message)),
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
