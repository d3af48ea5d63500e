//! The text of a stream's labels, `{name="value", …}`, in Prometheus's grammar and with its error texts.

use std::fmt;

use sigyn_model::Labels;

/// Longest label text taken.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Most labels of one stream that are looked at; the tenant's own limit is far below.
pub(super) const LABELS_MAX: usize = 10_000;
/// The label that a metric name in front of the braces stands for.
const METRIC_NAME: &str = "__name__";

/// Why a label text is not one; displays as clients of Loki read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelsError {
    line: usize,
    column: usize,
    problem: String,
}

impl fmt::Display for LabelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "couldn't parse labels: {}:{}: parse error: {}", self.line, self.column, self.problem)
    }
}

/// A stream's labels as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamLabels {
    /// Those with an empty value are dropped; of two with one name the last stays.
    pub(super) labels: Labels,
    /// A name that was given twice.
    pub(super) repeated_name: Option<Box<str>>,
}

impl StreamLabels {
    fn new(pairs: Vec<(&str, String)>) -> Self {
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let repeated_name = names.windows(2).find(|two| two[0] == two[1]).map(|two| Box::from(two[0]));
        Self { labels: Labels::from_pairs(pairs), repeated_name }
    }
}

/// Reads a label text.
pub(super) fn parse(text: &[u8]) -> Result<StreamLabels, LabelsError> {
    if text.len() >= TEXT_BYTES_MAX {
        let problem = format!("the text of {} bytes is too long; at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(LabelsError { line: 1, column: 1, problem });
    }
    match std::str::from_utf8(text) {
        Ok(text) => Parser { text, at: 0, pairs: Vec::new() }.labels(),
        Err(error) => {
            let (valid, _) = text.split_at(error.valid_up_to());
            let valid = String::from_utf8_lossy(valid);
            Err(error_at(&valid, valid.len(), "invalid UTF-8 rune".to_owned()))
        }
    }
}

/// Whether a name may stand in braces without quotes.
pub(super) fn is_valid_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn error_at(text: &str, at: usize, problem: String) -> LabelsError {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    LabelsError { line, column: 1 + before.len() - line_start, problem }
}

/// What the grammar sees, with the position where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    /// As written, quotes included, and what it stands for.
    Text(&'a str, String),
    Sign(&'static str),
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "identifier \"{name}\""),
            Self::Text(raw, _) => write!(f, "string {}", sigyn_model::labels::GoQuoted(raw)),
            Self::Sign(sign) => write!(f, "\"{sign}\""),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    pairs: Vec<(&'a str, String)>,
}

impl<'a> Parser<'a> {
    fn labels(mut self) -> Result<StreamLabels, LabelsError> {
        self.skip_space();
        let name_end = self.name_end();
        if name_end > self.at {
            self.pairs.push((METRIC_NAME, self.text[self.at..name_end].to_owned()));
            self.at = name_end;
            self.skip_space();
            if self.at == self.text.len() {
                return Ok(StreamLabels::new(self.pairs));
            }
        }
        match self.peek() {
            Some('{') => self.at += 1,
            Some(c) => return Err(self.error(self.at, format!("unexpected character: '{c}'"))),
            None => return Err(self.error(self.at, "unexpected end of input".to_owned())),
        }
        self.inside()?;
        self.skip_space();
        match self.peek() {
            None => Ok(StreamLabels::new(self.pairs)),
            Some(c) => Err(self.error(self.at, format!("unexpected character after the labels: '{c}'"))),
        }
    }

    /// Everything up to the closing brace.
    fn inside(&mut self) -> Result<(), LabelsError> {
        loop {
            let (at, token) = self.next()?;
            let name = match token {
                Token::Sign("}") => return Ok(()),
                Token::Name(name) => name,
                other => return Err(self.unexpected(at, &other, "identifier or \"}\"")),
            };
            let (at, token) = self.next()?;
            if token != Token::Sign("=") {
                return Err(self.unexpected(at, &token, "\"=\""));
            }
            let (at, token) = self.next()?;
            let Token::Text(_, value) = token else { return Err(self.unexpected(at, &token, "string")) };
            if self.pairs.len() == LABELS_MAX {
                return Err(self.error(at, format!("more than {LABELS_MAX} labels")));
            }
            self.pairs.push((name, value));
            match self.next()? {
                (_, Token::Sign("}")) => return Ok(()),
                (_, Token::Sign(",")) => {}
                (at, other) => return Err(self.unexpected(at, &other, "\",\" or \"}\"")),
            }
        }
    }

    fn next(&mut self) -> Result<(usize, Token<'a>), LabelsError> {
        self.skip_space();
        let at = self.at;
        let Some(c) = self.peek() else {
            return Err(self.error(at, "unexpected end of input inside braces".to_owned()));
        };
        let token = match c {
            'a'..='z' | 'A'..='Z' | '_' => {
                self.at = self.name_end();
                Token::Name(&self.text[at..self.at])
            }
            ',' => self.sign(","),
            '}' => self.sign("}"),
            '=' if self.text[at..].starts_with("=~") => self.sign("=~"),
            '=' => self.sign("="),
            '!' if self.text[at..].starts_with("!=") => self.sign("!="),
            '!' if self.text[at..].starts_with("!~") => self.sign("!~"),
            '"' | '\'' => self.quoted(c as u8)?,
            '`' => self.raw()?,
            c => return Err(self.error(at, format!("unexpected character inside braces: '{c}'"))),
        };
        Ok((at, token))
    }

    fn sign(&mut self, sign: &'static str) -> Token<'a> {
        self.at += sign.len();
        Token::Sign(sign)
    }

    fn raw(&mut self) -> Result<Token<'a>, LabelsError> {
        let start = self.at;
        let Some(length) = self.text[start + 1..].find('`') else {
            return Err(self.error(start, "unterminated raw string".to_owned()));
        };
        self.at = start + length + 2;
        let raw = &self.text[start..self.at];
        Ok(Token::Text(raw, raw[1..=length].to_owned()))
    }

    fn quoted(&mut self, quote: u8) -> Result<Token<'a>, LabelsError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + 1;
        let mut value = Vec::new();
        loop {
            let special = |byte: &u8| *byte == quote || *byte == b'\\' || *byte == b'\n';
            let plain = bytes[at..].iter().position(special);
            let Some(plain) = plain.filter(|length| bytes[at + length] != b'\n') else {
                return Err(self.error(start, "unterminated quoted string".to_owned()));
            };
            value.extend_from_slice(&bytes[at..at + plain]);
            at += plain;
            if bytes[at] == quote {
                self.at = at + 1;
                let value = String::from_utf8(value)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
                return Ok(Token::Text(&self.text[start..self.at], value));
            }
            let escape = &self.text[at + 1..];
            at += 1 + unescape(escape, quote, &mut value).ok_or_else(|| self.error(start, escape_problem(escape)))?;
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Where a name that starts here ends.
    fn name_end(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let is_name =
            |at: usize, byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (at > 0 && byte.is_ascii_digit());
        self.at + rest.iter().enumerate().position(|(at, byte)| !is_name(at, *byte)).unwrap_or(rest.len())
    }

    fn unexpected(&self, at: usize, found: &Token<'_>, expected: &str) -> LabelsError {
        self.error(at, format!("unexpected {found} in label set, expected {expected}"))
    }

    fn error(&self, at: usize, problem: String) -> LabelsError {
        error_at(self.text, at, problem)
    }
}

/// Appends what the escape after a backslash stands for and returns its length; `None` when there is no such escape.
fn unescape(text: &str, quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    let byte = match *text.as_bytes().first()? {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        same if same == quote => quote,
        b'x' => {
            out.push(u8::try_from(digits(text, 1, 2, 16)?).ok()?);
            return Some(3);
        }
        b'0'..=b'7' => {
            out.push(u8::try_from(digits(text, 0, 3, 8)?).ok()?);
            return Some(3);
        }
        kind @ (b'u' | b'U') => {
            let count = if kind == b'u' { 4 } else { 8 };
            let c = char::from_u32(digits(text, 1, count, 16)?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(1 + count);
        }
        _ => return None,
    };
    out.push(byte);
    Some(1)
}

fn digits(text: &str, start: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = text.get(start..start + count)?;
    digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())?
}

fn escape_problem(escape: &str) -> String {
    match escape.chars().next() {
        Some(c) => format!("unknown escape sequence U+{:04X} '{c}'", u32::from(c)),
        None => "escape sequence not terminated".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_prometheus_reads() {
        for (text, labels) in [
            (r#"{app="x"}"#, r#"{app="x"}"#),
            (r#"{b="1", a="2",}"#, r#"{a="2", b="1"}"#),
            (" {\n a = \"x\" } ", r#"{a="x"}"#),
            ("{}", "{}"),
            (r#"{a="", b="x"}"#, r#"{b="x"}"#),
            (r#"{a="1", a="2"}"#, r#"{a="2"}"#),
            (r#"{a="q\"\\\n\t\x41\101\u00e9\U0001F525"}"#, "{a=\"q\\\"\\\\\\n\\tAAé🔥\"}"),
            (r#"{a='it"s', b=`r\w`}"#, r#"{a="it\"s", b="r\\w"}"#),
            (r#"up{job="x"}"#, r#"{__name__="up", job="x"}"#),
            ("up", r#"{__name__="up"}"#),
            (r#"{日="x"}"#, "1:2: unexpected character inside braces: '日'"),
            (r#"{a="\xff"}"#, "{a=\"\u{fffd}\"}"),
        ] {
            match parse(text.as_bytes()) {
                Ok(found) => assert_eq!(found.labels.to_string(), labels, "{text}"),
                Err(error) => assert_eq!(
                    error.to_string().replace("couldn't parse labels: ", "").replace("parse error: ", ""),
                    labels,
                    "{text}"
                ),
            }
        }
    }

    #[test]
    fn a_repeated_name_is_reported() {
        let repeated = |text: &str| parse(text.as_bytes()).expect(text).repeated_name;
        assert_eq!(repeated(r#"{a="1", b="x", a="2"}"#).as_deref(), Some("a"));
        assert_eq!(repeated(r#"{a="1", b="1"}"#), None);
    }

    #[test]
    fn says_where_it_stopped_reading() {
        for (text, problem) in [
            (r#"{a-b="x"}"#, "1:3: parse error: unexpected character inside braces: '-'"),
            (r#"{ab""#, "1:4: parse error: unterminated quoted string"),
            ("", "1:1: parse error: unexpected end of input"),
            ("{", "1:2: parse error: unexpected end of input inside braces"),
            (r#"{a="x""#, "1:7: parse error: unexpected end of input inside braces"),
            (r#"{a="x" b="y"}"#, r#"1:8: parse error: unexpected identifier "b" in label set, expected "," or "}""#),
            (r#"{a=x}"#, r#"1:4: parse error: unexpected identifier "x" in label set, expected string"#),
            (r#"{a~"x"}"#, "1:3: parse error: unexpected character inside braces: '~'"),
            (r#"{a=~"x"}"#, r#"1:3: parse error: unexpected "=~" in label set, expected "=""#),
            (r#"{"a"="x"}"#, r#"1:2: parse error: unexpected string "\"a\"" in label set, expected identifier or "}""#),
            (r#"{a="\q"}"#, "1:4: parse error: unknown escape sequence U+0071 'q'"),
            (r#"{a="x"} y"#, "1:9: parse error: unexpected character after the labels: 'y'"),
            ("{a=\"x\",\n1=\"y\"}", "2:1: parse error: unexpected character inside braces: '1'"),
            ("[]", "1:1: parse error: unexpected character: '['"),
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), format!("couldn't parse labels: {problem}"), "{text}");
        }
        let error = parse(b"{a=\"\xff\"}").expect_err("not UTF-8");
        assert_eq!(error.to_string(), "couldn't parse labels: 1:5: parse error: invalid UTF-8 rune");
    }

    #[test]
    fn absurd_texts_are_refused_quickly() {
        let many = format!("{{{}}}", (0..1_000_000).map(|at| format!("l{at}=\"v\"")).collect::<Vec<_>>().join(","));
        assert!(parse(many.as_bytes()).is_err_and(|error| error.problem == "more than 10000 labels"));
        assert!(parse(&vec![b'{'; TEXT_BYTES_MAX]).is_err_and(|error| error.problem.contains("too long")));
        let escapes = format!("{{a=\"{}\"}}", "\\n".repeat(1_000_000));
        assert!(parse(escapes.as_bytes()).is_ok());
    }
}
