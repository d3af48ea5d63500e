//! Labels and fields that are there without being asked for.

use std::collections::{BTreeMap, BTreeSet};

use sigyn_logql::detect;
use sigyn_model::Labels;

use crate::DetectedLabel;

/// Labels that are shown whatever their values are.
const ALWAYS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// Labels by name, without those whose values are nothing but numbers and ids.
pub(crate) fn labels(sets: &[Labels], hidden: &str) -> Vec<DetectedLabel> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in sets.iter().flat_map(Labels::iter) {
        if name != hidden {
            values.entry(name).or_default().insert(value);
        }
    }
    values
        .into_iter()
        .filter(|(name, values)| ALWAYS.contains(name) || !values.iter().all(|value| is_id(value)))
        .map(|(label, values)| DetectedLabel { label: label.to_owned(), cardinality: values.len() as u64 })
        .collect()
}

fn is_id(value: &str) -> bool {
    detect::is_float(value) || is_uuid(value)
}

/// With dashes, also in braces or as `urn:uuid:`; or 32 hexadecimal digits.
fn is_uuid(value: &str) -> bool {
    let bare = match value.len() {
        32 => return value.bytes().all(|b| b.is_ascii_hexdigit()),
        36 => value,
        38 => value.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')).unwrap_or(""),
        45 if value.is_char_boundary(9) && value[..9].eq_ignore_ascii_case("urn:uuid:") => &value[9..],
        _ => return false,
    };
    bare.len() == 36
        && bare.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_out() {
        let sets = [
            Labels::from_pairs([("app", "a"), ("rep", "0"), ("pod", "1"), ("id", "0123456789abcdef0123456789ABCDEF")]),
            Labels::from_pairs([("app", "b"), ("rep", "1.5"), ("mixed", "1"), ("h", "x")]),
            Labels::from_pairs([("app", "b"), ("mixed", "one"), ("id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")]),
        ];
        let shown: Vec<(String, u64)> = labels(&sets, "h").into_iter().map(|l| (l.label, l.cardinality)).collect();
        let expected = [("app", 2), ("mixed", 2), ("pod", 1)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(shown, expected);
    }

    #[test]
    fn uuids() {
        let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        assert!(is_uuid(uuid) && is_uuid(&format!("{{{uuid}}}")) && is_uuid(&format!("urn:uuid:{uuid}")));
        assert!(!is_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430cg") && !is_uuid("") && !is_uuid(&"é".repeat(18)));
    }
}
