//! A stream's identity: its name–value pairs, sorted by name.

use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

/// One name–value pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    pub name: Box<str>,
    pub value: Box<str>,
}

/// Name–value pairs sorted by name, names unique, no empty values but by [`Labels::with_empty`]. Cheap to clone.
///
/// Ordering is that of the pairs, so streams that share their first labels are neighbours.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// Sorts the pairs, drops empty values, and keeps the last of several values for one name.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let mut labels = sorted(pairs);
        labels.retain(|label| !label.value.is_empty());
        Self(labels.into())
    }

    /// As [`Self::from_pairs`], but keeps empty values: those that a query's stages have given to an entry.
    pub fn with_empty<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        Self(sorted(pairs).into())
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|label| (*label.name).cmp(name)).ok().map(|at| &*self.0[at].value)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|label| (&*label.name, &*label.value))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// XXH3-64 over `name 0xff value 0xff …`; equal labels hash equally in every process and version.
    #[must_use]
    pub fn hash64(&self) -> u64 {
        let mut hasher = Xxh3::new();
        for (name, value) in self.iter() {
            hasher.update(name.as_bytes());
            hasher.update(&[0xff]);
            hasher.update(value.as_bytes());
            hasher.update(&[0xff]);
        }
        hasher.digest()
    }
}

/// Pairs by name, the last of several values for one name.
fn sorted<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Vec<Label> {
    let mut labels: Vec<Label> =
        pairs.into_iter().map(|(name, value)| Label { name: name.into(), value: value.into() }).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels.reverse();
    labels.dedup_by(|later, earlier| later.name == earlier.name);
    labels.reverse();
    labels
}

/// `{app="api", env="prod"}`, values quoted as Go's `%q` does.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", GoQuoted(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Displays a string as Go's `strconv.Quote`: double quotes, escapes for control characters, printable Unicode as is.
pub struct GoQuoted<'a>(pub &'a str);

impl fmt::Display for GoQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\x07' => f.write_str("\\a")?,
                '\x08' => f.write_str("\\b")?,
                '\x0c' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\x0b' => f.write_str("\\v")?,
                c if (c as u32) < 0x20 || c == '\x7f' => write!(f, "\\x{:02x}", c as u32)?,
                c if is_printable(c) => f.write_char(c)?,
                c if (c as u32) < 0x1_0000 => write!(f, "\\u{:04x}", c as u32)?,
                c => write!(f, "\\U{:08x}", c as u32)?,
            }
        }
        f.write_char('"')
    }
}

/// Close to Go's `unicode.IsPrint`: no control, separator or unassigned characters but the ASCII space.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_drops_empty_and_keeps_the_last_duplicate() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="x", b="2"}"#);
        assert_eq!(labels.get("b"), Some("2"));
        assert_eq!(labels.get("c"), None);
        assert_eq!(Labels::with_empty([("c", ""), ("a", "x")]).to_string(), r#"{a="x", c=""}"#);
    }

    #[test]
    fn hash_separates_names_from_values() {
        let a = Labels::from_pairs([("ab", "c")]);
        let b = Labels::from_pairs([("a", "bc")]);
        assert_ne!(a.hash64(), b.hash64());
        assert_eq!(a.hash64(), Labels::from_pairs([("ab", "c")]).hash64());
    }

    #[test]
    fn quotes_like_go() {
        let quoted = GoQuoted("a\"b\\c\n\t\x01\u{7f}日本\u{200b}🔥").to_string();
        assert_eq!(quoted, r#""a\"b\\c\n\t\x01\x7f日本\u200b🔥""#);
    }
}
