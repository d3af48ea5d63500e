//! Go's string literals: scanned with the errors of Go's scanner, then unquoted.

use std::borrow::Cow;

/// Finds the end of the literal at the start of `text`, which begins with `"`, `` ` `` or `'`, and checks its escapes.
/// Returns its length in bytes, quotes included. Errors: the scanner's words.
pub(crate) fn scan(text: &str) -> Result<usize, String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.find('`').map(|end| end + 2).ok_or_else(not_terminated);
    }
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let (mut at, mut characters) = (1, 0);
    loop {
        match bytes.get(at) {
            None | Some(b'\n') => return Err(not_terminated()),
            Some(b'\\') => at += escape_length(&bytes[at..], quote)?,
            Some(byte) if *byte == quote => break,
            Some(_) => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
        characters += 1;
    }
    if quote == b'\'' && characters != 1 {
        return Err("invalid char literal".to_owned());
    }
    Ok(at + 1)
}

fn not_terminated() -> String {
    "literal not terminated".to_owned()
}

/// Length of the escape at the start of `bytes`, backslash included.
fn escape_length(bytes: &[u8], quote: u8) -> Result<usize, String> {
    let (prefix, digits, base) = match bytes.get(1) {
        Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\') => return Ok(2),
        Some(byte) if *byte == quote => return Ok(2),
        Some(b'0'..=b'7') => (1, 3, 8),
        Some(b'x') => (2, 2, 16),
        Some(b'u') => (2, 4, 16),
        Some(b'U') => (2, 8, 16),
        _ => return Err("invalid char escape".to_owned()),
    };
    let end = prefix + digits;
    match bytes.get(prefix..end) {
        Some(found) if found.iter().all(|byte| char::from(*byte).is_digit(base)) => Ok(end),
        _ => Err("invalid char escape".to_owned()),
    }
}

/// Unquotes a literal that [`scan`] accepted.
///
/// Errors: `invalid syntax` for escapes beyond their type, `invalid UTF-8 rune` where byte escapes do not form UTF-8
/// (Go would keep such bytes; this crate's texts are UTF-8).
pub(crate) fn unquote(literal: &str) -> Result<Cow<'_, str>, String> {
    let inner = &literal[1..literal.len() - 1];
    if literal.starts_with('`') || !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let length = escape_length(&rest.as_bytes()[at..], literal.as_bytes()[0])?;
        push_escape(&mut out, &rest[at + 1..at + length])?;
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8(out).map(Cow::Owned).map_err(|_| "invalid UTF-8 rune".to_owned())
}

/// Appends what the escape, given without its backslash, stands for.
fn push_escape(out: &mut Vec<u8>, escape: &str) -> Result<(), String> {
    let invalid = || "invalid syntax".to_owned();
    let byte = match escape.as_bytes()[0] {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'0'..=b'7' => u8::from_str_radix(escape, 8).map_err(|_| invalid())?,
        b'x' => u8::from_str_radix(&escape[1..], 16).map_err(|_| invalid())?,
        b'u' | b'U' => {
            let code = u32::from_str_radix(&escape[1..], 16).map_err(|_| invalid())?;
            let c = char::from_u32(code).ok_or_else(invalid)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        other => other,
    };
    out.push(byte);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let end = scan(text)?;
        unquote(&text[..end]).map(Cow::into_owned)
    }

    #[test]
    fn unquotes_as_go_does() {
        for (literal, expected) in [
            (r#""plain" rest"#, "plain"),
            (r#""a\n\t\\\"b""#, "a\n\t\\\"b"),
            (r#""\x41\101\u00e9\U0001F525""#, "AAé🔥"),
            (r#""\xc3\xa9""#, "é"),
            ("`raw \\n \"q\"` tail", "raw \\n \"q\""),
            ("`two\nlines`", "two\nlines"),
            (r#""""#, ""),
        ] {
            assert_eq!(read(literal).as_deref(), Ok(expected), "{literal}");
        }
    }

    #[test]
    fn names_what_is_wrong() {
        for (literal, expected) in [
            (r#""open"#, "literal not terminated"),
            ("\"a\nb\"", "literal not terminated"),
            ("`open", "literal not terminated"),
            (r#""\d""#, "invalid char escape"),
            (r#""\'""#, "invalid char escape"),
            (r#""\x4""#, "invalid char escape"),
            (r#""\u12""#, "invalid char escape"),
            (r#""\é""#, "invalid char escape"),
            (r#""\777""#, "invalid syntax"),
            (r#""\ud800""#, "invalid syntax"),
            (r#""\xff""#, "invalid UTF-8 rune"),
            ("'ab'", "invalid char literal"),
            ("''", "invalid char literal"),
        ] {
            assert_eq!(read(literal).expect_err(literal), expected, "{literal}");
        }
    }
}
