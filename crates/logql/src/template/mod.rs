//! Go's `text/template` language with Loki's functions, for `line_format` and `label_format`.
//!
//! A [`Template`] is parsed once per query and appends to one buffer per entry.
//! Source: the published syntax of Go's text/template; docs/logql.md lists the functions.

mod exec;
mod functions;
pub mod go_time;
mod numbers;
mod parse;
mod printf;
mod strings;
mod times;
mod value;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use regex::bytes::Regex;

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    name: String,
    parsed: parse::Parsed,
    regexes: Mutex<HashMap<String, Arc<Regex>>>,
}

/// Where a template finds labels.
pub trait LabelSource {
    /// The value of a label, if the entry has it.
    fn get(&self, name: &str) -> Option<&str>;
    /// Calls `visit` for each label, in any order.
    fn each(&self, visit: &mut dyn FnMut(&str, &str));
}

/// What a template runs over.
pub struct Entry<'a> {
    pub labels: &'a dyn LabelSource,
    pub line: &'a str,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: i64,
    /// The query's notion of now, nanoseconds since the Unix epoch.
    pub now: i64,
}

/// Regexes a template keeps compiled; patterns built per entry would grow it without limit.
const REGEXES_MAX: usize = 100;

impl Template {
    /// Parses a template; `name` appears in error texts. Errors read as Go's: `template: line:1: unexpected EOF`.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        Ok(Self { name: name.to_owned(), parsed: parse::parse(name, text)?, regexes: Mutex::new(HashMap::new()) })
    }

    /// Appends the text of one entry to `out`. On error `out` holds what was written before it.
    ///
    /// Errors read as Go's: `template: line:1:3: executing "line" at <.a.b>: …`.
    pub fn execute(&self, entry: &Entry<'_>, out: &mut String) -> Result<(), String> {
        exec::Run::new(self, entry).root(out)
    }

    /// The label a template consists of when it is exactly `{{.label}}`.
    #[must_use]
    pub fn as_single_field(&self) -> Option<&str> {
        let [parse::Node::Action(pipeline)] = self.parsed.root.as_slice() else { return None };
        let [command] = pipeline.commands.as_slice() else { return None };
        match command.operands.as_slice() {
            [parse::Operand::Field(path, _)] if path.len() == 1 && pipeline.declare.is_empty() => Some(&path[0]),
            _ => None,
        }
    }

    /// Names that follow a dot in the template: labels, or fields of what functions return.
    pub(crate) fn field_names(&self) -> &[String] {
        &self.parsed.uses.fields
    }

    /// Whether the template may look at labels that it does not name.
    pub(crate) fn uses_all_labels(&self) -> bool {
        self.parsed.uses.all_labels
    }

    /// Whether the template looks at the line.
    pub(crate) fn reads_line(&self) -> bool {
        self.parsed.uses.line
    }

    fn regex(&self, pattern: &str) -> Result<Arc<Regex>, String> {
        let mut kept = self.regexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = kept.get(pattern) {
            return Ok(Arc::clone(regex));
        }
        let regex = Arc::new(crate::re2::compile(pattern)?);
        if kept.len() >= REGEXES_MAX {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), Arc::clone(&regex));
        Ok(regex)
    }
}
