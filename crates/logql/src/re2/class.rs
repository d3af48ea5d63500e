//! Character classes and escapes, by Go's rules.

use std::fmt::Write as _;

use super::translate::error;

const ASCII_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Reads the `[…]` at the start of `text`: its length and the same class in Rust's syntax.
/// `text` runs to the end of the pattern, whose last `:]` is `named_tail` bytes before that; 0 if it has none.
pub(super) fn bracketed(text: &str, named_tail: usize) -> Result<(usize, String), String> {
    let mut out = String::from("[");
    let mut rest = &text[1..];
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut is_first = true;
    while is_first || !rest.starts_with(']') {
        is_first = false;
        if let Some((length, name)) = posix(rest, named_tail)? {
            out.push_str(name);
            rest = &rest[length..];
        } else if let Some((length, items)) = escaped(rest)? {
            out.push_str(&items);
            rest = &rest[length..];
        } else {
            let length = range(rest, text, &mut out)?;
            rest = &rest[length..];
        }
    }
    out.push(']');
    Ok((text.len() - rest.len() + 1, out))
}

/// `[:alpha:]` or `[:^alpha:]` inside a class.
fn posix(text: &str, named_tail: usize) -> Result<Option<(usize, &str)>, String> {
    let inside = text.strip_prefix("[:").filter(|inside| named_tail > 0 && inside.len() >= named_tail);
    let Some(end) = inside.and_then(|inside| inside.find(":]")) else {
        return Ok(None);
    };
    let whole = &text[..end + 4];
    let name = &text[2..end + 2];
    if !ASCII_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(error("invalid character class range", whole));
    }
    Ok(Some((whole.len(), whole)))
}

/// One character or `a-z` inside the class `whole`; appends it and returns its length.
fn range(text: &str, whole: &str, out: &mut String) -> Result<usize, String> {
    let (low_length, low) = class_char(text, whole)?;
    let mut length = low_length;
    let mut high = low;
    let after = &text[length..];
    if after.len() >= 2 && after.starts_with('-') && !after.starts_with("-]") {
        let (high_length, found) = class_char(&after[1..], whole)?;
        length += 1 + high_length;
        high = found;
        if high < low {
            return Err(error("invalid character class range", &text[..length]));
        }
    }
    let _ = write!(out, "\\x{{{:X}}}-\\x{{{:X}}}", u32::from(low), u32::from(high));
    Ok(length)
}

fn class_char(text: &str, whole: &str) -> Result<(usize, char), String> {
    match text.chars().next() {
        None => Err(error("missing closing ]", whole)),
        Some('\\') => escaped_char(text),
        Some(c) => Ok((c.len_utf8(), c)),
    }
}

/// Reads `\d`, `\W`, `\pL`, `\P{Greek}` at the start of `text`: its length and the items to put between brackets.
pub(super) fn escaped(text: &str) -> Result<Option<(usize, String)>, String> {
    let Some(letter) = text.strip_prefix('\\').and_then(|after| after.chars().next()) else {
        return Ok(None);
    };
    let items = match letter {
        'd' => "0-9",
        'D' => "[^0-9]",
        's' => "\\t\\n\\x0C\\r\\x20",
        'S' => "[^\\t\\n\\x0C\\r\\x20]",
        'w' => "0-9A-Za-z_",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return unicode(text).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((2, items.to_owned())))
}

/// `\pL`, `\p{Greek}`, `\p{^Greek}`.
fn unicode(text: &str) -> Result<(usize, String), String> {
    let invalid = |sequence: &str| error("invalid character class range", sequence);
    let after = &text[2..];
    let (length, name) = match after.chars().next() {
        None => return Err(invalid(text)),
        Some('{') => {
            let end = after.find('}').ok_or_else(|| invalid(text))?;
            (2 + end + 1, &after[1..end])
        }
        Some(c) => (2 + c.len_utf8(), &after[..c.len_utf8()]),
    };
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let negated = negated != text.starts_with("\\P");
    let item = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
    let is_known = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && regex_syntax::Parser::new().parse(&item).is_ok();
    if is_known { Ok((length, item)) } else { Err(invalid(&text[..length])) }
}

/// Reads an escape that stands for one character: its length and the character.
pub(super) fn escaped_char(text: &str) -> Result<(usize, char), String> {
    let Some(c) = text[1..].chars().next() else {
        return Err(error("trailing backslash at end of expression", ""));
    };
    let after = &text[1 + c.len_utf8()..];
    let plain = match c {
        '0'..='7' => return octal(text),
        'x' => return hexadecimal(text, after),
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(error("invalid escape sequence", &text[..1 + c.len_utf8()])),
    };
    Ok((2, plain))
}

/// `\0`, `\07`, `\123`; a single digit but 0 would be a back-reference.
fn octal(text: &str) -> Result<(usize, char), String> {
    let digits = text[1..].bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if digits == 1 && !text.starts_with("\\0") {
        return Err(error("invalid escape sequence", &text[..2]));
    }
    let code = u32::from_str_radix(&text[1..=digits], 8).unwrap_or(0);
    Ok((1 + digits, char::from_u32(code).unwrap_or('\0')))
}

/// `\x7F` or `\x{10FFFF}`; `after` is what follows the `x`.
fn hexadecimal(text: &str, after: &str) -> Result<(usize, char), String> {
    if let Some(braced) = after.strip_prefix('{') {
        let digits = braced.bytes().take_while(u8::is_ascii_hexdigit).count();
        let code = u32::from_str_radix(&braced[..digits], 16).ok().and_then(char::from_u32);
        return match code {
            Some(c) if braced[digits..].starts_with('}') => Ok((4 + digits, c)),
            _ => {
                let bad = braced[digits..].chars().next().map_or(0, char::len_utf8);
                Err(error("invalid escape sequence", &text[..3 + digits + bad]))
            }
        };
    }
    let end = after.char_indices().nth(2).map_or(after.len(), |(at, _)| at);
    let digits = &after[..end];
    if digits.len() != 2 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error("invalid escape sequence", &text[..2 + end]));
    }
    let code = u32::from_str_radix(digits, 16).unwrap_or(0);
    Ok((4, char::from_u32(code).unwrap_or('\0')))
}
