//! Fields of a JSON object line, read leniently: only what is walked over is checked.

use super::Fields;
use super::text::{push_sanitised, push_unescaped, push_utf8};

/// Deepest nesting walked into.
const DEPTH_MAX: usize = 128;

pub(crate) const NOT_AN_OBJECT: &str = "Value looks like object, but can't find closing '}' symbol";
const MALFORMED: &str = "Malformed JSON error";
const OPEN_STRING: &str = "Value looks like string, but can't find closing '\"' symbol";
const OPEN_ARRAY: &str = "Value is array, but can't find closing ']' symbol";
const UNKNOWN: &str = "Unknown value type";
const BAD_ESCAPE: &str = "Cannot unescape string";
const TOO_DEEP: &str = "Nested too deeply";

/// A value as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw<'l> {
    /// The inside of the quotes.
    Str(&'l [u8]),
    /// Number or boolean text.
    Plain(&'l [u8]),
    Null,
    Array(&'l [u8]),
    Object(&'l [u8]),
}

/// Hands every scalar of a JSON object to `fields`: nested names joined by `_`, arrays and nulls left out.
///
/// Errors: what is wrong with the line; fields before it have been handed over.
pub(crate) fn walk(line: &[u8], scratch: &mut Scratch, fields: &mut impl Fields) -> Result<(), &'static str> {
    scratch.name.clear();
    object(line, scratch, fields, 0).map(|_| ())
}

/// Buffers a parser keeps between lines.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    name: String,
    key: String,
    value: String,
}

/// True while more fields are wanted.
fn object(text: &[u8], scratch: &mut Scratch, fields: &mut impl Fields, depth: usize) -> Result<bool, &'static str> {
    if depth > DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    let prefix_length = scratch.name.len();
    let mut members = Members::new(text)?;
    while let Some((key, value)) = members.next()? {
        scratch.name.truncate(prefix_length);
        scratch.key.clear();
        if !push_unescaped(key, &mut scratch.key) {
            return Err(BAD_ESCAPE);
        }
        push_sanitised(&scratch.key, &mut scratch.name);
        if scratch.name.len() == prefix_length {
            continue;
        }
        let more = match value {
            Raw::Object(inner) => {
                scratch.name.push('_');
                !fields.wants_below(&scratch.name) || object(inner, scratch, fields, depth + 1)?
            }
            Raw::Array(_) | Raw::Null => true,
            Raw::Str(_) | Raw::Plain(_) if !fields.wants(&scratch.name) => true,
            Raw::Str(inside) => {
                scratch.value.clear();
                if !push_unescaped(inside, &mut scratch.value) {
                    return Err(BAD_ESCAPE);
                }
                fields.set(&scratch.name, &scratch.value)
            }
            Raw::Plain(token) => {
                scratch.value.clear();
                push_utf8(token, &mut scratch.value);
                fields.set(&scratch.name, &scratch.value)
            }
        };
        if !more {
            return Ok(false);
        }
    }
    scratch.name.truncate(prefix_length);
    Ok(true)
}

/// The members of an object in order; text after its closing brace is ignored.
pub(crate) struct Members<'l> {
    text: &'l [u8],
    at: usize,
    first: bool,
    done: bool,
}

impl<'l> Members<'l> {
    pub(crate) fn new(text: &'l [u8]) -> Result<Self, &'static str> {
        let at = next_token(text, 0).filter(|at| text[*at] == b'{').ok_or(NOT_AN_OBJECT)?;
        Ok(Self { text, at: at + 1, first: true, done: false })
    }

    /// The next key (inside of its quotes) and value.
    pub(crate) fn next(&mut self) -> Result<Option<(&'l [u8], Raw<'l>)>, &'static str> {
        if self.done {
            return Ok(None);
        }
        let mut at = next_token(self.text, self.at).ok_or(NOT_AN_OBJECT)?;
        match self.text[at] {
            b'}' if self.first => {
                self.done = true;
                return Ok(None);
            }
            b'}' => {
                self.done = true;
                return Ok(None);
            }
            b',' if !self.first => at = next_token(self.text, at + 1).ok_or(NOT_AN_OBJECT)?,
            _ if !self.first => return Err(NOT_AN_OBJECT),
            _ => {}
        }
        if self.text[at] != b'"' {
            return Err(NOT_AN_OBJECT);
        }
        let key_end = string_end(self.text, at + 1).ok_or(NOT_AN_OBJECT)?;
        let colon = next_token(self.text, key_end + 1).filter(|at| self.text[*at] == b':').ok_or(NOT_AN_OBJECT)?;
        let (value, end) = value_at(self.text, colon + 1)?;
        self.at = end;
        self.first = false;
        Ok(Some((&self.text[at + 1..key_end], value)))
    }
}

/// The value that starts at or after `from`, and where it ends.
pub(crate) fn value_at(text: &[u8], from: usize) -> Result<(Raw<'_>, usize), &'static str> {
    let at = next_token(text, from).ok_or(MALFORMED)?;
    match text[at] {
        b'"' => {
            let end = string_end(text, at + 1).ok_or(OPEN_STRING)?;
            Ok((Raw::Str(&text[at + 1..end]), end + 1))
        }
        b'[' => {
            let end = block_end(text, at, b'[', b']').ok_or(OPEN_ARRAY)?;
            Ok((Raw::Array(&text[at..end]), end))
        }
        b'{' => {
            let end = block_end(text, at, b'{', b'}').ok_or(NOT_AN_OBJECT)?;
            Ok((Raw::Object(&text[at..end]), end))
        }
        first => {
            let length = text[at..].iter().position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b',' | b'}' | b']'));
            let end = length.map_or(text.len(), |length| at + length);
            let token = &text[at..end];
            match first {
                b't' | b'f' if token == b"true" || token == b"false" => Ok((Raw::Plain(token), end)),
                b'n' if token == b"null" => Ok((Raw::Null, end)),
                b'0'..=b'9' | b'-' => Ok((Raw::Plain(token), end)),
                _ => Err(UNKNOWN),
            }
        }
    }
}

/// First byte from `from` that is no white space.
fn next_token(text: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t')).map(|at| from + at)
}

/// Position of the quote that ends the string whose inside starts at `from`.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Position after the bracket that closes the block at `open`, strings skipped.
fn block_end(text: &[u8], open: usize, opens: u8, closes: u8) -> Option<usize> {
    let (mut at, mut level) = (open, 0_usize);
    loop {
        at += memchr::memchr3(b'"', opens, closes, text.get(at..)?)?;
        if text[at] == b'"' {
            at = string_end(text, at + 1)? + 1;
            continue;
        }
        if text[at] == opens {
            level += 1;
        } else {
            level -= 1;
        }
        at += 1;
        if level == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::All;
    use super::*;

    fn check(line: &str, expected: &str, error: Option<&str>) {
        let mut all = All::default();
        let result = walk(line.as_bytes(), &mut Scratch::default(), &mut all);
        assert_eq!((all.text().as_str(), result.err()), (expected, error), "{line}");
    }

    #[test]
    fn objects_flatten() {
        check(
            r#"{"level":"error","code":500,"ok":false,"nil":null,"nested":{"a":1,"b":{"c":"deep"}},"arr":[1,{"x":3}]}"#,
            r#"level="error" code="500" ok="false" nested_a="1" nested_b_c="deep""#,
            None,
        );
        check(r#" { "a" : "x\ny" , "b":-1.5e-3 } tail"#, r#"a="x\ny" b="-1.5e-3""#, None);
        check(r#"{"a":1}{"b":2}"#, r#"a="1""#, None);
        check(r#"{"dup":1,"dup":2,"":"x","9n":1}"#, r#"dup="1" _9n="1""#, None);
        check("{}", "", None);
        check(r#"{"e":{}}"#, "", None);
        check(r#"{"s":""}"#, r#"s="""#, None);
    }

    #[test]
    fn broken_lines_keep_what_came_before() {
        check("plain text", "", Some(NOT_AN_OBJECT));
        check("", "", Some(NOT_AN_OBJECT));
        check("[1,2,3]", "", Some(NOT_AN_OBJECT));
        check(r#"{"bad json": "#, "", Some(MALFORMED));
        check(r#"{"a":1,"b"#, r#"a="1""#, Some(NOT_AN_OBJECT));
        check(r#"{"a":1,"b":"x"#, r#"a="1""#, Some(OPEN_STRING));
        check(r#"{"a":1 "b":2}"#, r#"a="1""#, Some(NOT_AN_OBJECT));
        check(r#"{"a":[1,2}"#, "", Some(OPEN_ARRAY));
        check(r#"{"a":xyz}"#, "", Some(UNKNOWN));
    }

    #[test]
    fn depth_is_bounded() {
        let line = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let mut all = All::default();
        assert_eq!(walk(line.as_bytes(), &mut Scratch::default(), &mut all), Err(TOO_DEEP));
    }
}
