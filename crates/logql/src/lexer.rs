//! Query text to tokens, one at a time, with the positions and texts of Loki's scanner.
//!
//! A token that needs more than its first symbol (`|=`, ranges, durations, byte sizes) carries line 0: clients see it in errors.

use std::borrow::Cow;

use sigyn_model::duration;

use crate::error::ParseError;
use crate::quote;
use crate::token::{Kind, Symbol, Token, Value, Word};

/// Query texts of this many bytes or more are refused.
pub const QUERY_BYTES_MAX: usize = 131_072;

#[derive(Debug, Clone)]
pub struct Lexer<'q> {
    rest: &'q str,
    /// Position of the first character of `rest`, from 1; `col` is 0 only before the first of an empty text.
    line: usize,
    col: usize,
}

type Result<T> = std::result::Result<T, ParseError>;

impl<'q> Lexer<'q> {
    /// Errors: the text is too long.
    pub fn new(query: &'q str) -> Result<Self> {
        if query.len() >= QUERY_BYTES_MAX {
            let message = format!("input size too long ({} > {QUERY_BYTES_MAX})", query.len());
            return Err(ParseError::new(message));
        }
        let first = usize::from(!query.is_empty());
        Ok(Self { rest: query, line: first, col: first })
    }

    /// The next token; [`Kind::End`] for ever once the text is used up.
    pub fn next_token(&mut self) -> Result<Token<'q>> {
        self.skip_blank()?;
        let start = self.clone();
        let Some(first) = self.rest.chars().next() else {
            return Ok(start.token(Kind::End, Value::None));
        };
        match first {
            '\0' => Err(start.error("invalid character NUL")),
            '"' | '`' => self.string(&start),
            '\'' => {
                let length = quote::scan(self.rest).map_err(|message| start.error(message))?;
                Ok(start.token(Kind::Other, Value::Text(Cow::Borrowed(self.take(length)))))
            }
            '[' => self.range(&start),
            '0'..='9' => self.number(&start),
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(&start),
            '-' => self.minus(&start),
            c if is_identifier_start(c) => Ok(self.word(&start)),
            _ => Ok(self.symbol(&start)),
        }
    }

    /// Skips white space and comments: `#` and `//` to the end of the line, `/* … */`.
    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.take(blank);
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/").ok_or_else(|| self.error("comment not terminated"))?;
                self.take(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    /// Moves past `length` bytes and returns them.
    fn take(&mut self, length: usize) -> &'q str {
        let (taken, rest) = self.rest.split_at(length);
        for c in taken.chars() {
            if c == '\n' {
                self.line += 1;
                self.col = 1;
            } else {
                self.col += 1;
            }
        }
        self.rest = rest;
        taken
    }

    /// A token that starts where this lexer stands.
    fn token(&self, kind: Kind, value: Value<'q>) -> Token<'q> {
        Token { kind, value, line: self.line, col: self.col }
    }

    /// Like [`Self::token`], for tokens that report line 0.
    fn long_token(&self, kind: Kind, value: Value<'q>) -> Token<'q> {
        Token { kind, value, line: 0, col: self.col }
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::at(message, self.line, self.col)
    }

    fn string(&mut self, start: &Self) -> Result<Token<'q>> {
        let length = quote::scan(self.rest).map_err(|message| start.error(message))?;
        let literal = self.take(length);
        if literal.contains('\0') {
            return Err(start.error("invalid character NUL"));
        }
        let text = quote::unquote(literal).map_err(|message| start.error(message))?;
        Ok(start.token(Kind::Str, Value::Text(text)))
    }

    /// `[5m]`
    fn range(&mut self, start: &Self) -> Result<Token<'q>> {
        let fail = |message: String| ParseError::at(message, 0, start.col);
        let Some(end) = self.rest.find(']') else {
            return Err(fail("missing closing ']' in duration".to_owned()));
        };
        let text = self.take(end + 1);
        let nanos = duration::parse_prometheus(&text[1..end]).map_err(fail)?;
        Ok(start.long_token(Kind::Range, Value::Nanos(nanos)))
    }

    /// `--strict`, `-5m` or the operator.
    fn minus(&mut self, start: &Self) -> Result<Token<'q>> {
        if self.rest.starts_with("--") {
            let end = self.rest.find(|c: char| c != '-' && !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
            let flag = match self.rest[..end].to_ascii_lowercase().as_str() {
                "--strict" => Some(Kind::Strict),
                "--keep-empty" => Some(Kind::KeepEmpty),
                _ => None,
            };
            if let Some(kind) = flag {
                self.take(end);
                return Ok(start.long_token(kind, Value::None));
            }
        }
        match self.suffixed(1) {
            Some((Kind::Duration, value, end)) => {
                self.take(end);
                Ok(start.long_token(Kind::Duration, value))
            }
            _ => Ok(self.symbol(start)),
        }
    }

    /// A number, or the duration or byte size that begins with it.
    fn number(&mut self, start: &Self) -> Result<Token<'q>> {
        let end = number_end(self.rest);
        let digits = &self.rest[..end];
        if let Some((kind, value, end)) = self.suffixed(end) {
            self.take(end);
            return Ok(start.long_token(kind, value));
        }
        if let Some(message) = number_problem(digits) {
            return Err(start.error(message));
        }
        self.take(end);
        Ok(start.token(Kind::Number, Value::Text(Cow::Borrowed(digits))))
    }

    /// The duration or byte size that starts here and is longer than `number` bytes, with its length.
    fn suffixed(&self, number: usize) -> Option<(Kind, Value<'q>, usize)> {
        let end_of = |accepts: fn(char) -> bool| {
            let tail = &self.rest[number..];
            let length = tail.find(|c: char| !(accepts(c) || c.is_ascii_digit() || c == '.'));
            number + length.unwrap_or(tail.len())
        };
        let end = end_of(|c| "nuµmshdwy".contains(c));
        if end > number {
            let text = &self.rest[..end];
            // A zero needs no unit elsewhere; here only a unit makes a duration.
            if text.contains(char::is_alphabetic)
                && let Ok(nanos) = duration::parse_prometheus(text).or_else(|_| duration::parse_go(text))
            {
                return Some((Kind::Duration, Value::Nanos(nanos), end));
            }
        }
        let end = end_of(|c| "BiKkMGTP".contains(c));
        if end > number
            && let Some(bytes) = parse_bytes(&self.rest[..end])
        {
            return Some((Kind::Bytes, Value::Bytes(bytes), end));
        }
        None
    }

    /// An identifier, a reserved word, or a function where a parenthesis follows.
    fn word(&mut self, start: &Self) -> Token<'q> {
        let end = self.rest.find(|c: char| !is_identifier_part(c)).unwrap_or(self.rest.len());
        let text = self.take(end);
        let lower = text.to_lowercase();
        if let Some(kind) = Kind::function(&lower)
            && opens_call(self.rest)
        {
            return start.token(kind, Value::None);
        }
        match Word::from_text(&lower) {
            Some(word) => start.token(Kind::Word(word), Value::None),
            None => start.token(Kind::Identifier, Value::Text(Cow::Borrowed(text))),
        }
    }

    fn symbol(&mut self, start: &Self) -> Token<'q> {
        if let Some(symbol) = self.rest.get(..2).and_then(Symbol::from_text) {
            self.take(2);
            return start.long_token(Kind::Symbol(symbol), Value::None);
        }
        let length = self.rest.chars().next().map_or(0, char::len_utf8);
        let text = self.take(length);
        match Symbol::from_text(text) {
            Some(symbol) => start.token(Kind::Symbol(symbol), Value::None),
            None => start.token(Kind::Other, Value::Text(Cow::Borrowed(text))),
        }
    }
}

fn is_identifier_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_identifier_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Whether a function's arguments or grouping follow: `(`, `by (` or `without (`.
fn opens_call(rest: &str) -> bool {
    let rest = rest.trim_start();
    if rest.starts_with('(') {
        return true;
    }
    ["by", "without"].iter().any(|word| {
        rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            && rest[word.len()..].trim_start().starts_with('(')
    })
}

/// Where the number at the start of `text` ends, by Go's rules.
fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, accepts: fn(&u8) -> bool| {
        from + bytes[from..].iter().take_while(|byte| accepts(byte) || **byte == b'_').count()
    };
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b')) {
        let end = run(2, u8::is_ascii_hexdigit);
        if end > 2 {
            return end;
        }
    }
    let mut end = run(0, u8::is_ascii_digit);
    if bytes.get(end) == Some(&b'.') {
        end = run(end + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = run(end + 1 + sign, u8::is_ascii_digit);
    }
    end
}

/// What Go's scanner has against a number.
fn number_problem(digits: &str) -> Option<String> {
    if digits.ends_with(['e', 'E', '+', '-']) && !digits.starts_with("0x") && !digits.starts_with("0X") {
        return Some("exponent has no digits".to_owned());
    }
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = digits.chars().find(|c| matches!(c, '8' | '9')).filter(|_| octal)?;
    Some(format!("invalid digit '{wrong}' in octal literal"))
}

/// Humanised sizes: `5B`, `1.5kB`, `64MiB`. Units without an `i` are powers of 1000, letter case is free.
fn parse_bytes(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => return to_bytes(number, 1.0),
        prefix => match prefix.strip_suffix('i') {
            Some(prefix) => (prefix, 1024.0_f64),
            None => (prefix, 1000.0),
        },
    };
    let power = ["k", "m", "g", "t", "p"].iter().position(|name| *name == prefix)?;
    to_bytes(number, base.powi(i32::try_from(power).ok()? + 1))
}

fn to_bytes(number: &str, unit: f64) -> Option<u64> {
    let bytes = number.parse::<f64>().ok()? * unit;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(query: &str) -> Vec<String> {
        let mut lexer = Lexer::new(query).expect("short");
        let mut kinds = Vec::new();
        loop {
            match lexer.next_token() {
                Ok(token) if token.kind == Kind::End => return kinds,
                Ok(token) => kinds.push(token.kind.to_string()),
                Err(error) => {
                    kinds.push(error.to_string());
                    return kinds;
                }
            }
        }
    }

    #[test]
    fn functions_are_words_unless_called() {
        assert_eq!(kinds("sum (x"), ["SUM", "(", "IDENTIFIER"]);
        assert_eq!(kinds("SUM by(x"), ["SUM", "by", "(", "IDENTIFIER"]);
        assert_eq!(kinds("sum bypass("), ["IDENTIFIER", "IDENTIFIER", "("]);
        assert_eq!(kinds("sum = rate"), ["IDENTIFIER", "=", "IDENTIFIER"]);
        assert_eq!(kinds("JSON Logfmt"), ["json", "logfmt"]);
    }

    #[test]
    fn numbers_durations_and_sizes() {
        for (text, expected) in [
            ("1.5", "NUMBER"),
            (".5e3", "NUMBER"),
            ("0x1F", "NUMBER"),
            ("1h30m", "DURATION"),
            ("1w2d", "DURATION"),
            ("-1.5h", "DURATION"),
            ("10µs", "DURATION"),
            ("5m", "DURATION"),
            ("-0s", "DURATION"),
            ("5MB", "BYTES"),
            ("2.5KiB", "BYTES"),
            ("0B", "BYTES"),
            ("1B", "BYTES"),
            ("1e", "parse error at line 1, col 1: exponent has no digits"),
            ("08", "parse error at line 1, col 1: invalid digit '8' in octal literal"),
        ] {
            assert_eq!(kinds(text), [expected], "{text}");
        }
        assert_eq!(kinds("-0"), ["-", "NUMBER"]);
        assert_eq!(kinds("-1d"), ["-", "DURATION"]);
        assert_eq!(kinds("1kb"), ["BYTES", "IDENTIFIER"]);
        assert_eq!(kinds("--nope"), ["-", "-", "IDENTIFIER"]);
    }

    #[test]
    fn sizes_are_humanised() {
        for (text, bytes) in
            [("1KB", 1000), ("1kB", 1000), ("1KiB", 1024), ("2.5MB", 2_500_000), ("7B", 7), ("3k", 3000)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        assert_eq!(parse_bytes("1BB"), None);
        assert_eq!(parse_bytes("99999999999PB"), None);
    }

    #[test]
    fn comments_and_blanks_are_skipped() {
        assert_eq!(kinds("# a\n1 // b\n/* c */ 2 # d"), ["NUMBER", "NUMBER"]);
        assert_eq!(kinds("1 /* open"), ["NUMBER", "parse error at line 1, col 3: comment not terminated"]);
    }
}
