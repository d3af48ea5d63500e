//! Where a text varies: its words and the places that hold values.

use super::times::parse_clock;

/// A range of the block's line bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// A part of a text that may become a slot. Between two tokens there is at least one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) span: Span,
    /// Letters only: the template says which, unless too many templates differ in nothing else.
    pub(super) word: bool,
}

/// Which rules find the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    /// Of lines: JSON values, values after `=`, quoted texts, and whatever stands between spaces.
    Line,
    /// Of values: runs of letters or digits.
    Value,
}

/// Longest text that is taken apart.
const TEXT_MAX: usize = 16 << 10;
/// Most tokens of a text.
pub(super) const TOKENS_MAX: usize = 400;

const SPACE: u8 = 0;
const MARK: u8 = 1;
/// Part of a token only between letters and digits.
const LINK: u8 = 2;
const DIGIT: u8 = 3;
const LETTER: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [MARK; 256];
    let mut at = 0;
    while at < 256 {
        classes[at] = match at as u8 {
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xff => LETTER,
            b'.' | b'-' | b':' | b'/' | b'+' | b'%' | b'@' | b'#' | b'?' | b'&' | b'\\' | b'~' | b'*' | b'$' | b'!' => {
                LINK
            }
            _ => MARK,
        };
        at += 1;
    }
    classes
};

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Finds the tokens of `span`; `false` when it should be stored whole.
pub(super) fn tokenise(bytes: &[u8], span: Span, grain: Grain, tokens: &mut Vec<Token>) -> bool {
    tokens.clear();
    if span.len() > TEXT_MAX {
        return false;
    }
    let text = span.of(bytes);
    let from = span.start as usize;
    match grain {
        Grain::Line => {
            if text.first() != Some(&b'{') || !super::json::tokens(text, from, tokens) {
                tokens.clear();
                line_tokens(text, from, tokens);
            }
        }
        Grain::Value => value_tokens(text, from, tokens),
    }
    tokens.len() <= TOKENS_MAX
}

/// `from` is where `text` starts in the block's bytes.
fn line_tokens(text: &[u8], from: usize, tokens: &mut Vec<Token>) {
    let mut at = 0;
    let mut word_ends = usize::MAX;
    while at < text.len() {
        let byte = text[at];
        match class(byte) {
            DIGIT | LETTER => {
                let (end, word) = line_run(text, at);
                tokens.push(Token { span: Span::new(from + at, from + end), word });
                word_ends = if word { end } else { usize::MAX };
                at = end;
            }
            _ if byte == b'"' => {
                at += 1;
                if let Some(end) = closing_quote(text, at) {
                    tokens.push(Token { span: Span::new(from + at, from + end), word: false });
                    at = end + 1;
                }
            }
            _ if byte == b'=' && word_ends == at => {
                at += 1;
                if text.get(at) == Some(&b'"') && closing_quote(text, at + 1).is_some() {
                    continue;
                }
                let end =
                    text[at..].iter().position(|byte| class(*byte) == SPACE).map_or(text.len(), |length| at + length);
                tokens.push(Token { span: Span::new(from + at, from + end), word: false });
                at = end;
            }
            _ => at += 1,
        }
    }
}

/// The end of the token at `at`, and whether it is a word.
#[inline]
fn line_run(text: &[u8], at: usize) -> (usize, bool) {
    let mut end = at;
    let mut digits = false;
    if class(text[at]) == DIGIT
        && let Some((format, _)) = parse_clock(&text[at..])
    {
        end = at + format.length();
        digits = true;
    }
    loop {
        while let Some(byte) = text.get(end) {
            match class(*byte) {
                LETTER => {}
                DIGIT => digits = true,
                _ => break,
            }
            end += 1;
        }
        match text.get(end..end + 2) {
            Some(&[link, next]) if class(link) == LINK && class(next) >= DIGIT => end += 1,
            _ => return (end, !digits),
        }
    }
}

/// Where the quoted text that starts at `at` ends.
fn closing_quote(text: &[u8], at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        let end = from + memchr::memchr(b'"', &text[from..])?;
        let slashes = text[at..end].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 {
            return Some(end);
        }
        from = end + 1;
    }
}

fn value_tokens(text: &[u8], from: usize, tokens: &mut Vec<Token>) {
    let mut at = 0;
    // A token needs a byte before it that belongs to no token.
    let mut free = 0;
    while at < text.len() {
        if class(text[at]) < DIGIT {
            at += 1;
            continue;
        }
        let (start, end, run_end, word) = value_run(text, at);
        if end > start && (start > free || tokens.is_empty()) {
            tokens.push(Token { span: Span::new(from + start, from + end), word });
            free = end;
        }
        at = run_end.max(at + 1);
    }
}

/// The token at `at` (start and end), where to go on, and whether it is a word.
fn value_run(text: &[u8], at: usize) -> (usize, usize, usize, bool) {
    if class(text[at]) == DIGIT {
        if let Some((format, _)) = parse_clock(&text[at..]) {
            return (at, at + format.length(), at + format.length(), false);
        }
        // `23T09:10:11`: the day, then the time of day.
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if text.get(at + digits) == Some(&b'T') && parse_clock(&text[at + digits + 1..]).is_some() {
            return (at, at + digits, at + digits + 1, false);
        }
    }
    let end = text[at..].iter().position(|byte| class(*byte) < DIGIT).map_or(text.len(), |length| at + length);
    let run = &text[at..end];
    if !run.iter().any(u8::is_ascii_digit) {
        return (at, end, end, true);
    }
    let hex = run.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let prefix = run.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let digits = run[prefix..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let suffix = run[prefix + digits..].iter().all(|byte| !byte.is_ascii_digit());
    if hex || !suffix || digits > super::digits::DIGITS_MAX {
        return (at, end, end, false);
    }
    // `u123` and `12ms`: the letters are text.
    (at + prefix, at + prefix + digits, end, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grain: Grain, text: &str, expected: &[&str]) {
        let mut tokens = Vec::new();
        assert!(tokenise(text.as_bytes(), Span::new(0, text.len()), grain, &mut tokens));
        let found: Vec<String> = tokens
            .iter()
            .map(|token| {
                let text = String::from_utf8_lossy(token.span.of(text.as_bytes())).into_owned();
                if token.word { format!("~{text}") } else { text }
            })
            .collect();
        assert_eq!(found, expected, "{text}");
        for pair in tokens.windows(2) {
            assert!(pair[0].span.end < pair[1].span.start, "{text}");
        }
    }

    #[test]
    fn lines_vary_between_spaces() {
        check(Grain::Line, "a 10.0.0.1:80 b=12ms \"GET /x\" [7]", &["~a", "10.0.0.1:80", "~b", "12ms", "GET /x", "7"]);
        check(Grain::Line, "2026-11-23 09:00:00,123 INFO x.Y - ", &["2026-11-23", "09:00:00,123", "~INFO", "~x.Y"]);
        check(Grain::Line, "msg=\"a \\\" b\" e= f=g", &["~msg", "a \\\" b", "~e", "", "~f", "g"]);
        check(Grain::Line, "m=\"open", &["~m", "\"open"]);
        check(Grain::Line, r#"{"a":1,"b":{"c":"x"},"d":[1,"]"],"e":true}"#, &["1", "x", r#"[1,"]"]"#, "true"]);
        check(Grain::Line, r#"{"a":1"#, &["a", "1"]);
        check(Grain::Line, "", &[]);
    }

    #[test]
    fn values_vary_in_letters_and_digits() {
        check(Grain::Value, "u123", &["123"]);
        check(Grain::Value, "12ms", &["12"]);
        check(Grain::Value, "2026-11-23T09:00:00.123Z", &["2026", "11", "23", "09:00:00.123"]);
        check(Grain::Value, "GET /v1/a-1/5e4f HTTP", &["~GET", "1", "~a", "1", "5e4f", "~HTTP"]);
        check(Grain::Value, "1Z9:é", &["1Z9", "~é"]);
    }
}
