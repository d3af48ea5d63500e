//! A pull reader of JSON text that unescapes strings in place.

use std::fmt;

use memchr::memchr2;
use sigyn_write::Span32;

/// Nesting of values that are passed over.
const DEPTH_MAX: usize = 128;

/// What is wrong with the text, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Syntax {
    at: usize,
    problem: String,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.problem, self.at)
    }
}

/// What kind of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Null,
    /// A number, `true` or `false`.
    Scalar,
}

#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// `bytes` is below 2 GiB.
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn text(&self, span: Span32) -> &[u8] {
        &self.bytes[span.offset as usize..][..span.len as usize]
    }

    /// The kind of the next value, which is not read yet.
    pub(super) fn kind(&mut self) -> Result<Kind, Syntax> {
        match self.peek()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b'n' => Ok(Kind::Null),
            b't' | b'f' | b'-' | b'0'..=b'9' => Ok(Kind::Scalar),
            byte => Err(self.unexpected(byte, "a value")),
        }
    }

    /// Enters an object or array.
    pub(super) fn open(&mut self, bracket: u8) -> Result<(), Syntax> {
        let expected = if bracket == b'{' { "an object" } else { "an array" };
        match self.peek()? {
            byte if byte == bracket => {
                self.at += 1;
                Ok(())
            }
            byte => Err(self.unexpected(byte, expected)),
        }
    }

    /// The next name of an object, its colon read; `None` once the object is closed.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<Span32>, Syntax> {
        if !self.next(first, b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        match self.peek()? {
            b':' => self.at += 1,
            byte => return Err(self.unexpected(byte, "':'")),
        }
        Ok(Some(key))
    }

    /// Whether another element of the array follows; if not, the array is closed.
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool, Syntax> {
        self.next(first, b']')
    }

    fn next(&mut self, first: &mut bool, close: u8) -> Result<bool, Syntax> {
        let byte = self.peek()?;
        if byte == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            if byte != b',' {
                return Err(self.unexpected(byte, if close == b'}' { "',' or '}'" } else { "',' or ']'" }));
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// Reads a string and leaves its meaning where it stood. Bytes that are not UTF-8 stay as they are.
    pub(super) fn string(&mut self) -> Result<Span32, Syntax> {
        match self.peek()? {
            b'"' => self.at += 1,
            byte => return Err(self.unexpected(byte, "a string")),
        }
        let start = self.at;
        let length = memchr2(b'"', b'\\', &self.bytes[start..]).ok_or_else(|| self.unterminated(start))?;
        let end = start + length;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Ok(Span32 { offset: start as u32, len: length as u32 });
        }
        self.unescape(start, end)
    }

    /// Goes on with a string whose first backslash stands at `at`, moving text down over the escapes.
    fn unescape(&mut self, start: usize, mut at: usize) -> Result<Span32, Syntax> {
        let mut write = at;
        loop {
            if self.bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Span32 { offset: start as u32, len: (write - start) as u32 });
            }
            let (c, length) = self.escape(at)?;
            let mut utf8 = [0; 4];
            let text = c.encode_utf8(&mut utf8).as_bytes();
            self.bytes[write..write + text.len()].copy_from_slice(text);
            write += text.len();
            at += length;
            let plain = memchr2(b'"', b'\\', &self.bytes[at..]).ok_or_else(|| self.unterminated(start))?;
            self.bytes.copy_within(at..at + plain, write);
            write += plain;
            at += plain;
        }
    }

    /// The character that the escape at `at` stands for, and the escape's length. Half a surrogate pair is U+FFFD.
    fn escape(&self, at: usize) -> Result<(char, usize), Syntax> {
        let wrong = || self.problem(at, "wrong escape in a string".to_owned());
        let c = match self.bytes.get(at + 1).ok_or_else(wrong)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex(at + 2).ok_or_else(wrong)?;
                if (0xd800..0xdc00).contains(&high)
                    && self.bytes.get(at + 6..at + 8) == Some(b"\\u")
                    && let Some(low @ 0xdc00..0xe000) = self.hex(at + 8)
                {
                    let c = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    return Ok((char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER), 12));
                }
                return Ok((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6));
            }
            _ => return Err(wrong()),
        };
        Ok((c, 2))
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 4)?;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | (*digit as char).to_digit(16)?))
    }

    /// The whole number that a string's text is.
    pub(super) fn integer(&self, span: Span32) -> Result<i64, Syntax> {
        let digits = self.text(span);
        let (negative, magnitude) = match digits.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, digits),
        };
        let mut value: Option<i64> = (!magnitude.is_empty()).then_some(0);
        for digit in magnitude {
            value = value.filter(|_| digit.is_ascii_digit()).and_then(|value| {
                let digit = i64::from(digit - b'0');
                value.checked_mul(10)?.checked_add(if negative { -digit } else { digit })
            });
        }
        value.ok_or_else(|| {
            let text = String::from_utf8_lossy(&digits[..digits.len().min(40)]).into_owned();
            self.problem(span.offset as usize, format!("'{text}' is not a timestamp in nanoseconds"))
        })
    }

    /// Reads any value and returns its text as written.
    pub(super) fn raw(&mut self) -> Result<Span32, Syntax> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(Span32 { offset: start as u32, len: (self.at - start) as u32 })
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Result<(), Syntax> {
        // The brackets that are open, as a stack of bits: 1 is an object. `after_value` is where a comma may stand.
        let (mut objects, mut depth) = (0_u128, 0);
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                bracket @ (b'{' | b'[') => {
                    if depth == DEPTH_MAX {
                        return Err(self.problem(self.at, format!("values nest deeper than {DEPTH_MAX}")));
                    }
                    self.at += 1;
                    objects = objects << 1 | u128::from(bracket == b'{');
                    depth += 1;
                    if !self.enter(objects & 1 == 1)? {
                        objects >>= 1;
                        depth -= 1;
                    } else {
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            while depth > 0 && !self.after_value(objects & 1 == 1)? {
                objects >>= 1;
                depth -= 1;
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// After an opening bracket: whether a value follows. Names of objects are read.
    fn enter(&mut self, object: bool) -> Result<bool, Syntax> {
        let mut first = true;
        if object { self.skipped_key(&mut first) } else { self.next(&mut first, b']') }
    }

    /// After a value: whether another one follows in the same brackets, which are closed if not.
    fn after_value(&mut self, object: bool) -> Result<bool, Syntax> {
        let mut first = false;
        if object { self.skipped_key(&mut first) } else { self.next(&mut first, b']') }
    }

    fn skipped_key(&mut self, first: &mut bool) -> Result<bool, Syntax> {
        if !self.next(first, b'}')? {
            return Ok(false);
        }
        match self.peek()? {
            b'"' => self.skip_string()?,
            byte => return Err(self.unexpected(byte, "a string")),
        }
        match self.peek()? {
            b':' => self.at += 1,
            byte => return Err(self.unexpected(byte, "':'")),
        }
        Ok(true)
    }

    fn skip_string(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            at += memchr2(b'"', b'\\', rest).ok_or_else(|| self.unterminated(start))?;
            if self.bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(());
            }
            at += 2;
        }
    }

    fn skip_scalar(&mut self) -> Result<(), Syntax> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let word = &rest[..length];
        let fine = match word.first() {
            Some(b't' | b'f' | b'n') => matches!(word, b"true" | b"false" | b"null"),
            Some(b'-' | b'0'..=b'9') => std::str::from_utf8(word).is_ok_and(|text| text.parse::<f64>().is_ok()),
            _ => false,
        };
        if !fine {
            let byte = rest.first().copied().unwrap_or(b' ');
            return Err(self.unexpected(byte, "a value"));
        }
        self.at += length;
        Ok(())
    }

    /// The next byte that is not space.
    fn peek(&mut self) -> Result<u8, Syntax> {
        let rest = &self.bytes[self.at..];
        match rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            Some(spaces) => {
                self.at += spaces;
                Ok(self.bytes[self.at])
            }
            None => Err(self.problem(self.bytes.len(), "unexpected end of the body".to_owned())),
        }
    }

    pub(super) fn problem(&self, at: usize, problem: String) -> Syntax {
        Syntax { at, problem }
    }

    fn unexpected(&self, byte: u8, expected: &str) -> Syntax {
        self.problem(self.at, format!("found '{}' where {expected} is expected", byte.escape_ascii()))
    }

    fn unterminated(&self, start: usize) -> Syntax {
        self.problem(start, "a string is not closed".to_owned())
    }
}
