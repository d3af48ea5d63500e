//! Structured metadata as it is stored: names made valid, values made UTF-8, sorted, one value per name.

use std::borrow::Cow;

use memchr::memmem;

use crate::accepted::{Text, Texts};
use crate::{Error, Result, Span32};

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Appends one entry's pairs to `out`, sorted by name; of several values for a name the last stays, empty values are dropped.
pub(crate) fn normalize(
    texts: &mut Texts,
    arena: &[u8],
    pairs: &[(Span32, Span32)],
    out: &mut Vec<(Text, Text)>,
) -> Result<()> {
    let start = out.len();
    for (name, value) in pairs {
        let name = match normal_name(&arena[name.offset as usize..][..name.len as usize])? {
            Cow::Borrowed(_) => Text::sent(*name),
            Cow::Owned(text) => texts.add(&text)?,
        };
        let value = match normal_value(&arena[value.offset as usize..][..value.len as usize]) {
            Cow::Borrowed(_) => Text::sent(*value),
            Cow::Owned(text) => texts.add(&text)?,
        };
        out.push((name, value));
    }
    let added = &mut out[start..];
    if !added.is_sorted_by(|(a, _), (b, _)| texts.get(*a) < texts.get(*b)) {
        added.sort_by(|(a, _), (b, _)| texts.get(*a).cmp(texts.get(*b)));
        keep_last_of_each_name(texts, out, start);
    }
    if out[start..].iter().any(|(_, value)| value.is_empty()) {
        let mut kept = start;
        for at in start..out.len() {
            if !out[at].1.is_empty() {
                out[kept] = out[at];
                kept += 1;
            }
        }
        out.truncate(kept);
    }
    Ok(())
}

fn keep_last_of_each_name(texts: &Texts, pairs: &mut Vec<(Text, Text)>, start: usize) {
    let mut kept = start;
    for at in start..pairs.len() {
        let last = pairs.get(at + 1).is_none_or(|next| texts.get(next.0) != texts.get(pairs[at].0));
        if last {
            pairs[kept] = pairs[at];
            kept += 1;
        }
    }
    pairs.truncate(kept);
}

/// Letters, digits and single underscores, not starting with a digit.
///
/// Errors: status 500, as in Loki, for a name with nothing else left than underscores.
fn normal_name(name: &[u8]) -> Result<Cow<'_, [u8]>> {
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && memmem::find(name, b"__").is_none()
        && name != b"_";
    if plain {
        return Ok(Cow::Borrowed(name));
    }
    if name.is_empty() {
        return Err(Error::Rejected { status: 500, message: "label name is empty".to_owned() });
    }
    let sent = String::from_utf8_lossy(name);
    let mut text = Vec::with_capacity(name.len() + 4);
    if name[0].is_ascii_digit() {
        text.extend_from_slice(b"key_");
    }
    for c in sent.chars() {
        let byte = if c.is_ascii_alphanumeric() { c as u8 } else { b'_' };
        if byte != b'_' || text.last() != Some(&b'_') {
            text.push(byte);
        }
    }
    if text == b"_" {
        let message = format!(
            "normalization for label name {} resulted in invalid name \"_\"",
            sigyn_model::labels::GoQuoted(&sent)
        );
        return Err(Error::Rejected { status: 500, message });
    }
    Ok(Cow::Owned(text))
}

/// Each byte that is not UTF-8, and each replacement character, becomes a space.
fn normal_value(value: &[u8]) -> Cow<'_, [u8]> {
    if value.is_ascii() || (std::str::from_utf8(value).is_ok() && memmem::find(value, REPLACEMENT).is_none()) {
        return Cow::Borrowed(value);
    }
    let mut text = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            let c = if c == '\u{fffd}' { ' ' } else { c };
            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        text.resize(text.len() + chunk.invalid().len(), b' ');
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn names_become_valid() -> Result<()> {
        for (name, expected) in [
            ("trace_id", "trace_id"),
            ("http.status-code", "http_status_code"),
            ("a..b", "a_b"),
            ("a__b", "a_b"),
            ("1st", "key_1st"),
            ("é", "_"),
            ("_x", "_x"),
            ("日本x", "_x"),
        ] {
            match normal_name(name.as_bytes()) {
                Ok(text) => assert_eq!(String::from_utf8_lossy(&text), expected, "{name}"),
                Err(error) => assert_eq!(expected, "_", "{error}"),
            }
        }
        assert_eq!(normal_name(b"a\xffb")?, &b"a_b"[..]);
        Ok(())
    }

    #[test]
    fn names_without_a_letter_are_refused_as_in_loki() {
        for (name, message) in [
            ("", "label name is empty"),
            ("___", r#"normalization for label name "___" resulted in invalid name "_""#),
            ("..", r#"normalization for label name ".." resulted in invalid name "_""#),
            ("_", r#"normalization for label name "_" resulted in invalid name "_""#),
        ] {
            let error = normal_name(name.as_bytes()).expect_err(name);
            assert_eq!((error.status(), error.to_string().as_str()), (500, message));
        }
    }

    #[test]
    fn values_become_utf8() {
        for (value, expected) in
            [(&b"plain"[..], "plain"), (b"a\xff\xfeb", "a  b"), ("é\u{fffd}!".as_bytes(), "é !"), (b"", "")]
        {
            assert_eq!(normal_value(value), expected.as_bytes());
        }
    }

    #[test]
    fn pairs_are_sorted_unique_and_not_empty() -> Result<()> {
        let arena = Bytes::from_static(b"b1a2b3c");
        let at = |offset: u32, len: u32| Span32 { offset, len };
        let mut texts = Texts::new(arena.clone());
        let mut out = Vec::new();
        let pairs = [(at(0, 1), at(1, 1)), (at(2, 1), at(3, 1)), (at(4, 1), at(5, 1)), (at(6, 1), at(0, 0))];
        normalize(&mut texts, &arena, &pairs, &mut out)?;
        let found: Vec<_> = out.iter().map(|(name, value)| (texts.get(*name), texts.get(*value))).collect();
        assert_eq!(found, [(&b"a"[..], &b"2"[..]), (b"b", b"3")]);
        Ok(())
    }
}
