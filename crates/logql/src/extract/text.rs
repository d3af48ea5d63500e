//! Names and values as labels: sanitised names, UTF-8 values.

/// Appends `key` as a label name: every character outside `[A-Za-z0-9_]` becomes `_`.
/// At the start of a name a digit gets `_` before it.
pub(crate) fn push_sanitised(key: &str, out: &mut String) {
    if out.is_empty() && key.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        out.push('_');
    }
    if key.bytes().all(is_name_byte) {
        out.push_str(key);
    } else {
        out.extend(key.chars().map(|c| if c.is_ascii() && is_name_byte(c as u8) { c } else { '_' }));
    }
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Appends bytes as text; each invalid byte and each U+FFFD becomes a space.
pub(crate) fn push_utf8(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => return push_without_replacement(valid, out),
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                push_without_replacement(std::str::from_utf8(valid).expect("checked up to here"), out);
                let bad = error.error_len().unwrap_or(after.len());
                out.extend(std::iter::repeat_n(' ', bad));
                rest = &after[bad..];
            }
        }
    }
}

fn push_without_replacement(valid: &str, out: &mut String) {
    if memchr::memmem::find(valid.as_bytes(), "\u{fffd}".as_bytes()).is_none() {
        out.push_str(valid);
    } else {
        out.extend(valid.chars().map(|c| if c == '\u{fffd}' { ' ' } else { c }));
    }
}

/// Appends the text of a JSON string's inside, escapes resolved. False when an escape is malformed.
pub(crate) fn push_unescaped(raw: &[u8], out: &mut String) -> bool {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        push_utf8(&rest[..at], out);
        let Some((c, used)) = escape(&rest[at + 1..]) else { return false };
        out.push(if c == '\u{fffd}' { ' ' } else { c });
        rest = &rest[at + 1 + used..];
    }
    push_utf8(rest, out);
    true
}

/// The character after a backslash, and how many bytes it took.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    Some(match rest.first()? {
        b'"' => ('"', 1),
        b'\\' => ('\\', 1),
        b'/' => ('/', 1),
        b'b' => ('\x08', 1),
        b'f' => ('\x0c', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => {
            let high = hex4(rest.get(1..5)?)?;
            if let Some(c) = char::from_u32(high) {
                return Some((c, 5));
            }
            let low = rest.get(5..11).filter(|next| next.starts_with(b"\\u")).and_then(|next| hex4(&next[2..]));
            match low {
                Some(low) if high < 0xdc00 && (0xdc00..0xe000).contains(&low) => {
                    (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 11)
                }
                _ => ('\u{fffd}', 5),
            }
        }
        _ => return None,
    })
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sanitised_by_character() {
        for (key, name) in
            [("a", "a"), ("9num", "_9num"), ("dash-key", "dash_key"), ("é", "_"), ("ключ", "____"), ("a b.c", "a_b_c")]
        {
            let mut out = String::new();
            push_sanitised(key, &mut out);
            assert_eq!(out, name);
        }
        let mut nested = "a_".to_owned();
        push_sanitised("1", &mut nested);
        assert_eq!(nested, "a_1");
    }

    #[test]
    fn escapes_and_broken_text() {
        for (raw, text) in [
            (&br#"a\"b\\\n\u00e9"#[..], "a\"b\\\n\u{e9}"),
            (br"\ud83d\ude00|", "\u{1f600}|"),
            (br"\ud83d|", " |"),
            (b"a\xffb\xef\xbf\xbd", "a b "),
        ] {
            let mut out = String::new();
            assert!(push_unescaped(raw, &mut out));
            assert_eq!(out, text);
        }
        assert!(!push_unescaped(br"\x", &mut String::new()) && !push_unescaped(b"\\", &mut String::new()));
    }
}
