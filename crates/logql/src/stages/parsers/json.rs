//! `| json` and `| json x="a.b[0]"`.

use super::sink::Sink;
use crate::ast::Extract;
use crate::extract::json::{Raw, Scratch, walk};
use crate::extract::json_path::{Step, find, parse};
use crate::extract::text::{push_unescaped, push_utf8};

pub(super) const ERROR: &str = "JSONParserErr";

#[derive(Debug, Default)]
pub(super) struct JsonScratch {
    walk: Scratch,
    key: String,
    value: String,
}

/// Every scalar of the object.
pub(super) fn fields(line: &[u8], scratch: &mut JsonScratch, sink: &mut Sink<'_, '_>) {
    if let Err(details) = walk(line, &mut scratch.walk, sink)
        && !sink.is_rejected()
    {
        sink.fail(ERROR, Some(details));
    }
}

/// The values at some paths, each under its label.
#[derive(Debug)]
pub(super) struct JsonPaths(Vec<(String, Vec<Step>)>);

impl JsonPaths {
    /// Errors: Loki's words about a path.
    pub(super) fn new(extracts: &[Extract]) -> Result<Self, String> {
        let paths = extracts.iter().map(|extract| Ok((extract.label.clone(), parse(&extract.expression)?)));
        paths.collect::<Result<_, String>>().map(Self)
    }

    pub(super) fn run(&self, line: &[u8], scratch: &mut JsonScratch, sink: &mut Sink<'_, '_>) {
        match line.first() {
            None => return,
            Some(b'{' | b'[' | b'"') => {}
            Some(_) => return sink.fail(ERROR, None),
        }
        let JsonScratch { key, value, .. } = scratch;
        for (label, path) in &self.0 {
            value.clear();
            match find(line, path, key) {
                Some(Raw::Null) => {}
                Some(Raw::Str(text) | Raw::Array(text)) if push_unescaped(text, value) => {}
                Some(Raw::Str(_) | Raw::Array(_)) => value.clear(),
                Some(Raw::Plain(text) | Raw::Object(text)) => push_utf8(text, value),
                None if sink.has_label(label) => continue,
                None => {}
            }
            sink.replace(label, value);
        }
    }
}
