//! Fields of a line: the cores of the `json`, `logfmt`, `pattern` and `unpack` parsers, free of columns and labels.
//!
//! Each walks one line and hands `name, value` pairs to [`Fields`], which says what it wants and when it has enough.

pub(crate) mod json;
pub(crate) mod json_path;
pub(crate) mod logfmt;
pub(crate) mod pattern;
pub(crate) mod text;

/// Where a parser puts what it finds.
pub(crate) trait Fields {
    /// Whether a field of this label name is needed; otherwise its value is not even decoded.
    fn wants(&mut self, name: &str) -> bool;

    /// Whether a field below this prefix (`a_` for `a_b`) may be needed.
    fn wants_below(&mut self, prefix: &str) -> bool;

    /// Takes a field; the first of several with one name comes first. False ends the parse early, without an error.
    fn set(&mut self, name: &str, value: &str) -> bool;
}

/// Every field of a line, for tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct All(pub(crate) Vec<(String, String)>);

#[cfg(test)]
impl Fields for All {
    fn wants(&mut self, _name: &str) -> bool {
        true
    }
    fn wants_below(&mut self, _prefix: &str) -> bool {
        true
    }
    fn set(&mut self, name: &str, value: &str) -> bool {
        if self.0.iter().all(|(known, _)| known != name) {
            self.0.push((name.to_owned(), value.to_owned()));
        }
        true
    }
}

#[cfg(test)]
impl All {
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
    }
}
