//! Attributes become labels or structured metadata; maps are flattened, `a: {b: 1}` to `a_b`.

use sigyn_model::labels::GoQuoted;
use sigyn_write::Span32;

use super::super::labels::LABELS_MAX;
use super::PushError;
use super::arena::Arena;
use super::value::{self, Any, DEPTH_MAX, KeyValue};

/// Names and values of structured metadata, in one buffer's spans.
pub(super) type Pairs = Vec<(Span32, Span32)>;

/// What a label costs in memory besides its text.
const LABEL_OVERHEAD: usize = 32;

/// Adds an attribute to structured metadata. Its names are made valid by the writer.
pub(super) fn to_metadata(arena: &mut Arena<'_>, pair: &KeyValue<'_>, out: &mut Pairs) -> Result<(), PushError> {
    flatten(arena, pair.key, pair.value, 0, &mut |arena, name, value| {
        check_name(arena.text(name))?;
        out.push((name, value));
        Ok(())
    })
}

/// Adds an attribute to stream labels, with valid names.
pub(super) fn to_labels(
    arena: &mut Arena<'_>,
    pair: &KeyValue<'_>,
    out: &mut Vec<(String, String)>,
) -> Result<(), PushError> {
    flatten(arena, pair.key, pair.value, 0, &mut |arena, name, value| {
        check_name(arena.text(name))?;
        if out.len() == LABELS_MAX {
            return Err(PushError::invalid(format!("resource has more than {LABELS_MAX} index labels")));
        }
        arena.spend(name.len as usize + value.len as usize + LABEL_OVERHEAD)?;
        let text = String::from_utf8_lossy(arena.text(value)).into_owned();
        out.push((label_name(arena.text(name)), text));
        Ok(())
    })
}

type Found<'f, 'a> = &'f mut dyn FnMut(&mut Arena<'a>, Span32, Span32) -> Result<(), PushError>;

fn flatten<'a>(
    arena: &mut Arena<'a>,
    name: Span32,
    value: Any<'_>,
    depth: usize,
    found: Found<'_, 'a>,
) -> Result<(), PushError> {
    let Any::Map(list) = value else {
        let value = value::text(arena, value)?;
        return found(arena, name, value);
    };
    if depth == DEPTH_MAX {
        return Err(value::too_deep());
    }
    for pair in value::pairs(arena, list)? {
        let mut joined = arena.text(name).to_vec();
        joined.push(b'_');
        joined.extend_from_slice(arena.text(pair.key));
        let joined = arena.keep(&joined)?;
        flatten(arena, joined, pair.value, depth + 1, found)?;
    }
    Ok(())
}

/// Refuses names of which nothing would be left.
pub(super) fn check_name(name: &[u8]) -> Result<(), PushError> {
    if name.iter().any(u8::is_ascii_alphanumeric) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(name);
    Err(PushError::invalid(format!(
        "attribute name {} has no letter or digit of ASCII: it cannot be a label or structured metadata; rename it",
        GoQuoted(&name)
    )))
}

/// A valid label name: what is none of `a-zA-Z0-9_` becomes `_`, several `_` one, and a first digit gets `key_` before it.
fn label_name(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    if name.first().is_some_and(u8::is_ascii_digit) {
        text.push_str("key_");
    }
    for c in String::from_utf8_lossy(name).chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !text.ends_with('_') {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_valid() {
        for (name, expected) in [
            ("service.name", "service_name"),
            ("k8s.pod.labels.app/x", "k8s_pod_labels_app_x"),
            ("a..b__c", "a_b_c"),
            ("1st", "key_1st"),
            ("überx", "_berx"),
        ] {
            assert_eq!(label_name(name.as_bytes()), expected);
        }
        assert!(check_name(b"...").is_err() && check_name(b"").is_err() && check_name("é1".as_bytes()).is_ok());
    }
}
