//! A field of a logfmt line, without unescaping.

use memchr::memchr2;

/// The value of the field that stands first in the list, among all pairs of the line up to the first malformed one.
/// `position` tells a name's place in the list.
pub(super) fn find_field(line: &[u8], position: impl Fn(&[u8]) -> Option<usize>) -> Option<&[u8]> {
    let mut best: Option<(usize, &[u8])> = None;
    let mut rest = line;
    while let Some((name, value, after)) = next_pair(rest) {
        rest = after;
        let Some(place) = position(name) else { continue };
        if best.is_none_or(|(so_far, _)| place < so_far) {
            best = Some((place, value));
        }
        if place == 0 {
            break;
        }
    }
    best.map(|(_, value)| value)
}

/// Name, value and what follows; `None` at the end or where the line stops being logfmt.
fn next_pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = text.iter().position(|byte| *byte > b' ')?;
    let text = &text[start..];
    let name_end = text.iter().position(|byte| matches!(byte, b'=' | b'"' | ..=b' ')).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    match rest.first() {
        None | Some(..=b' ') => return Some((name, &[], rest)),
        Some(b'=') if !name.is_empty() => {}
        Some(_) => return None,
    }
    let value = &rest[1..];
    if value.first() == Some(&b'"') {
        let end = closing_quote(&value[1..])?;
        return Some((name, &value[1..=end], &value[end + 2..]));
    }
    let value_end = value.iter().position(|byte| matches!(byte, b'=' | b'"' | ..=b' ')).unwrap_or(value.len());
    match value.get(value_end) {
        Some(b'=' | b'"') => None,
        _ => Some((name, &value[..value_end], &value[value_end..])),
    }
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
