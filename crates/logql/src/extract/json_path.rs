//! `json x="a.b[0]"`: one value of a JSON line by its path.

use super::json::{Members, Raw, value_at};
use super::text::push_unescaped;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Deepest path accepted.
const STEPS_MAX: usize = 128;

/// Parses `field.field[0]["any key"]`; the first step may be a bracketed key.
///
/// Errors: what is wrong and where, without the stage's own words.
pub(crate) fn parse(path: &str) -> Result<Vec<Step>, String> {
    let (mut steps, mut rest) = (Vec::new(), path);
    let fail = |rest: &str, message: &str| {
        format!("cannot parse expression [{path}]: {message} at position {}", path.len() - rest.len() + 1)
    };
    while !rest.is_empty() {
        if steps.len() >= STEPS_MAX {
            return Err(fail(rest, "path is too deep"));
        }
        if let Some(inside) = rest.strip_prefix("[\"") {
            let end = inside.find("\"]").ok_or_else(|| fail(rest, "unterminated key"))?;
            steps.push(Step::Key(inside[..end].to_owned()));
            rest = &inside[end + 2..];
        } else if let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']').ok_or_else(|| fail(rest, "unterminated index"))?;
            steps.push(Step::Index(inside[..end].parse().map_err(|_| fail(inside, "index is not a number"))?));
            rest = &inside[end + 1..];
        } else {
            let named = match rest.strip_prefix('.') {
                Some(after) if !steps.is_empty() => after,
                None if steps.is_empty() => rest,
                _ => return Err(fail(rest, "unexpected character")),
            };
            let end = named.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(named.len());
            if end == 0 || named.as_bytes()[0].is_ascii_digit() {
                return Err(fail(named, "expected a field name"));
            }
            steps.push(Step::Key(named[..end].to_owned()));
            rest = &named[end..];
        }
    }
    if steps.is_empty() { Err(format!("cannot parse expression [{path}]: it is empty")) } else { Ok(steps) }
}

/// The value at a path, if the line has it. What is off the path is not checked.
pub(crate) fn find<'l>(line: &'l [u8], path: &[Step], key_scratch: &mut String) -> Option<Raw<'l>> {
    let (mut value, _) = value_at(line, 0).ok()?;
    for step in path {
        value = match (step, value) {
            (Step::Key(name), Raw::Object(text)) => member(text, name, key_scratch)?,
            (Step::Index(at), Raw::Array(text)) => element(text, *at)?,
            _ => return None,
        };
    }
    Some(value)
}

fn member<'l>(object: &'l [u8], name: &str, key_scratch: &mut String) -> Option<Raw<'l>> {
    let mut members = Members::new(object).ok()?;
    while let Some((key, value)) = members.next().ok()? {
        let found = if memchr::memchr(b'\\', key).is_none() {
            key == name.as_bytes()
        } else {
            key_scratch.clear();
            push_unescaped(key, key_scratch) && key_scratch == name
        };
        if found {
            return Some(value);
        }
    }
    None
}

fn element(array: &[u8], wanted: usize) -> Option<Raw<'_>> {
    let mut at = 1;
    for index in 0.. {
        let (value, end) = value_at(array, at).ok()?;
        if index == wanted {
            return Some(value);
        }
        let separator = array[end..].iter().position(|b| !b.is_ascii_whitespace()).map(|skip| end + skip)?;
        if array[separator] != b',' {
            return None;
        }
        at = separator + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"a":{"b":[1,{"x":"y"}, [2]]},"k y":"v","n":null,"e\"q":1}"#;

    fn look(path: &str) -> Option<String> {
        find(LINE.as_bytes(), &parse(path).expect(path), &mut String::new()).map(|raw| format!("{raw:?}"))
    }

    #[test]
    fn paths_find_values() {
        let plain = |text: &[u8]| Some(format!("{:?}", Raw::Plain(text)));
        assert_eq!(look("a.b[0]"), plain(b"1"));
        assert_eq!(look("a.b[1].x"), Some(format!("{:?}", Raw::Str(b"y"))));
        assert_eq!(look("a.b[2][0]"), plain(b"2"));
        assert_eq!(look(r#"["k y"]"#), Some(format!("{:?}", Raw::Str(b"v"))));
        assert_eq!(look(r#"["a"]["b"][0]"#), plain(b"1"));
        assert_eq!(look("n"), Some(format!("{:?}", Raw::Null)));
        for missing in ["x", "a.c", "a.b[9]", "a.b.c", "n.x", "a[0]"] {
            assert_eq!(look(missing), None, "{missing}");
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        for bad in ["", "a..b", "a[", "a[x]", "a b", ".a", "a.", "[\"a", "1a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
