//! Lines by template: what lines of a kind have in common once, and the values in which they differ as typed columns.
//!
//! Lines are taken apart into static text and slots (`tokens`, `json`), sorted by template (`learn`), and the values of each slot are
//! stored in the cheapest way found for them (`encode`, `kinds`, `numbers`, `classes`). Values that are texts with a structure of
//! their own have templates again. Reading finds all parts first (`node`, `section`) and puts lines together (`weave`), or decodes only
//! what is asked for (`lines`); needles are looked for in templates before any value is decoded (`sketch`, `windows`, `find`).
//!
//! The bytes are specified in `docs/formats/segment.md` § Templates.

mod bits;
mod classes;
mod digits;
mod encode;
mod find;
mod json;
mod kinds;
mod learn;
mod lines;
mod node;
mod numbers;
mod section;
mod sketch;
mod times;
mod tokens;
mod weave;
mod windows;
mod write;

pub use lines::TemplateLines;

use sigyn_model::Lines;

use self::encode::{Encoder, Texts};
use self::node::{Members, Node, Templates};
use self::section::Stored;
use self::tokens::Span;
use self::weave::{Outlines, weave};
use crate::varint::Reader;
use crate::{Codec, Error, Result, format};

const REGION: &str = "lines column";

/// The lines as templates, if they have enough in common. `lines` holds each of `lengths` followed by a newline; `times` are the rows'.
///
/// The result is deterministic. What it starts with is [`format::LINES_TEMPLATES`].
pub(crate) fn encode(lines: &[u8], lengths: &[u32], times: &[i64], codec: Codec) -> Result<Option<Vec<u8>>> {
    if lines.len() as u64 > format::TEMPLATES_RAW_MAX || lengths.is_empty() {
        return Ok(None);
    }
    let mut spans = Vec::with_capacity(lengths.len());
    let mut at = 0;
    for length in lengths {
        spans.push(Span::new(at, at + *length as usize));
        at += *length as usize + 1;
    }
    let rows: Vec<u32> = (0..lengths.len() as u32).collect();
    let encoder = Encoder { bytes: lines, times, codec };
    let Some(body) = encoder.lines(Texts { spans: &spans, rows: Some(&rows) })? else { return Ok(None) };
    let mut out = Vec::with_capacity(body.len() + 1);
    out.push(format::LINES_TEMPLATES);
    out.extend_from_slice(&body);
    Ok(Some(out))
}

/// Finds the parts of a lines column; `reader` has read its first byte.
fn read(reader: &mut Reader, length: usize) -> Result<Templates> {
    match Node::read(reader, length, 0)? {
        Node::Templates(templates) => Ok(*templates),
        _ => Err(Error::corrupt(REGION, "lines are not stored as templates")),
    }
}

/// All lines. `bytes` is the whole column, `raw_length` what it decodes to.
pub(crate) fn decode(bytes: &[u8], rows: usize, times: &[i64], raw_length: u64) -> Result<Lines> {
    if raw_length > format::TEMPLATES_RAW_MAX {
        return Err(Error::corrupt(REGION, format!("templates of {raw_length} bytes")));
    }
    let mut reader = Reader::new(bytes, REGION);
    reader.u8()?;
    let templates = read(&mut reader, bytes.len())?;
    reader.end()?;
    let stored = Stored::new(bytes, Some(times), raw_length);
    templates.decode_lines(&stored, rows)
}

impl Templates {
    fn decode_lines(&self, stored: &Stored, rows: usize) -> Result<Lines> {
        let ids = self.ids(stored, rows)?;
        let outlines = Outlines::read(self, stored)?;
        let members = Members::of(&ids, self.count);
        outlines.check(stored, |template| members.of_template(template).len())?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let mut woven = Vec::with_capacity(self.count);
        for template in 0..self.count {
            woven.push(self.woven(&outlines, template, stored, &members, Some(&all))?);
        }
        let (bytes, offsets) = weave(stored, &woven, &members, b"\n")?;
        Ok(Lines { bytes, offsets })
    }
}

#[cfg(test)]
mod tests;
