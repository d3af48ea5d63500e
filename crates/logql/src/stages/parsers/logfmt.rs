//! `| logfmt` and `| logfmt x="key"`.

use super::sink::Sink;
use crate::ast::Extract;
use crate::extract::Fields as _;
use crate::extract::logfmt::{Scanner, SyntaxError, label_name};

const ERROR: &str = "LogfmtParserErr";

#[derive(Debug, Default)]
pub(super) struct LogfmtScratch {
    name: String,
    value: String,
}

/// Every pair of the line.
#[derive(Debug)]
pub(super) struct LogfmtFields {
    pub(super) strict: bool,
    pub(super) keep_empty: bool,
}

impl LogfmtFields {
    pub(super) fn run(&self, line: &[u8], scratch: &mut LogfmtScratch, sink: &mut Sink<'_, '_>) {
        let LogfmtScratch { name, value } = scratch;
        let mut scanner = Scanner::new(line);
        while let Some(pair) = scanner.next() {
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => return fail(error, sink),
                Err(_) => continue,
            };
            if pair.is_empty() && !self.keep_empty {
                continue;
            }
            label_name(pair.key, name);
            if name.is_empty() || !sink.wants(name) {
                continue;
            }
            value.clear();
            pair.push_value(value);
            if !sink.put(value) {
                return;
            }
        }
    }
}

/// Some pairs of the line, each under its label.
#[derive(Debug)]
pub(super) struct LogfmtNames {
    strict: bool,
    extracts: Vec<Extract>,
}

impl LogfmtNames {
    /// Errors: Loki's words about a key that is no plain name.
    pub(super) fn new(extracts: &[Extract], strict: bool) -> Result<Self, String> {
        for Extract { expression, .. } in extracts {
            let odd = expression.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_'));
            if let Some(odd) = odd {
                return Err(format!("cannot parse expression [{expression}]: unexpected char {odd}"));
            }
            if expression.is_empty() {
                return Err("cannot parse expression []: syntax error: unexpected $end, expecting KEY".to_owned());
            }
        }
        Ok(Self { strict, extracts: extracts.to_vec() })
    }

    pub(super) fn run(&self, line: &[u8], scratch: &mut LogfmtScratch, sink: &mut Sink<'_, '_>) {
        let LogfmtScratch { name, value } = scratch;
        for Extract { label, .. } in &self.extracts {
            if !sink.is_taken(label) {
                sink.replace(label, "");
            }
        }
        let mut scanner = Scanner::new(line);
        while let Some(pair) = scanner.next() {
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => return fail(error, sink),
                Err(_) => continue,
            };
            label_name(pair.key, name);
            if self.meant(name).next().is_none() {
                continue;
            }
            value.clear();
            pair.push_value(value);
            self.meant(name).for_each(|label| sink.replace(label, value));
        }
    }

    /// Labels that a key gives; the later of several keys counts.
    fn meant<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.extracts.iter().filter(move |extract| extract.expression == key).map(|extract| extract.label.as_str())
    }
}

fn fail(error: SyntaxError, sink: &mut Sink<'_, '_>) {
    sink.fail(ERROR, Some(&error.to_string()));
}
