//! `| unpack`: labels and line as Promtail's `pack` stage wrapped them.

use super::Hints;
use super::json::ERROR;
use super::sink::Sink;
use crate::batch::Batch;
use crate::error::Result;
use crate::extract::Fields as _;
use crate::extract::json::{Members, Raw};
use crate::extract::text::{push_sanitised, push_unescaped};
use crate::pipeline::{RewrittenLines, Workspace};
use crate::stages::{line_view, rewrite::Rewriter};

const ENTRY: &[u8] = b"_entry";
const NOT_AN_OBJECT: &str = "expecting json object(6), but it is not";
const BAD_ESCAPE: &str = "Cannot unescape string";

#[derive(Debug, Default)]
pub(super) struct UnpackScratch {
    /// Names and values found so far, one after the other.
    text: String,
    /// Ends of a name and of its value in `text`.
    fields: Vec<(usize, usize)>,
    entry: String,
    name: String,
    field: String,
}

pub(super) fn run(hints: &Hints, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
    let Workspace { selection, overlay, rewritten, parsers, spare_lines } = workspace;
    let view = line_view(rewritten.as_ref(), batch)?;
    let scratch = &mut parsers.unpack;
    let mut sink = Sink::new(batch, overlay, hints);
    let mut lines = Rewriter::new(std::mem::take(spare_lines), &batch.rows);
    let mut outcome = Ok(());
    selection.retain(|row| {
        let line = view.line(row);
        let mut packed = false;
        if outcome.is_ok() && !line.is_empty() && sink.begin(row) {
            packed = unpack(line, scratch, &mut sink);
            outcome = sink.check_size();
        }
        if !sink.is_rejected() {
            let written = lines.push(row, if packed { scratch.entry.as_bytes() } else { line });
            outcome = std::mem::replace(&mut outcome, Ok(())).and(written);
        }
        !sink.is_rejected()
    });
    let old = rewritten.replace(RewrittenLines { lines: lines.finish(), base: batch.rows.start });
    *spare_lines = old.map(|old| old.lines).unwrap_or_default();
    outcome
}

/// True when the line is a packed entry, whose line is then in `scratch.entry`.
fn unpack(line: &[u8], scratch: &mut UnpackScratch, sink: &mut Sink<'_, '_>) -> bool {
    if line[0] != b'{' {
        sink.fail(ERROR, Some(NOT_AN_OBJECT));
        return false;
    }
    match read(line, scratch) {
        Err(details) => {
            sink.fail(ERROR, Some(details));
            false
        }
        Ok(packed) => {
            if packed {
                hand_over(scratch, sink);
            }
            packed
        }
    }
}

/// Reads the string members. True when `_entry` is among them.
fn read(line: &[u8], scratch: &mut UnpackScratch) -> Result<bool, &'static str> {
    scratch.text.clear();
    scratch.fields.clear();
    let mut packed = false;
    let mut members = Members::new(line)?;
    while let Some((key, value)) = members.next()? {
        let Raw::Str(text) = value else { continue };
        if key == ENTRY {
            scratch.entry.clear();
            if !push_unescaped(text, &mut scratch.entry) {
                return Err(BAD_ESCAPE);
            }
            packed = true;
            continue;
        }
        scratch.name.clear();
        if !push_unescaped(key, &mut scratch.name) {
            return Err(BAD_ESCAPE);
        }
        let start = scratch.text.len();
        scratch.field.clear();
        push_sanitised(&scratch.name, &mut scratch.field);
        scratch.text.push_str(&scratch.field);
        let name_end = scratch.text.len();
        if !push_unescaped(text, &mut scratch.text) {
            scratch.text.truncate(name_end);
        }
        if name_end > start {
            scratch.fields.push((name_end, scratch.text.len()));
        }
    }
    Ok(packed)
}

fn hand_over(scratch: &UnpackScratch, sink: &mut Sink<'_, '_>) {
    let mut start = 0;
    for &(name_end, end) in &scratch.fields {
        let (name, value) = (&scratch.text[start..name_end], &scratch.text[name_end..end]);
        start = end;
        if sink.wants(name) {
            sink.put(value);
        }
        if sink.is_rejected() {
            return;
        }
    }
}
